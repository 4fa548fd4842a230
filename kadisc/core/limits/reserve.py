"""Hosts that a new node leaves alone until it knows whether strangers reach it.

A test of reachability takes witnesses that the node had nothing to do with. In a network of 200
nodes a new one contacts two thirds of those that can be witnesses within five seconds, and nearly
all within fifteen: no witness is a stranger any more, and nothing is found out. So a share of all
hosts, drawn by a secret number, is held back: the upkeep of the routing table and gossip do not
contact them while the first tests run, for two minutes at most. What an application asks for, the
lookups of the own ID and announces contact them all the same. The helpers are told which peers the
node knows (`host_filter.py`), and draw witnesses among the others.

In a network of fewer than 16 other nodes nothing is held back, and in a small one no peers.
"""

from __future__ import annotations

from random import Random
from typing import Final

from ...contacts import Contact
from ...endpoints import Endpoint
from ..contract.bounded import put_newest
from ..contract.times import NEVER
from .contacted import ContactedHostsRule
from .host_filter import KEY_BYTES, cell_of

PARTS: Final = 256
"""A share is counted in so many parts of all hosts."""
MAX_HELD: Final = 256
"""Contacts that are remembered until they may be contacted."""
SMALL_NETWORK: Final = 16
"""Where fewer other nodes are known in all, none is left alone: it would contact this node first,
and then not be handed out for minutes, as it may be behind a NAT.
"""
FEW_CONTACTS: Final = 48
"""Until the routing table has so many contacts, the share is `AT_FIRST` times as large."""
AT_FIRST: Final = 2.5
"""In a network of 60 nodes some 25 can be witnesses, and the lookup of the own ID contacts ten of
them: of the rest a quarter is three or four, and helpers in eight netgroups ask two each.
"""
MOST_PARTS: Final = 192
_NONE_HELD: Final[dict[Endpoint, tuple[Contact, bytes]]] = {}
"""Stays empty: settled nodes hold nothing back."""


class HostSample:
    """A share of all hosts (IPv4 addresses, IPv6 /64s), by multiply-shift hashing (Dietzfelbinger
    et al. 1997) with a number that its owner draws.
    """

    __slots__ = ("_factor", "_parts", "raw")

    def __init__(self, raw: bytes) -> None:
        """``raw``: the size of the share, 1 to 255 of 256 parts, in a byte, and 8 random bytes."""
        self.raw = raw
        self._parts = raw[0]
        self._factor = int.from_bytes(raw[1:], "big") | 1

    def __contains__(self, endpoint: Endpoint) -> bool:
        return cell_of(endpoint, self._factor) < self._parts

    def times(self, factor: float) -> HostSample:
        """Another share, so many times as large, but at most three quarters of all hosts; the
        smaller one of the two is part of the larger one.
        """
        parts = max(self._parts, min(MOST_PARTS, round(factor * self._parts)))
        return HostSample(bytes((parts,)) + self.raw[1:])


def drawn_sample(share: float, rng: Random) -> HostSample:
    """About that share of all hosts, at least one part of 256 and at most three quarters."""
    parts = max(1, min(MOST_PARTS, round(PARTS * share)))
    return HostSample(bytes((parts,)) + rng.randbytes(KEY_BYTES))


class StrangerReserve:
    """Of one address family. It is in force from `begin` to `end`, or to the time given there."""

    __slots__ = ("_contacted", "_held", "_later", "ends_at", "sample")

    def __init__(self) -> None:
        self.sample: HostSample | None = None
        """The share that is held back; None while nothing is."""
        self.ends_at = NEVER
        """Until when; read for each contact that is named."""
        self._later: HostSample | None = None
        """What is enough where more contacts are known."""
        self._contacted: ContactedHostsRule | None = None
        self._held = _NONE_HELD

    def begin(self, sample: HostSample, contacted: ContactedHostsRule, ends_at: float) -> None:
        """``sample``: the share where many contacts are known; until then it is larger, and all of
        it is in that one, see `narrow`.
        """
        self.sample = sample.times(AT_FIRST)
        self._later = sample
        self.ends_at = ends_at
        self._contacted = contacted

    def narrow(self) -> None:
        """The network is not small: the smaller share is enough."""
        if self._later is not None:
            self.sample, self._later = self._later, None

    def end(self) -> None:
        self.sample = self._later = None
        self.ends_at = NEVER

    def holds_back(self, endpoint: Endpoint, now: float) -> bool:
        """Whether this host is left alone now. One that was contacted already need not be."""
        if now >= self.ends_at:
            self.end()
            return False
        return (
            self.sample is not None
            and self._contacted is not None
            and endpoint in self.sample
            and self._contacted.is_stranger(endpoint, now)
        )

    def hold(self, contact: Contact, source: bytes) -> None:
        """Remembers a contact that is left alone, and who named it: otherwise a node that names
        many endpoints without a node would have no share of the checks, but all of them.
        """
        if self._held is _NONE_HELD:
            self._held = {}
        put_newest(self._held, contact.endpoint, (contact, source), MAX_HELD)

    @property
    def held_count(self) -> int:
        """How many contacts are remembered."""
        return len(self._held)

    def released(self, now: float) -> list[tuple[Contact, bytes]]:
        """The contacts that need not be left alone any longer, each with its source."""
        if not self._held or now < self.ends_at:
            return []
        held, self._held = list(self._held.values()), _NONE_HELD
        return held
