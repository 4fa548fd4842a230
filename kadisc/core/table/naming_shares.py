"""Shares of the candidates: how many contacts one node may name, and who has lost that right.

Attack: each answer of a node names 70 endpoints without a node. They fill the queue of candidates,
nearly all checks are wasted on them, and honest candidates wait for minutes. Defence: of an answer
the first few names count; of one node, and of one netgroup, few names wait or are being checked at
a time; and each name that turns out dead costs its source one of these places. A source without any
place left may have one name checked after a pause, which doubles. Each name that answers earns a
place back, so that a source loses its places only if most of its names are dead.

Attack: queries with forged source addresses. A query is a claim of its sender about itself, and the
checks of thousands of senders that never answer have no source that could lose its right. Defence:
all askers together have every second turn, and while nearly none of them answers, they are checked
at a slower pace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from ...endpoints import Endpoint
from ..contract.bounded import put_newest
from ..contract.times import NEVER

ASKERS: Final = b"askers"
"""The source of contacts that sent a query themselves."""
OWN: Final = b"own"
"""The source of contacts that this node knows by itself: saved ones, and verified peers."""
NAMES_PER_ANSWER: Final = 8
"""How many contacts of one answer may become candidates: a bucket of BEP 5."""
PER_TELLER: Final = 8
PER_NETGROUP: Final = 32
"""How many names of one node, and of the nodes of one netgroup, wait or are checked at a time."""
PAUSE_S: Final = 60.0
MAX_DOUBLINGS: Final = 5
"""The first pause of a source that has lost its places, and how often it doubles."""
FORGIVEN_S: Final = 3600.0
"""So long after its last dead name a source has all its places again: networks change hands."""
MAX_SOURCES: Final = 512
"""The dead names of at most so many sources are kept in mind."""
DEAD_ASKERS: Final = 24
ANSWER_WORTH: Final = 8
"""After this many silent askers, eight taken off for each that answers, the pace of their checks
falls. While one asker in eight answers there is no slower pace: new nodes must not wait in a flood.
"""
FIRST_ASKER_PAUSE_S: Final = 0.25
ASKER_DOUBLINGS: Final = 7
"""The pause between two checks of askers doubles with each silent one, from 0.25 s to 32 s."""


class NamingRule(Protocol):
    names_per_answer: int

    @property
    def askers_at(self) -> float: ...

    def queue_of(self, source: bytes) -> bytes: ...

    def may_name(self, source: bytes, queue: bytes, now: float) -> bool: ...

    def is_doubtful(self, source: bytes) -> bool: ...

    def named(self, source: bytes, queue: bytes) -> None: ...

    def dropped(self, source: bytes) -> None: ...

    def drawn(self, source: bytes, now: float) -> None: ...

    def checked(self, source: bytes, now: float, *, answered: bool) -> None: ...

    def forgive(self) -> None: ...


class Places:
    """The places of each source: ``size`` at first, one less for each name that was dead."""

    __slots__ = ("_dead", "_size", "_taken")

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken: dict[bytes, int] = {}
        self._dead: dict[bytes, tuple[int, float]] = {}
        """How many names were dead, those that answered taken off, and when the last one was."""

    def is_free(self, source: bytes, now: float) -> bool:
        taken = self._taken.get(source, 0)
        if source not in self._dead:
            return taken < self._size
        dead, last_at = self._dead[source]
        if now >= last_at + FORGIVEN_S:
            del self._dead[source]
            return taken < self._size
        if dead < self._size:
            return taken < self._size - dead
        return not taken and now >= last_at + PAUSE_S * 2.0 ** (dead - self._size)

    def is_halved(self, source: bytes) -> bool:
        return source in self._dead and 2 * self._dead[source][0] >= self._size

    def take(self, source: bytes) -> None:
        self._taken[source] = self._taken.get(source, 0) + 1

    def give_back(self, source: bytes) -> None:
        left = self._taken[source] - 1
        if left:
            self._taken[source] = left
        else:
            del self._taken[source]

    def judge(self, source: bytes, now: float, *, answered: bool) -> None:
        dead, last_at = self._dead.get(source, (0, NEVER))
        if not answered:
            dead = min(dead + 1, self._size + MAX_DOUBLINGS)
            put_newest(self._dead, source, (dead, now), MAX_SOURCES)
        elif dead > 1:
            self._dead[source] = dead - 1, last_at
        else:
            self._dead.pop(source, None)

    def forgive(self) -> None:
        self._dead.clear()


class NamingShares:
    __slots__ = (
        "_by_netgroup",
        "_by_teller",
        "_dead_askers",
        "_netgroup_of",
        "askers_at",
        "names_per_answer",
    )

    def __init__(self, netgroup_of: Callable[[Endpoint], bytes]) -> None:
        self.names_per_answer = NAMES_PER_ANSWER
        self.askers_at = NEVER
        """When an asker may be checked next."""
        self._netgroup_of = netgroup_of
        self._by_teller = Places(PER_TELLER)
        self._by_netgroup = Places(PER_NETGROUP)
        self._dead_askers = 0

    def queue_of(self, source: bytes) -> bytes:
        """The netgroup of a teller: netgroups take turns, however many tellers one has."""
        return source if source in (ASKERS, OWN) else self._netgroup_of(Endpoint(source))

    def may_name(self, source: bytes, queue: bytes, now: float) -> bool:
        """Whether one more contact of that source may wait, in its ``queue``."""
        return source in (ASKERS, OWN) or (
            self._by_teller.is_free(source, now) and self._by_netgroup.is_free(queue, now)
        )

    def is_doubtful(self, source: bytes) -> bool:
        """Whether many contacts of that source are dead: they are asked once, without a second
        datagram for one that may have been lost.
        """
        if source == ASKERS:
            return self._dead_askers >= DEAD_ASKERS
        return self._by_teller.is_halved(source) or self._by_netgroup.is_halved(
            self.queue_of(source)
        )

    def named(self, source: bytes, queue: bytes) -> None:
        if source not in (ASKERS, OWN):
            self._by_teller.take(source)
            self._by_netgroup.take(queue)

    def dropped(self, source: bytes) -> None:
        """A contact of that source left without a result of its check."""
        if source not in (ASKERS, OWN):
            self._by_teller.give_back(source)
            self._by_netgroup.give_back(self.queue_of(source))

    def drawn(self, source: bytes, now: float) -> None:
        """A contact of that source is checked now."""
        if source == ASKERS and (beyond := self._dead_askers - DEAD_ASKERS) >= 0:
            self.askers_at = now + FIRST_ASKER_PAUSE_S * 2.0**beyond

    def checked(self, source: bytes, now: float, *, answered: bool) -> None:
        if source == ASKERS:
            dead = self._dead_askers + (-ANSWER_WORTH if answered else 1)
            self._dead_askers = min(max(dead, 0), DEAD_ASKERS + ASKER_DOUBLINGS)
        elif source != OWN:
            self.dropped(source)
            self._by_teller.judge(source, now, answered=answered)
            self._by_netgroup.judge(self.queue_of(source), now, answered=answered)

    def forgive(self) -> None:
        """This node was offline: that no node answered proves nothing."""
        self._by_teller.forgive()
        self._by_netgroup.forgive()
        self._dead_askers = 0
        self.askers_at = NEVER
