"""What a node takes with it over a restart: whom it knew, and where it thought it was. Ages, never clock readings: clocks do not survive."""

from __future__ import annotations

from dataclasses import dataclass

from ..contacts import Contact
from ..endpoints import Family


@dataclass(frozen=True, slots=True)
class SavedContact:
    """``age_s``: since it was first verified; ``verified_s_ago``: since it was last verified; both when the state was made."""

    contact: Contact
    age_s: float
    verified_s_ago: float
    rtt_s: float | None = None
    client: bytes | None = None


@dataclass(frozen=True, slots=True)
class SavedOverlay:
    """``ip`` is 4 or 16 bytes: our own address as it was voted, None if it never was."""

    family: Family
    ip: bytes | None
    contacts: tuple[SavedContact, ...]


@dataclass(frozen=True, slots=True)
class SavedState:
    overlays: tuple[SavedOverlay, ...]
