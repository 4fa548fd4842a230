"""The LAN as status, dashboard and events show it, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LanInterfaceSnapshot:
    """One interface with beacons.

    Args:
        name: The system's name, as in ``eth0``.
        members: Nodes of the own network that beacon on its link.
        others: Nodes of other networks there.
    """

    name: str
    members: int
    others: int


@dataclass(frozen=True, slots=True)
class LanSnapshot:
    """The nodes that were found by beacons.

    Args:
        state: ``on``, ``off``, or ``failing`` (no interface works, see ``reason``).
        interfaces: Those with beacons, in order of their names.
        left_out: Why other interfaces have none, by name.
        reason: Why there are no beacons; None where there are.
        beacons: Beacons by what became of them: ``sent``, ``taken``, ``dropped.rate``...
    """

    state: str = "off"
    interfaces: tuple[LanInterfaceSnapshot, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    beacons: Mapping[str, int] = field(default_factory=dict)


def lan_document(lan: LanSnapshot) -> dict[str, object]:
    """The LAN as a JSON object."""
    return {
        "state": lan.state,
        "interfaces": [
            {"name": each.name, "members": each.members, "others": each.others}
            for each in lan.interfaces
        ],
        "left_out": dict(lan.left_out),
        "reason": lan.reason,
        "beacons": dict(sorted(lan.beacons.items())),
    }


def lan_words(each: LanInterfaceSnapshot) -> str:
    """One interface in a line of text: ``eth0: 2 of our network, 1 other``."""
    return f"{each.name}: {lan_counts(each)}"


def lan_counts(each: LanInterfaceSnapshot) -> str:
    """The nodes on one interface: ``2 of our network, 1 other``."""
    others = "1 other" if each.others == 1 else f"{each.others} others"
    return f"{each.members} of our network, {others}"
