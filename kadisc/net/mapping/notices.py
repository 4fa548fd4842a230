"""What a router says by itself: its external address has changed, or it has begun anew. PCP and
NAT-PMP send that to 224.0.0.1, port 5350, PCP to ff02::1 as well (RFC 6887, section 14.1; RFC 6886,
section 3.2.1).

Attack: any host of the LAN can send there, in the router's name. If a notice ended a mapping, or
were believed in what it says, one forged datagram would cut the node off, and many would make it
flood the router. Defence: a notice only renews what is mapped (and asks again for what is not),
after a random time of at most a second, once per 5 s; what it says is not read.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections import Counter
from random import Random
from typing import Any, Final, Protocol

import trio

from ...endpoints import Family
from . import natpmp, pcp
from .router_access import Location, NoRouter

GROUP: Final = "224.0.0.1"
GROUP_6: Final = "ff02::1"
PORT: Final = 5350
JITTER_S: Final = 1.0
"""All nodes behind a router hear it at once: each waits for a random time up to this."""
SPACING_S: Final = 5.0
_BATCH: Final = 32
_PAUSE_S: Final = 0.05
"""Between two batches: whatever the LAN sends costs so many reads a second."""
_RETRY_S: Final = 60.0


class Renewing(Protocol):
    """What notices renew."""

    place: Location | NoRouter
    moved: trio.Event
    """Set when ``place`` is another one; then there is a new event."""

    def again(self) -> None:
        """Renews what is mapped."""


class NoticeFilter:
    """Which datagrams count. ``spacing_s``: between two that do."""

    def __init__(self, rng: Random, counters: Counter[str], spacing_s: float = SPACING_S) -> None:
        self._rng = rng
        self._counters = counters
        self._spacing_s = spacing_s
        self._next_at = float("-inf")

    def delay_s(
        self, payload: bytes, source: tuple[str, int], gateway: str | None, now: float
    ) -> float | None:
        """After how many seconds to renew; None for a datagram that does not count."""
        if gateway is None or source != (gateway, pcp.PORT):
            self._counters["mapping.notice.other-source"] += 1
        elif not (pcp.is_announcement(payload) or natpmp.is_announcement(payload)):
            self._counters["mapping.notice.malformed"] += 1
        elif now < self._next_at:
            self._counters["mapping.notice.too-soon"] += 1
        else:
            self._next_at = now + self._spacing_s
            self._counters["mapping.notice.heeded"] += 1
            return self._rng.uniform(0.0, JITTER_S)
        return None


class NoticeListener:
    """Listens on the interface towards the router of one family, while there is one."""

    def __init__(self, mappings: Renewing, rng: Random, counters: Counter[str]) -> None:
        self._mappings = mappings
        self._counters = counters
        self._filter = NoticeFilter(rng, counters)

    async def run(self) -> None:
        """Until it is cancelled. Without a socket it tries again every minute: notices only make
        renewals sooner.
        """
        while True:
            place, moved = self._mappings.place, self._mappings.moved
            if isinstance(place, Location):
                try:
                    with notice_socket(place) as sock:
                        await self._listen(sock, place, moved)
                        continue
                except OSError:
                    self._counters["mapping.notice.no-socket"] += 1
            with trio.move_on_after(_RETRY_S):
                await moved.wait()

    async def _listen(self, sock: socket.socket, place: Location, moved: trio.Event) -> None:
        """Until the router is another one. Raises OSError."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end, moved, nursery.cancel_scope)
            while True:
                await trio.lowlevel.wait_readable(sock)
                for payload, source in _drain(sock):
                    now = trio.current_time()
                    delay_s = self._filter.delay_s(payload, source, place.gateway, now)
                    if delay_s is not None:
                        nursery.start_soon(self._renew, delay_s)
                await trio.sleep(_PAUSE_S)

    async def _end(self, moved: trio.Event, listening: trio.CancelScope) -> None:
        await moved.wait()
        listening.cancel()

    async def _renew(self, delay_s: float) -> None:
        await trio.sleep(delay_s)
        self._mappings.again()


def notice_socket(place: Location) -> socket.socket:
    """A socket that hears the group on the interface towards the router, beside those of other
    programs. Raises OSError, also for a router of IPv6 whose address names no interface.
    """
    is_ipv4 = place.family is Family.IPV4
    sock = socket.socket(socket.AF_INET if is_ipv4 else socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if is_ipv4:
            sock.bind((GROUP, PORT))
            membership = struct.pack("4s4s", socket.inet_aton(GROUP), place.source)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        else:
            _, _, interface = place.gateway.partition("%")
            index = socket.if_nametoindex(interface)
            group = socket.inet_pton(socket.AF_INET6, GROUP_6)
            sock.bind((GROUP_6, PORT, 0, index))
            membership = struct.pack("@16sI", group, index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
    except BaseException:
        sock.close()
        raise
    return sock


def _drain(sock: socket.socket) -> list[tuple[bytes, tuple[str, int]]]:
    batch = []
    for _ in range(_BATCH):
        try:
            payload, source = sock.recvfrom(pcp.MAX_BYTES + 1)
        except OSError:
            break  # nothing waits, or the interface is gone: the next look may find more
        batch.append((payload, (_host_of(source), source[1])))
    return batch


def _host_of(source: tuple[Any, ...]) -> str:
    """Written as the gateway is: a link-local address with the name of its interface."""
    host = str(source[0])
    if len(source) == 4 and source[3]:
        with contextlib.suppress(OSError):  # the interface is gone
            return f"{host}%{socket.if_indextoname(source[3])}"
    return host
