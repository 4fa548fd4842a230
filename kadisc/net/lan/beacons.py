"""When beacons are sent, and which of those that arrive are heeded: a machine without I/O.

Attacks: a host of the link floods this one with beacons, or makes itself hundreds of nodes, so that
no other is found; a forged beacon makes nodes answer to a third host. Defences: 20 beacons a second
are read in all and one of a source; 64 nodes are kept, and of an address that has the most the
newest gives way; 8 are used, one of each address. A beacon is answered by one beacon, which is as
long, at most once in 10 s and only to its source, which is on the link.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

from ...endpoints import Endpoint, ip_of
from ...errors import DecodeError
from ...wire.beacon import NONCE_BYTES, Beacon, beacon_for, decode_beacon, encode_beacon

BURST_S: Final = (0.0, 0.25, 1.0)
"""After a start or a change of network, beacons are sent after these times; the last one also by
broadcast.
"""
JITTER: Final = 0.2
ANSWER_WITHIN_S: Final = 0.05
ANSWER_AGAIN_S: Final = 10.0
MISSED_INTERVALS: Final = 3.5
"""A node that was silent for so many intervals is gone."""
MAX_PER_S: Final = 20
PER_SOURCE: Final = (1.0, 3)
"""Beacons a second of one source (address and port) that are read, and those at once after a pause:
as many as a node sends at its start.
"""
PER_ADDRESS: Final = (4.0, 12)
"""The same of one address, where several nodes may be."""
MAX_SOURCES: Final = 512
MAX_NODES: Final = 64
MAX_USED: Final = 8
MAX_ANSWERS: Final = 64


@dataclass(frozen=True, slots=True)
class Transmission:
    """``to``: host and port of one node; None for the group of every interface, and also for
    broadcast where ``broadcast`` is set.
    """

    payload: bytes
    to: tuple[str, int] | None = None
    broadcast: bool = False


@dataclass(slots=True)
class LanNode:
    """A node that beacons on one of the links. Times are in seconds of one steady clock."""

    endpoint: Endpoint
    interface: str
    nonce: bytes
    is_member: bool
    """Whether it is of the own network, by its hint."""
    heard_at: float
    answered_at: float
    is_used: bool = False
    """Whether the core was told of it."""


@dataclass(frozen=True, slots=True)
class LanNews:
    """What the core is to be told: ``found`` again with each beacon of a node that is used."""

    found: tuple[LanNode, ...] = ()
    lost: tuple[LanNode, ...] = ()


NO_NEWS: Final = LanNews()


class Beacons:
    """``tag``: of the own network, 20 bytes; ``port``: the UDP port of the node; ``lifted``:
    whether all nodes are used, as in a network that is on this link alone.
    """

    def __init__(
        self,
        tag: bytes,
        port: int,
        interval_s: float,
        rng: Random,
        now: float,
        *,
        lifted: bool = False,
    ) -> None:
        self.counters: Counter[str] = Counter()
        """Beacons by what became of them, such as ``sent`` and ``dropped.rate``."""
        self._tag = tag
        self._port = port
        self._interval_s = interval_s
        self._rng = rng
        self._lifted = lifted
        self._nodes: dict[Endpoint, LanNode] = {}
        self._sources = _Pace()
        self._window_at = now
        self._in_window = 0
        self._answers: deque[tuple[float, tuple[str, int]]] = deque()
        self._burst: list[float] = []
        self._nonce = b""
        self._own: deque[bytes] = deque(maxlen=8)
        self._next_at = now
        self.begin(now)

    @property
    def nodes(self) -> Iterable[LanNode]:
        return self._nodes.values()

    def begin(self, now: float) -> None:
        """Begins anew: the node has started, or is in another network."""
        self._nonce = self._rng.randbytes(NONCE_BYTES)
        self._own.append(self._nonce)
        self._burst = [now + after_s for after_s in BURST_S]
        self._next_at = now + self._pause_s()

    def next_deadline(self) -> float:
        deadline = self._burst[0] if self._burst else self._next_at
        if self._answers:
            deadline = min(deadline, min(at for at, _ in self._answers))
        return deadline

    # --- beacons of this node ---------------------------------------------------------------------

    def due(self, now: float) -> list[Transmission]:
        out: list[Transmission] = []
        if self._burst and now >= self._burst[0]:
            while self._burst and now >= self._burst[0]:
                del self._burst[0]
            out.append(Transmission(self._beacon(asks=True), broadcast=not self._burst))
        elif not self._burst and now >= self._next_at:
            self._next_at = now + self._pause_s()
            out.append(Transmission(self._beacon(asks=False)))
        waiting = [each for each in self._answers if each[0] > now]
        for at, to in self._answers:
            if at <= now:
                out.append(Transmission(self._beacon(asks=False), to))
        self._answers = deque(waiting)
        return out

    def leaving(self) -> Transmission:
        return Transmission(
            encode_beacon(beacon_for(self._tag, self._nonce, self._port, leaving=True))
        )

    def _beacon(self, *, asks: bool) -> bytes:
        return encode_beacon(beacon_for(self._tag, self._nonce, self._port, asks=asks))

    def _pause_s(self) -> float:
        return self._interval_s * self._rng.uniform(1.0 - JITTER, 1.0 + JITTER)

    # --- beacons of others ------------------------------------------------------------------------

    def received(
        self, payload: bytes, source: tuple[str, int], ip: bytes, interface: str, now: float
    ) -> LanNews:
        """A beacon came over the interface from ``source``, which is on its link. ``ip``: the same
        address as bytes.
        """
        try:
            beacon = decode_beacon(payload)
        except DecodeError as refusal:
            self.counters[f"dropped.{refusal.reason}"] += 1
            return NO_NEWS
        if beacon.nonce in self._own:
            self.counters["dropped.own"] += 1
            return NO_NEWS
        if not self._may_read(source, now):
            self.counters["dropped.rate"] += 1
            return NO_NEWS
        self.counters["taken"] += 1
        endpoint = Endpoint(ip + beacon.port.to_bytes(2, "big"))
        if beacon.leaving:
            return self._left(endpoint, beacon)
        node = self._nodes.get(endpoint)
        is_new = node is None or node.nonce != beacon.nonce
        if node is None:
            node = self._added(endpoint, beacon, interface, now)
            if node is None:
                self.counters["dropped.full"] += 1
                return NO_NEWS
        node.nonce, node.interface, node.heard_at = beacon.nonce, interface, now
        node.is_member = beacon.is_of(self._tag)
        if beacon.asks and is_new:
            self._answer(node, source, now)
        return self._use(node)

    def expire(self, now: float) -> LanNews:
        """Forgets nodes that have been silent for long."""
        before = now - MISSED_INTERVALS * self._interval_s
        lost = [node for node in self._nodes.values() if node.heard_at < before]
        for node in lost:
            del self._nodes[node.endpoint]
        return self._news_of(lost)

    def forget_all(self) -> LanNews:
        lost = list(self._nodes.values())
        self._nodes.clear()
        return LanNews(lost=tuple(node for node in lost if node.is_used))

    def _may_read(self, source: tuple[str, int], now: float) -> bool:
        if now >= self._window_at + 1.0:
            self._window_at, self._in_window = now, 0
        if self._in_window >= MAX_PER_S:
            return False
        if not (
            self._sources.take(source[0], PER_ADDRESS, now)
            and self._sources.take(source, PER_SOURCE, now)
        ):
            return False
        self._in_window += 1
        return True

    def _added(
        self, endpoint: Endpoint, beacon: Beacon, interface: str, now: float
    ) -> LanNode | None:
        """A new node; where there are too many, one of the address with the most gives way, which
        may be this one.
        """
        if len(self._nodes) >= MAX_NODES:
            per_ip = Counter(ip_of(each) for each in self._nodes)
            most = max(per_ip.values())
            own = per_ip[ip_of(endpoint)]
            if own + 1 >= most:
                return None
            crowded = next(ip for ip, count in per_ip.items() if count == most)
            unused = [
                each.endpoint
                for each in self._nodes.values()
                if ip_of(each.endpoint) == crowded and not each.is_used
            ]
            if not unused:
                return None
            del self._nodes[unused[-1]]
        node = LanNode(endpoint, interface, beacon.nonce, False, now, now - ANSWER_AGAIN_S)
        self._nodes[endpoint] = node
        return node

    def _answer(self, node: LanNode, source: tuple[str, int], now: float) -> None:
        if now < node.answered_at + ANSWER_AGAIN_S or len(self._answers) >= MAX_ANSWERS:
            self.counters["answer-withheld"] += 1
            return
        node.answered_at = now
        self._answers.append((now + self._rng.uniform(0.0, ANSWER_WITHIN_S), source))

    def _use(self, node: LanNode) -> LanNews:
        """Tells the core of it, if it has a place; a member takes one of others."""
        if node.is_used or self._lifted:
            node.is_used = True
            return LanNews((node,))
        used = [each for each in self._nodes.values() if each.is_used]
        if any(ip_of(each.endpoint) == ip_of(node.endpoint) for each in used):
            return NO_NEWS
        lost: tuple[LanNode, ...] = ()
        if len(used) >= MAX_USED:
            stranger = next((each for each in used if not each.is_member), None)
            if stranger is None or not node.is_member:
                return NO_NEWS
            stranger.is_used = False
            lost = (stranger,)
        node.is_used = True
        return LanNews((node,), lost)

    def _left(self, endpoint: Endpoint, beacon: Beacon) -> LanNews:
        node = self._nodes.get(endpoint)
        if node is None or node.nonce != beacon.nonce:
            return NO_NEWS
        del self._nodes[endpoint]
        return self._news_of([node])

    def _news_of(self, lost: list[LanNode]) -> LanNews:
        """Those that were used are lost; others take their places with their next beacons."""
        return LanNews(lost=tuple(node for node in lost if node.is_used)) if lost else NO_NEWS


class _Pace:
    """What each source may send, as the time when what it has sent is paid for (GCRA); the sources
    that have sent nothing for longest are forgotten.
    """

    def __init__(self) -> None:
        self._paid_at: dict[object, float] = {}

    def take(self, source: object, pace: tuple[float, int], now: float) -> bool:
        per_s, burst = pace
        paid_at = max(self._paid_at.pop(source, now), now)
        is_granted = paid_at <= now + (burst - 1) / per_s
        self._paid_at[source] = paid_at + 1.0 / per_s if is_granted else paid_at
        while len(self._paid_at) > MAX_SOURCES:
            del self._paid_at[next(iter(self._paid_at))]
        return is_granted
