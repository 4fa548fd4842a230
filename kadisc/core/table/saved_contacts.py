"""Whom we know without having met them in this run: contacts from the last one, and peers that the
operator wants to be kept.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Final

from ...config import MaintenanceConfig
from ...contacts import Contact
from ...endpoints import Endpoint
from ...ids import NodeId, shared_prefix_bits
from ..contract.saved_state import SavedContact

MAX_REMEMBERED: Final = 1000
GRACE_S: Final = 60.0
FORGET_S: Final = 30 * 86_400.0
"""Of our own running time, over all runs."""


class SavedContacts:
    """``remembered`` shrinks as its contacts are met again; pinned endpoints stay for good, each
    with the time of the next try.
    """

    __slots__ = ("_config", "_pinned", "_remembered", "_tried", "deadline")

    def __init__(self, config: MaintenanceConfig) -> None:
        self._config = config
        self._remembered: dict[Contact, tuple[SavedContact, float]] = {}
        self._tried: dict[Contact, int] = {}
        self._pinned: dict[Endpoint, float] = {}
        self.deadline = inf
        """When a pinned one is due for a try; inf without any."""

    def __len__(self) -> int:
        return len(self._remembered)

    def remember(self, saved: SavedContact, now: float) -> bool:
        """False if there is no room for more."""
        if len(self._remembered) >= MAX_REMEMBERED:
            return False
        self._remembered[saved.contact] = saved, now
        return True

    def met(self, contact: Contact) -> SavedContact | None:
        """It has answered: what was remembered of it, once."""
        self._tried.pop(contact, None)
        saved, _ = self._remembered.pop(contact, (None, 0.0))
        return saved

    def not_met(self, now: float) -> tuple[SavedContact, ...]:
        """As of now, the likeliest to be there still first."""
        aged = [
            replace(saved, verified_s_ago=saved.verified_s_ago + now - since)
            for saved, since in self._remembered.values()
        ]
        return tuple(
            sorted((saved for saved in aged if saved.verified_s_ago < FORGET_S), key=_silence)
        )

    def to_try(self, target: NodeId, count: int, now: float) -> list[Contact]:
        """So many of them, those first that were tried least often: if the first are all gone, the
        next time others have their turn. Half of them are the likeliest to be there, half the
        closest to ``target``.
        """
        likeliest = sorted(self.not_met(now), key=lambda saved: self._tried.get(saved.contact, 0))
        chosen = dict.fromkeys(saved.contact for saved in likeliest[: count // 2])
        closest = sorted(
            self._remembered, key=lambda contact: (self._tried.get(contact, 0), contact.id ^ target)
        )
        for contact in closest:
            if len(chosen) >= count:
                break
            chosen[contact] = None
        for contact in chosen:
            self._tried[contact] = self._tried.get(contact, 0) + 1
        return list(chosen)

    def deepest_bucket(self, own_id: NodeId) -> int:
        """Of those that their contacts would be in; -1 without any."""
        return max(
            (shared_prefix_bits(own_id, contact.id) for contact in self._remembered), default=-1
        )

    def pin(self, endpoint: Endpoint, now: float) -> None:
        self._pinned[endpoint] = now
        self.deadline = min(self._pinned.values())

    def unpin(self, endpoint: Endpoint) -> None:
        self._pinned.pop(endpoint, None)
        self.deadline = min(self._pinned.values(), default=inf)

    def due_pins(self, now: float) -> list[Endpoint]:
        due = [endpoint for endpoint, try_at in self._pinned.items() if now >= try_at]
        for endpoint in due:
            self._pinned[endpoint] = now + self._config.static_peer_check_s
        self.deadline = min(self._pinned.values(), default=inf)
        return due


def _silence(saved: SavedContact) -> float:
    """How long it has not been heard of, in terms of how long it had been up: sessions that lasted
    long go on for long (Weibull shape < 1). Without the first part, those that died long ago would
    stay ahead of all others for ever, run after run.
    """
    return saved.verified_s_ago / (saved.age_s + GRACE_S)
