"""What an operator changed while the node runs, as events, JSON records and lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from .log_stamp import time_text_at

Action: TypeAlias = Literal["ban", "unban", "ban_ended", "peer_added", "peer_removed"]


@dataclass(frozen=True, slots=True)
class Administered:
    """A command of the operator took effect, or the time of a ban was over. ``subject``: a network
    in CIDR notation, or HOST:PORT of a static peer. ``until_s``: when a ban ends, in seconds since
    1970; None for good. ``contacts``, ``peers``, ``booked``: how many contacts of the routing
    table, verified peers and entries of the address book it dropped.
    """

    action: Action
    subject: str
    until_s: float | None = None
    contacts: int = 0
    peers: int = 0
    booked: int = 0


@dataclass(frozen=True, slots=True)
class ConfigReloaded:
    """The configuration was read again. ``changed``: the keys that have taken effect;
    ``needs_restart``: those that differ and take effect at the next start.
    """

    changed: tuple[str, ...]
    needs_restart: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReloadRefused:
    """The configuration was read again, and is wrong: nothing was changed."""

    reason: str


AdminEvent: TypeAlias = Administered | ConfigReloaded | ReloadRefused


def admin_fields(event: AdminEvent) -> dict[str, object]:
    """The event as a JSON object, without its name."""
    match event:
        case Administered(action, subject, until_s, contacts, peers, booked):
            return {
                "action": action,
                "subject": subject,
                "until": None if until_s is None else time_text_at(until_s),
                "contacts": contacts,
                "peers": peers,
                "booked": booked,
            }
        case ConfigReloaded(changed, needs_restart):
            return {
                "changed": list(changed),
                "needs_restart": list(needs_restart),
            }
        case ReloadRefused(reason):
            return {"reason": reason}


def admin_words(event: AdminEvent) -> tuple[str, str]:
    """A short name and a line of text."""
    match event:
        case Administered("ban", subject, until_s):
            until = "for good" if until_s is None else f"until {time_text_at(until_s)}"
            dropped = dropped_words(event.contacts, event.peers, event.booked)
            return "ban", f"{subject} {until}; {dropped}"
        case Administered("unban", subject):
            return "ban", f"{subject} lifted by command"
        case Administered("ban_ended", subject):
            return "ban", f"{subject} lifted: its time is over"
        case Administered("peer_added", subject):
            return "peer", f"static peer {subject} added by command"
        case Administered(_, subject):
            return "peer", f"static peer {subject} removed by command"
        case ConfigReloaded(changed, needs_restart):
            return "reload", reload_words(changed, needs_restart)
        case ReloadRefused(reason):
            return "reload", f"nothing was changed: {reason}"


def dropped_words(contacts: int, peers: int, booked: int) -> str:
    """``2 contacts, 1 peer and 1 entry of the address book dropped``."""
    parts = (
        (contacts, "contact", "contacts"),
        (peers, "peer", "peers"),
        (booked, "entry of the address book", "entries of the address book"),
    )
    words = [f"{many} {one if many == 1 else more}" for many, one, more in parts if many]
    if not words:
        return "nothing known was dropped"
    return f"{_listed(words)} dropped"


_PARTS: Final = {"netrestrict": "netrestrict (for its limits by subnet)"}
"""A key that takes effect at once, but for a part."""


def reload_words(changed: Sequence[str], needs_restart: Sequence[str]) -> str:
    """``ban and peer took effect; bind needs a restart``."""
    parts = [f"{_listed(changed)} took effect"] if changed else []
    if needs_restart:
        needs = "needs" if len(needs_restart) == 1 else "need"
        named = [_PARTS.get(each, each) for each in needs_restart]
        parts.append(f"{_listed(named)} {needs} a restart")
    return "; ".join(parts) or "the configuration has not changed"


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)
