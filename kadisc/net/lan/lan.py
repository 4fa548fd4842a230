"""Finds nodes on the links of this machine by beacons, and tells the core of them."""

from __future__ import annotations

import ipaddress
import math
import socket
from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import Final

import trio

from ...config import Config
from ...core.contract.events import OperationId
from ...core.peers.network_keys import NetworkKeys
from ...endpoints import Endpoint, Family, Scope, ip_of, port_of, scope_of
from ...errors import BindError, Busy, Closed
from ...observe.lan import LanInterfaceSnapshot, LanSnapshot
from ...observe.shell_events import LanChanged, NetworkChanged
from ..environment import may_beacon
from ..join.resolve import parse_host
from ..link.interfaces import LinkUnreadable
from ..transport.dispatch import Subscription
from ..transport.nurseries import open_flat_nursery
from ..transport.pump import Pump
from .beacons import Beacons, LanNews, LanNode, Transmission
from .lan_interfaces import LanInterface, chosen, system_interfaces
from .lan_sockets import LanSockets

LOOK_AGAIN_S: Final = 30.0
"""Where no interface works, they are looked at again after so long, or at a change of network."""
NO_LINK: Final = "no interface has a private address and no other"
"""As in a data centre, where beacons would be taken for scans."""
TELL_AGAIN_S: Final = 1.0
"""The least time between two reports of how many nodes there are."""
JOIN_AGAIN_S: Final = 10.0
"""The least time between two attempts to join by nodes of the link."""


class Lan:
    """Does nothing before it is `run`."""

    def __init__(
        self, pump: Pump, config: Config, sources: Sequence[Sequence[str]], rng: Random
    ) -> None:
        """``sources``: ``HOST:PORT`` of the nodes to join by."""
        self._pump = pump
        self._config = config
        self._rng = rng
        given = [host for hosts in (config.peer, *sources) for host in hosts]
        self._given = {parse_host(host) for host in given}
        self._is_guarded = (
            config.lan != "only"
            and not config.netrestrict
            and any(
                endpoint is None or scope_of(endpoint) is Scope.PUBLIC for endpoint in self._given
            )
        )
        """Whether the node has a way into a network beyond its links. Without any, nodes of the
        links are contacts as any others.
        """
        self._beacons: Beacons | None = None
        self._sockets: LanSockets | None = None
        self._left_out: dict[str, str] = {}
        self._reason: str | None = "beacons are switched off" if self.is_off else None
        self._told: Counter[tuple[str, bool]] = Counter()
        self._told_at = -TELL_AGAIN_S
        self._join_at = 0.0

    @property
    def is_off(self) -> bool:
        """Whether the configuration or the environment allows no beacons."""
        config = self._config
        wanted = config.lan == "only" or (config.lan == "auto" and not config.core.allow_private)
        return not (
            wanted and may_beacon() and config.core.tests_reachability and self._local_endpoint()
        )

    def _local_endpoint(self) -> Endpoint | None:
        """Where the IPv4 socket listens; None without one."""
        for port in self._pump.ports:
            if port.family is Family.IPV4:
                return port.local_endpoint
        return None

    async def run(self) -> None:
        """Sends and reads beacons until it is cancelled."""
        local = self._local_endpoint()
        if self.is_off or local is None:
            return
        port = port_of(local)
        beacons = self._beacons = Beacons(
            NetworkKeys(self._config.network).tag,
            port,
            self._config.lan_interval_s,
            self._rng,
            self._pump.now(),
            lifted=not self._is_guarded,
        )
        events = Subscription[NetworkChanged](self._pump.dispatch, (NetworkChanged,), queue_size=16)
        async with events:
            while True:
                sockets = self._open(port)
                if sockets is None:
                    with trio.move_on_after(LOOK_AGAIN_S):
                        await events.__anext__()
                    continue
                try:
                    beacons.begin(self._pump.now())
                    await self._exchange(sockets, beacons, events)
                finally:
                    self._close(sockets, beacons)

    def give(self, hosts: Iterable[str]) -> None:
        """Nodes at these HOST:PORT are contacts as any others from now on, where they are on a
        link: the operator named them.
        """
        given = {parse_host(host) for host in hosts} - self._given
        self._given |= given
        if self._beacons is not None and not self._pump.closed:
            for node in self._beacons.nodes:
                if node.endpoint in given:  # its next beacon is that of any other node
                    self._pump.core.lan_lost(node.endpoint, self._pump.now())
            self._pump.flush()

    def snapshot(self) -> LanSnapshot:
        """What was found, by interface."""
        if self._sockets is None or self._beacons is None:
            state = "off" if self.is_off or self._reason == NO_LINK else "failing"
            return LanSnapshot(state, left_out=self._left_out, reason=self._reason)
        counts = Counter((node.interface, node.is_member) for node in self._beacons.nodes)
        names = sorted(each.name for each in self._sockets.interfaces.values())
        return LanSnapshot(
            "on",
            tuple(LanInterfaceSnapshot(n, counts[n, True], counts[n, False]) for n in names),
            self._left_out,
            None,
            {**self._beacons.counters, "dropped.off-link": self._sockets.off_link},
        )

    # --- sockets ----------------------------------------------------------------------------------

    def _open(self, port: int) -> LanSockets | None:
        try:
            interfaces, self._left_out = chosen(*system_interfaces(), self._config.lan_interfaces)
            usable = [each for each in interfaces if self._is_usable(each)]
            if not usable:
                self._reason = NO_LINK
                return None
            self._sockets = LanSockets(usable)
        except (BindError, LinkUnreadable, OSError) as error:
            self._reason = str(error)
            return None
        self._reason = None
        own = [_endpoint(each.host, port) for each in usable]
        self._pump.core.set_lan_endpoints(own)
        return self._sockets

    def _is_usable(self, interface: LanInterface) -> bool:
        """Whether nodes of that link reach the node's socket there."""
        local = self._local_endpoint()
        return local is not None and ip_of(local) in (bytes(4), socket.inet_aton(interface.host))

    def _close(self, sockets: LanSockets, beacons: Beacons) -> None:
        self._send(sockets, beacons.leaving(), beacons)
        self._tell(beacons.forget_all(), beacons)
        # What was its address on a link may be that of another host on the next one.
        self._pump.core.set_lan_endpoints(())
        self._sockets = None
        sockets.close()

    # --- beacons ----------------------------------------------------------------------------------

    async def _exchange(
        self, sockets: LanSockets, beacons: Beacons, events: Subscription[NetworkChanged]
    ) -> None:
        """Until the network changes."""
        async with open_flat_nursery() as nursery:
            wake = trio.Event()

            async def read(sock: socket.socket) -> None:
                nonlocal wake
                while True:
                    await trio.lowlevel.wait_readable(sock)
                    now = self._pump.now()
                    for heard in sockets.drain(sock):
                        ip = socket.inet_aton(heard.source[0])
                        news = beacons.received(
                            heard.payload, heard.source, ip, heard.interface.name, now
                        )
                        self._tell(news, beacons)
                        for node in news.found:
                            self._lead_in(node, nursery)
                    wake.set()

            async def send() -> None:
                nonlocal wake
                while True:
                    now = self._pump.now()
                    for transmission in beacons.due(now):
                        self._send(sockets, transmission, beacons)
                    self._tell(beacons.expire(now), beacons)
                    wake = trio.Event()
                    deadline = min(beacons.next_deadline(), self._publish_changes(beacons))
                    with trio.move_on_after(max(0.0, deadline - self._pump.now())):
                        await wake.wait()

            for sock in sockets.sockets:
                nursery.start_soon(read, sock)
            nursery.start_soon(send)
            await events.__anext__()
            nursery.cancel_scope.cancel()

    def _send(self, sockets: LanSockets, transmission: Transmission, beacons: Beacons) -> None:
        if transmission.to is not None:
            sent = sockets.send_to(transmission.payload, transmission.to)
        else:
            sent = sockets.send_to_all(transmission.payload, broadcast=transmission.broadcast)
        beacons.counters["sent"] += sent
        beacons.counters["refused"] = sockets.refused

    def _tell(self, news: LanNews, beacons: Beacons) -> None:
        core, now = self._pump.core, self._pump.now()
        if not self._pump.closed:
            for node in news.lost:
                core.lan_lost(node.endpoint, now)
            for node in news.found:
                is_guarded = self._is_guarded and node.endpoint not in self._given
                core.lan_found(node.endpoint, now, is_member=node.is_member, is_guarded=is_guarded)
            if news.found or news.lost:
                self._pump.flush()

    def _publish_changes(self, beacons: Beacons) -> float:
        """At most once a second: a flood of beacons is no flood of events. Returns when to call it
        again, inf where nothing waits to be told.
        """
        now = self._pump.now()
        told = Counter((node.interface, node.is_member) for node in beacons.nodes)
        if told == self._told:
            return math.inf
        if now < self._told_at + TELL_AGAIN_S:
            return self._told_at + TELL_AGAIN_S
        self._told_at = now
        for name in sorted({name for name, _ in [*told, *self._told]}):
            if any(told[name, each] != self._told[name, each] for each in (True, False)):
                self._pump.publish(LanChanged(name, told[name, True], told[name, False]))
        self._told = told
        return math.inf

    def _lead_in(self, node: LanNode, nursery: trio.Nursery) -> None:
        """A node of the link, of whichever network, leads into the DHT where no other is known."""
        now = self._pump.now()
        if self._pump.core.has_contacts(Family.IPV4) or now < self._join_at:
            return
        self._join_at = now + JOIN_AGAIN_S
        nursery.start_soon(self._join, node.endpoint)

    async def _join(self, endpoint: Endpoint) -> None:
        def start(now: float) -> OperationId:
            return self._pump.core.join([endpoint], now, family=Family.IPV4)

        try:
            with self._pump.operation(start) as waiter:
                await waiter.wait()
        except (Busy, Closed):
            await trio.lowlevel.checkpoint()


def _endpoint(host: str, port: int) -> Endpoint:
    return Endpoint(ipaddress.IPv4Address(host).packed + port.to_bytes(2, "big"))
