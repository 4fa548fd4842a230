"""Events in words, for people, and as records, for programs."""

from __future__ import annotations

from typing import get_args

from ..core.contract.events import AddressChanged, CameOnline, Joined, WentOffline
from ..endpoints import Family, format_ip
from ..ids import format_id
from .shell_events import (
    AllContactsLost,
    BootstrapFailing,
    BootstrapWorking,
    HostUnresolved,
    NetworkChanged,
    ShellEvent,
    StateDamaged,
    StateSaved,
    StateSetAside,
    StateUnsaved,
)

Notable = AddressChanged | CameOnline | Joined | WentOffline | ShellEvent
NOTABLE: tuple[type[Notable], ...] = get_args(Notable)
"""The few events that someone who merely runs a node wants to read."""


def record_of(event: Notable) -> dict[str, object]:
    """The event as a JSON object; ``event`` is its name."""
    match event:
        case Joined(family, verified):
            return {"event": "joined", "family": family.value, "contacts": verified}
        case WentOffline(family):
            return {"event": "offline", "family": family.value}
        case CameOnline(family):
            return {"event": "online", "family": family.value}
        case BootstrapFailing(family, reason):
            return {"event": "bootstrap_failing", "family": family.value, "reason": reason}
        case BootstrapWorking(family):
            return {"event": "bootstrap_working", "family": family.value}
        case HostUnresolved(host, reason):
            return {"event": "host_unresolved", "host": host, "reason": reason}
        case NetworkChanged(slept_s):
            return {"event": "network_changed", "slept_s": round(slept_s, 1)}
        case AddressChanged(family, ip, port, own_id, voters):
            where = {"family": family.value, "host": format_ip(ip), "port": port}
            return {"event": "address_changed", **where, "id": format_id(own_id), "voters": voters}
        case AllContactsLost(family):
            return {"event": "alone", "family": family.value}
        case StateUnsaved(reason):
            return {"event": "state_unsaved", "reason": reason}
        case StateSaved():
            return {"event": "state_saved"}
        case StateSetAside(file, aside, reason):
            return {"event": "state_set_aside", "file": file, "aside": aside, "reason": reason}
        case StateDamaged(file, reason):
            return {"event": "state_damaged", "file": file, "reason": reason}


def words_for(event: Notable) -> tuple[str, str]:
    """A short name and a line of words."""
    match event:
        case Joined(family, verified):
            return (
                "joined",
                f"{family_name(family)}: own neighbourhood is known, {count(verified, 'contact')} verified",
            )
        case WentOffline(family):
            return (
                "offline",
                f"{family_name(family)}: nothing is heard any more; contacts are kept, the way back is being tried",
            )
        case CameOnline(family):
            return "online", f"{family_name(family)}: others are heard again"
        case BootstrapFailing(family, reason):
            return "bootstrap", f"{family_name(family)}: {reason}; trying again quietly"
        case BootstrapWorking(family):
            return "bootstrap", f"{family_name(family)}: answered now"
        case HostUnresolved(_, reason):
            return "bootstrap", f"{reason}; trying again quietly"
        case NetworkChanged(slept_s):
            return "network", f"this machine slept for {slept_s:.0f} s: looking at everything anew"
        case AddressChanged(family, ip, _, own_id, voters):
            return (
                "address",
                f"{family_name(family)}: {count(voters, 'network')} asked, we are at {format_ip(ip)}; own ID is now {format_id(own_id)}",
            )
        case AllContactsLost(family):
            return (
                "alone",
                f"{family_name(family)}: the last contact is gone; the way back is being tried",
            )
        case StateUnsaved(reason):
            return (
                "state",
                f"warning: {reason}; nothing is kept for the next run, trying again quietly",
            )
        case StateSaved():
            return "state", "what is known can be kept for the next run again"
        case StateSetAside(file, aside, reason):
            return (
                "state",
                f"warning: {file} is damaged ({reason}); it is now {aside}, and a new one is begun",
            )
        case StateDamaged(file, reason):
            return "state", f"warning: {file} is damaged in part: {reason}; the rest is taken up"


def count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def family_name(family: Family) -> str:
    return "IPv4" if family is Family.IPV4 else "IPv6"
