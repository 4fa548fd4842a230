"""The internet of the scenarios.

    hosts - router 10 - net - router 11 - hosts      world: 45.64.0.0/10 and 2a40::/12

``net`` is the scenario's own namespace and routes between the networks 45.N.0.0/16. Router N is
45.N.0.1 there, and has the network 192.168.N.0/24 behind it. IPv6 is 2a00:N::/64 likewise, with a
routed network 2a00:N:1::/64 behind the router. Every address of ``world`` is at home. 45/8 suits
all programs: libtorrent ignores 11/8, and miniupnpd refuses 203.0.113/24.
"""

from __future__ import annotations

import itertools

from .namespaces import Namespace, run

WORLD_4, WORLD_6 = "45.64.0.0/10", "2a40::/12"
FIRST_ROUTER, WORLD = 10, 63
"""Numbers of the networks 45.N.0.0/16."""
UDP_TIMEOUT_S = 4
"""A router forgets a UDP mapping after so long; 30 and 120 s are usual."""


class Router(Namespace):
    """``number``: its address is 45.NUMBER.0.1, and 2a00:NUMBER::1."""

    def __init__(self, number: int) -> None:
        super().__init__(f"r{number}")
        self.number = number
        self.address = f"45.{number}.0.1"
        self.wan = "wan"
        """The interface towards the internet."""
        _connect(self, number)
        self.ip("link", "add", "lan", "type", "bridge", "mcast_snooping", "0")
        self.ip("link", "set", "lan", "up")
        self.ip("addr", "add", f"{self.inner_address}/24", "dev", "lan")
        self.ip("-6", "addr", "add", f"2a00:{number}:1::1/64", "dev", "lan", "nodad")
        run("ip", "-6", "route", "add", f"2a00:{number}:1::/48", "via", f"2a00:{number}::1")
        self.sysctl(
            "net.ipv4.ip_forward=1",
            "net.ipv6.conf.all.forwarding=1",
            f"net.netfilter.nf_conntrack_udp_timeout={UDP_TIMEOUT_S}",
            f"net.netfilter.nf_conntrack_udp_timeout_stream={UDP_TIMEOUT_S}",
        )

    @property
    def inner_address(self) -> str:
        return f"192.168.{self.number}.1"

    def readdress(self, address: str) -> None:
        """The provider gives this router another address, in a /16 of its own, and takes the first
        one away.
        """
        number = address.split(".")[1]
        run("ip", "addr", "add", f"45.{number}.255.254/16", "dev", f"v{self.number}")
        self.ip("addr", "add", f"{address}/16", "dev", self.wan)
        self.ip("route", "replace", "default", "via", f"45.{number}.255.254")
        self.ip("addr", "del", f"{self.address}/16", "dev", self.wan)
        self.address = address


class Host(Namespace):
    """``place``: its address is 192.168.N.PLACE behind router N."""

    def __init__(self, router: Router, place: int) -> None:
        super().__init__(f"h{router.number}-{place}")
        self.place = place
        self.router = router
        self.plug_in(router)

    @property
    def address(self) -> str:
        return f"192.168.{self.router.number}.{self.place}"

    @property
    def address_6(self) -> str:
        return f"2a00:{self.router.number}:1::{self.place}"

    def plug_in(self, router: Router) -> None:
        self.router = router
        link = f"l-{self.name}"
        run(
            *f"ip link add {link} netns {router.name} type veth".split(),
            *f"peer name eth0 netns {self.name}".split(),
        )
        router.ip("link", "set", link, "master", "lan", "up")
        self.ip("link", "set", "eth0", "up")
        self.ip("addr", "add", f"{self.address}/24", "dev", "eth0", "brd", "+")
        self.ip("route", "add", "default", "via", router.inner_address)
        self.ip("-6", "addr", "add", f"{self.address_6}/64", "dev", "eth0", "nodad")
        self.ip("-6", "route", "add", "default", "via", f"2a00:{router.number}:1::1")

    def unplug(self) -> None:
        self.ip("link", "del", "eth0")


class Internet:
    """Routers can be added by several threads."""

    def __init__(self) -> None:
        run("sh", "-c", "mount -t tmpfs none /run && mkdir /run/netns && ip link set lo up")
        run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self._numbers = itertools.count(FIRST_ROUTER)
        self.world = Namespace("world")
        _connect(self.world, WORLD)
        self.world.ip("addr", "add", "local", WORLD_4, "dev", "lo")
        self.world.ip("-6", "route", "add", "local", WORLD_6, "dev", "lo")
        run("ip", "route", "add", WORLD_4, "via", f"45.{WORLD}.0.1")
        run("ip", "-6", "route", "add", WORLD_6, "via", f"2a00:{WORLD}::1")

    def add_router(self) -> Router:
        return Router(next(self._numbers))

    def free_address(self) -> str:
        """For a router that is given another one."""
        return f"45.{next(self._numbers)}.0.1"


def _connect(namespace: Namespace, number: int) -> None:
    """Gives a namespace an interface towards the internet, and an address there."""
    run(*f"ip link add v{number} type veth peer name wan netns {namespace.name}".split())
    run("ip", "link", "set", f"v{number}", "up")
    run("ip", "addr", "add", f"45.{number}.255.254/16", "dev", f"v{number}")
    run("ip", "-6", "addr", "add", f"2a00:{number}::ffff/64", "dev", f"v{number}", "nodad")
    namespace.ip("link", "set", "wan", "up")
    namespace.ip("addr", "add", f"45.{number}.0.1/16", "dev", "wan")
    namespace.ip("route", "add", "default", "via", f"45.{number}.255.254")
    namespace.ip("-6", "addr", "add", f"2a00:{number}::1/64", "dev", "wan", "nodad")
    namespace.ip("-6", "route", "add", "default", "via", f"2a00:{number}::ffff")
