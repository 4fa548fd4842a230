"""Rendezvous: nodes of one network find each other on a DHT that they share with other nodes, under
four info-hashes that follow from the network's name.

Each node announces itself there (BEP 5) and looks up which others did. Attack: an attacker that
owns the neighbourhood of one info-hash hides what is stored there. Defence: there are four. A
lookup is worth much to a node that knows few peers, and nothing to one that knows enough: so it is
repeated after seconds at first, then less and less often.
"""

from __future__ import annotations

import hashlib
from random import Random
from typing import Final

from ...config import RendezvousConfig
from ...endpoints import Family
from ...ids import NodeId
from ..contract.conduct import Conduct
from ..contract.queries import RendezvousLookup
from ..contract.times import FOREVER, jittered

SMALL_DHT: Final = 64
"""A DHT of fewer contacts is a small one: every announce is at a large part of its nodes."""
SLOWER_IN_SMALL_DHT: Final = 1.5
"""The interval of announces is longer there by this factor. With its jitter, an announce that the
default interval makes is still renewed within its 30 minutes.
"""
INFO_HASHES: Final = 4
"""Info-hashes of one network."""


def network_tag(name: str) -> bytes:
    """The 20 bytes that stand for a network in records and queries."""
    return hashlib.sha1(b"kadisc network:" + name.encode("utf-8", "surrogatepass")).digest()


def info_hashes(tag: bytes) -> tuple[NodeId, ...]:
    return tuple(
        int.from_bytes(hashlib.sha1(tag + bytes((number,))).digest(), "big")
        for number in range(INFO_HASHES)
    )


class RendezvousSchedule:
    """When to announce and to look up, in one address family. Begins when the node has joined
    there. An info-hash is named by its number, from 0.
    """

    def __init__(
        self, config: RendezvousConfig, family: Family, tag: bytes, rng: Random, conduct: Conduct
    ) -> None:
        """``conduct``: of the node in that family; it says whether to announce, and which port."""
        self._config = config
        self._family = family
        self._hashes = info_hashes(tag)
        self._rng = rng
        self._conduct = conduct
        self._joined = False
        self._pause_s = config.first_pause_s
        self._announce_at = [FOREVER] * INFO_HASHES
        self._look_up_at = FOREVER
        self._running: set[int] = set()
        self._had_enough = False
        self._turn = rng.randrange(INFO_HASHES)
        self.deadline = FOREVER
        """When to call ``due``; it is read after every datagram."""

    def joined(self, now: float) -> None:
        """The first lookups come at once, one after the other; a lookup that announces also finds
        the peers that announced.
        """
        self._joined = True
        first = list(range(INFO_HASHES))
        self._rng.shuffle(first)
        if self._conduct.announces:
            for place, number in enumerate(first):
                self._announce_at[number] = now + place * self._config.stagger_s
        self._pause_s = self._config.first_pause_s
        self._look_up_at = now + (self._pause_s if self._conduct.announces else 0.0)
        self._set_deadline()

    def address_changed(self, now: float) -> None:
        """The node's address changed: what was announced leads nowhere. Or its conduct changed: it
        begins to announce, at another port, or it ceases to.
        """
        if not self._joined:
            return
        for number, at in enumerate(self._announce_at):
            if self._conduct.announces:
                self._announce_at[number] = min(at, now + number * self._config.stagger_s)
            else:
                self._announce_at[number] = FOREVER
        self._set_deadline()

    def due(
        self, now: float, port: int | None, *, enough: bool, contacts: int
    ) -> list[RendezvousLookup]:
        """The lookups to begin now. ``port``: the node's own, if known. ``enough``: whether enough
        peers are known. ``contacts``: in the routing table.
        """
        if self._had_enough and not enough and self._look_up_at < FOREVER:
            # The peers are gone: look soon, and then again.
            self._pause_s = self._config.first_pause_s
            self._look_up_at = min(self._look_up_at, now + self._jittered(self._pause_s))
        self._had_enough = enough
        lookups = []
        for number, at in enumerate(self._announce_at):
            if now >= at and number not in self._running:
                interval_s = self._config.announce_interval_s
                if contacts < SMALL_DHT:
                    interval_s *= SLOWER_IN_SMALL_DHT
                self._announce_at[number] = now + self._jittered(interval_s)
                lookups.append(self._lookup(number, port, announces=True))
        if now >= self._look_up_at:
            self._turn = (self._turn + 1) % INFO_HASHES
            longest_s = self._config.max_pause_s
            self._pause_s = longest_s if enough else min(2 * self._pause_s, longest_s)
            self._look_up_at = now + self._jittered(self._pause_s)
            if self._turn not in self._running:
                lookups.append(self._lookup(self._turn, port, announces=False))
        self._set_deadline()
        return lookups

    def finished(self, number: int, now: float, *, stored: bool) -> None:
        """A lookup has ended; an announce that no node stored is tried again sooner."""
        self._running.discard(number)
        if not stored and self._announce_at[number] < FOREVER:
            self._announce_at[number] = min(
                self._announce_at[number], now + self._jittered(self._config.retry_s)
            )
        self._set_deadline()

    def _set_deadline(self) -> None:
        deadline = self._look_up_at
        for number, at in enumerate(self._announce_at):
            if at < deadline and number not in self._running:
                deadline = at
        self.deadline = deadline

    def _lookup(self, number: int, port: int | None, *, announces: bool) -> RendezvousLookup:
        self._running.add(number)
        mapped = self._conduct.port
        return RendezvousLookup(
            self._family,
            number,
            self._hashes[number],
            announces,
            mapped or port,
            self._config.paths,
            implied_port=mapped is None,
        )

    def _jittered(self, seconds: float) -> float:
        return jittered(seconds, self._config.jitter, self._rng)
