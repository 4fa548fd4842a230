"""The subnets that send most, in a table of fixed size, whatever addresses the datagrams bear.

Attack on a table of sources: a million forged addresses fill it, or push out of it what they are to
hide. Defence: the Space-Saving algorithm (Metwally, Agrawal, El Abbadi 2005). A subnet that is not
in the full table takes the place and the count of the smallest, and the count taken over is kept as
its possible error. So each subnet that sent more than 1 / `PLACES` of all is in the table, and how
much it sent at least is known.

The hot path is spared: of each batch that the socket gave at once, one datagram stands for all, at
a place that changes from batch to batch. For an idle node that is every datagram, for a flooded one
one of 64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from ..core.contract.events import Datagram
from ..endpoints import Family, family_of, format_subnet, subnet_prefix

PLACES: Final = 64
WINDOW_S: Final = 60.0
SHOWN: Final = 20
_STRIDE: Final = 40503
"""The odd number next to 2 ** 16 divided by the golden ratio: its multiples modulo 2 ** 16 are
spread evenly (Knuth, The Art of Computer Programming, volume 3, section 6.4).
"""


@dataclass(frozen=True, slots=True)
class LoudSubnet:
    """``subnet``: a /24 (IPv6 /48) in CIDR notation. ``datagrams_per_s`` and ``bytes_per_s``: at
    least so many came from there in the last one to two minutes. ``share``: of all datagrams then.
    """

    subnet: str
    family: Family
    datagrams_per_s: float
    bytes_per_s: float
    share: float


class _Count:
    __slots__ = ("bytes", "datagrams", "error", "error_bytes", "family", "subnet")

    def __init__(self, subnet: bytes, family: Family, datagrams: int, size: int) -> None:
        """Begins with what may be of others."""
        self.subnet = subnet
        self.family = family
        self.datagrams = self.error = datagrams
        self.bytes = self.error_bytes = size


_datagrams: Final = attrgetter("datagrams")


class _Window:
    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts: dict[bytes, _Count] = {}
        self.total = 0

    def add(self, subnet: bytes, family: Family, datagrams: int, size: int) -> None:
        self.total += datagrams
        count = self.counts.get(subnet)
        if count is None:
            taken, taken_bytes = 0, 0
            if len(self.counts) >= PLACES:
                smallest = min(self.counts.values(), key=_datagrams)
                del self.counts[smallest.subnet]
                taken, taken_bytes = smallest.datagrams, smallest.bytes
            count = self.counts[subnet] = _Count(subnet, family, taken, taken_bytes)
        count.datagrams += datagrams
        count.bytes += size


class LoudestSubnets:
    """``now``: in seconds of a steady clock."""

    def __init__(self, now: float) -> None:
        self._current = _Window()
        self._former = _Window()
        self._began_at = now
        self._former_s = 0.0
        self._place = 0

    def note(self, batch: Sequence[Datagram], now: float) -> None:
        """A batch of datagrams that the socket gave at once, each with its source."""
        count = len(batch)
        if not count:
            return
        place = 0
        if count > 1:
            self._place = (self._place + _STRIDE) & 0xFFFF
            place = self._place * count >> 16
        payload, source = batch[place]
        if now >= self._began_at + WINDOW_S:
            self._turn(now)
        self._current.add(subnet_prefix(source), family_of(source), count, count * len(payload))

    def _turn(self, now: float) -> None:
        """A new window begins, and the last but one is forgotten; both are after a long silence."""
        passed_s = now - self._began_at
        is_next = passed_s < 2 * WINDOW_S
        self._former = self._current if is_next else _Window()
        self._former_s = passed_s if is_next else 0.0
        self._current = _Window()
        self._began_at = now

    def loudest(self, now: float) -> tuple[LoudSubnet, ...]:
        """At most `SHOWN`, the loudest first."""
        if now >= self._began_at + WINDOW_S:
            self._turn(now)
        passed_s = max(1.0, self._former_s + now - self._began_at)
        total = self._former.total + self._current.total
        sums: dict[bytes, tuple[Family, int, int]] = {}
        for window in (self._former, self._current):
            for subnet, count in window.counts.items():
                family, datagrams, size = sums.get(subnet, (count.family, 0, 0))
                sums[subnet] = (
                    family,
                    datagrams + count.datagrams - count.error,
                    size + count.bytes - count.error_bytes,
                )
        ranked = sorted(sums.items(), key=lambda each: (-each[1][1], each[0]))
        return tuple(
            LoudSubnet(
                format_subnet(subnet),
                family,
                datagrams / passed_s,
                size / passed_s,
                datagrams / total,
            )
            for subnet, (family, datagrams, size) in ranked[:SHOWN]
            if datagrams
        )
