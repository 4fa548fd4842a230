"""How nodes of one network find each other on a DHT that is not theirs: under four info-hashes that
follow from the network's name.

Each announces itself there (BEP 5) and looks up who else did. Four, because whoever owns the
neighbourhood of one info-hash can hide what was stored there; he has to own four. A lookup is worth
much to whoever knows few peers, and nothing to whoever knows enough: so it is repeated after
seconds at first, then less and less often.
"""

from __future__ import annotations

import hashlib
from random import Random
from typing import Final

from ...endpoints import Family
from ...ids import NodeId
from ...config import RendezvousConfig
from ..contract.queries import RendezvousLookup

TAGS: Final = 4


def network_tag(name: str) -> bytes:
    """The 20 bytes that stand for a network in records and queries."""
    return hashlib.sha1(b"kadisc network:" + name.encode("utf-8", "surrogatepass")).digest()


def info_hashes(tag: bytes) -> tuple[NodeId, ...]:
    return tuple(
        int.from_bytes(hashlib.sha1(tag + bytes((number,))).digest(), "big")
        for number in range(TAGS)
    )


class RendezvousSchedule:
    """When to announce and to look up, in one address family. Begins when the node has joined
    there.
    """

    def __init__(
        self, config: RendezvousConfig, family: Family, tag: bytes, rng: Random, *, announces: bool
    ) -> None:
        self._config = config
        self._family = family
        self._hashes = info_hashes(tag)
        self._rng = rng
        self._announces = announces
        self._pause_s = config.first_pause_s
        self._announce_at = [float("inf")] * TAGS
        self._look_up_at = float("inf")
        self._running: set[int] = set()
        self._had_enough = False
        self._turn = rng.randrange(TAGS)

    def joined(self, now: float) -> None:
        """The first searches at once, one after the other: an announce finds out who else is there
        as well.
        """
        first = list(range(TAGS))
        self._rng.shuffle(first)
        for place, number in enumerate(first):
            self._announce_at[number] = (
                now + place * self._config.stagger_s if self._announces else float("inf")
            )
        self._pause_s = self._config.first_pause_s
        self._look_up_at = now + (self._pause_s if self._announces else 0.0)

    def moved(self, now: float) -> None:
        """Our address changed: what was announced leads nowhere."""
        if self._announces:
            self._announce_at = [
                at if at == float("inf") else min(at, now + number * self._config.stagger_s)
                for number, at in enumerate(self._announce_at)
            ]

    def due(self, now: float, port: int | None, *, enough: bool) -> list[RendezvousLookup]:
        if (
            self._had_enough and not enough and self._look_up_at < float("inf")
        ):  # they are gone: look soon, and then again
            self._pause_s = self._config.first_pause_s
            self._look_up_at = min(self._look_up_at, now + self._jittered(self._pause_s))
        self._had_enough = enough
        searches = []
        for number, at in enumerate(self._announce_at):
            if now >= at and number not in self._running:
                self._announce_at[number] = now + self._jittered(self._config.announce_interval_s)
                searches.append(self._search(number, port, announces=True))
        if now >= self._look_up_at:
            self._turn = (self._turn + 1) % TAGS
            longest = self._config.max_pause_s
            self._pause_s = longest if enough else min(2 * self._pause_s, longest)
            self._look_up_at = now + self._jittered(self._pause_s)
            if self._turn not in self._running:
                searches.append(self._search(self._turn, port, announces=False))
        return searches

    def ended(self, number: int, now: float, *, stored: bool) -> None:
        """A search is over; an announce that nobody stored is tried again sooner."""
        self._running.discard(number)
        if not stored and self._announce_at[number] < float("inf"):
            self._announce_at[number] = min(
                self._announce_at[number], now + self._jittered(self._config.retry_s)
            )

    def next_deadline(self) -> float:
        waiting = [at for number, at in enumerate(self._announce_at) if number not in self._running]
        return min(self._look_up_at, min(waiting, default=float("inf")))

    def _search(self, number: int, port: int | None, *, announces: bool) -> RendezvousLookup:
        self._running.add(number)
        return RendezvousLookup(
            self._family, number, self._hashes[number], announces, port, self._config.paths
        )

    def _jittered(self, seconds: float) -> float:
        return seconds * self._rng.uniform(1.0 - self._config.jitter, 1.0 + self._config.jitter)
