"""Notices that this machine is in another network, and has the node follow.

Every two seconds it takes a fingerprint of each address family: the addresses of the interfaces
that are up, the address that datagrams leave from, the gateway. Nothing is sent for it. No
notification of the kernel is used: they differ between systems, come in bursts while a network is
set up, and miss a router that was exchanged. That the address of the router itself has changed
only the router can tell: it does so in the answers to requests for port mappings.

A new fingerprint makes the node look for its place and its external address anew, and have the
router asked for its ports again. An interface that comes and goes must not make the node do that
all the time, so the pause after such an action doubles. A change that leaves no way out is not
acted upon: there is nobody to ask, and the next change is the one to follow.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Final, TypeAlias

import trio

from ...config import Config
from ...endpoints import Family, Scope, ip_of, make_endpoint, scope_of
from ...observe.mappings import MappingSnapshot
from ...observe.shell_events import MappingChanged, NetworkChanged
from ..environment import may_watch
from ..mapping.port_mapper import PortMapper
from ..transport.pump import Pump
from ..transport.udp import UdpPort, bind_udp
from .address_sockets import AddressSockets
from .bound_sockets import BoundSockets
from .interfaces import CAUSES, LinkState, LinkUnreadable, read_links

FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 320.0
"""The pause between two actions: the first one, from which it doubles, and the longest."""
QUIET_S: Final = 600.0
"""After so long without a change the pause is the first one again."""
FIRST_LOOK_S: Final = 0.2
"""A node that starts has more urgent work in its first moments."""
SHARE_OF_CORE: Final = 0.001
"""A look at a machine with hundreds of interfaces takes long: then the next look comes later, so
that all of them take no more than this share of one core.
"""

SUSPENDED: Final = "suspended"
ROUTER: Final = "router"
_ORDER: Final = (*CAUSES, ROUTER)
"""Of several causes at once the first is told."""

Links: TypeAlias = dict[Family, LinkState]
ReadLinks: TypeAlias = Callable[[Iterable[Family]], Links]


class LinkWatcher:
    """Watches for one node."""

    def __init__(
        self,
        pump: Pump,
        config: Config,
        port_mapper: PortMapper,
        *,
        families: Collection[Family],
        sockets: BoundSockets,
        read: ReadLinks = read_links,
    ) -> None:
        """``families``: to be watched. ``read``: looks at the links."""
        self.sockets = sockets
        """Sockets that are bound to one address."""
        self.address_sockets = AddressSockets(pump, config.max_local_sockets)
        """Those at each address of a host with several."""
        self._pump = pump
        self._port_mapper = port_mapper
        self._interval_s = config.watch_interval_s
        self._read = read
        self._families = tuple(families)
        self._seen: Links = {}
        """What was acted upon last."""
        self._had_way_out: set[Family] = set()
        self._acted_at = -math.inf
        self._pause_s = 0.0
        self._cost_s = 0.0
        self._suspended = False
        self._router_address: dict[Family, bytes] = {}
        """The external address that the router named last."""
        self._router_moved: set[Family] = set()
        self._look_now = trio.Event()
        self.changes: Counter[str] = Counter()
        """Changes of network that the node has followed, by cause."""
        pump.dispatch.tap(self._note)

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to watch, and it is allowed."""
        return bool(self._families and self._interval_s > 0 and may_watch())

    async def run(self) -> None:
        """Watches until it is cancelled."""
        await trio.sleep(FIRST_LOOK_S)
        self._look()
        self._cost_s = 0.0  # the first look imports what it needs
        while True:
            with trio.move_on_after(max(self._interval_s, self._cost_s / SHARE_OF_CORE)):
                await self._look_now.wait()
            self._look_now = trio.Event()
            self._look()

    def _note(self, event: object) -> None:
        if isinstance(event, NetworkChanged):
            self.changes[event.cause] += 1
            if event.cause == SUSPENDED:
                self._suspended = True
                self._look_now.set()
        elif isinstance(event, MappingChanged):
            self._note_router(event.mapping)

    def _note_router(self, mapping: MappingSnapshot) -> None:
        """The provider has given the router another address, which nothing here shows."""
        if mapping.external is None or not any(ip := ip_of(mapping.external)):
            return
        family = mapping.family
        former = self._router_address.get(family)
        self._router_address[family] = ip
        dht = self._pump.core.dhts.get(family)
        is_news = dht is not None and dht.parts.address.ip != ip
        if family in self._families and former not in (None, ip) and is_news:
            self._router_moved.add(family)
            self._look_now.set()

    def _look(self) -> None:
        began_s = time.thread_time()
        self.sockets.follow(self._families)
        try:
            links = self._read(self._families)
        except LinkUnreadable:
            return  # the next look may succeed
        finally:
            self._cost_s = time.thread_time() - began_s
        self.address_sockets.follow(links)
        for family, link in links.items():
            own = frozenset(ip_of(make_endpoint(each.ip, 1)) for each in link.usable)
            self._pump.core.has_addresses(family, own)
        if self._suspended:
            self._suspended = False
            # The pump has told the core already, before anything that was overdue by then.
            self._port_mapper.network_changed(self._families)
            self._seen = links
        differing = {
            family: cause
            for family, link in links.items()
            if (cause := link.difference(self._seen.setdefault(family, link))) is not None
        }
        for family in [each for each in differing if self._is_cut_off(links[each])]:
            self._seen[family] = links[family]
            del differing[family]
        differing |= {family: ROUTER for family in self._router_moved if family not in differing}
        self._had_way_out.update(link.family for link in links.values() if link.source is not None)
        now = self._pump.now()
        if differing and now >= self._acted_at + self._pause_s:
            self._act(differing, links, now)

    def _is_cut_off(self, link: LinkState) -> bool:
        """Whether there was a way out and is none now. A machine in a network of its own may never
        have one.
        """
        return link.source is None and link.family in self._had_way_out

    def _act(self, differing: Mapping[Family, str], links: Links, now: float) -> None:
        is_quiet = now >= self._acted_at + QUIET_S
        self._pause_s = FIRST_PAUSE_S if is_quiet else min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._acted_at = now
        self._pump.core.network_changed(now, families=tuple(differing))
        self._pump.publish(
            NetworkChanged(
                cause=min(differing.values(), key=_ORDER.index), families=tuple(differing)
            )
        )
        self._port_mapper.network_changed(
            [family for family in differing if links[family].goes_elsewhere(self._seen[family])]
        )
        self._seen |= {family: links[family] for family in differing}
        self._router_moved.clear()
        self._pump.flush()


def watcher_of(pump: Pump, config: Config, port_mapper: PortMapper) -> LinkWatcher:
    """For the families in which the node has a socket of the system that others can reach."""
    families = [
        port.family
        for port in pump.ports
        if isinstance(port, UdpPort) and scope_of(port.local_endpoint) is not Scope.LOOPBACK
    ]
    bind = partial(
        bind_udp,
        max_datagram_bytes=config.core.max_datagram_bytes,
        socket_buffer_bytes=config.socket_buffer_bytes,
    )
    sockets = BoundSockets(pump, bind)
    return LinkWatcher(pump, config, port_mapper, families=families, sockets=sockets)
