"""The internet of the scenarios.

    hosts - router 10 - net - router 11 - hosts      world: 45.64.0.0/10 and 2a40::/12

``net`` is the scenario's own namespace and routes between the networks 45.N.0.0/16. Router N is
45.N.0.1 there, and has the network 192.168.N.0/24 behind it. IPv6 is 2a00:N::/64 likewise, with a
routed network 2a00:N:1::/64 behind the router. Every address of ``world`` is at home. 45/8 suits
all programs: libtorrent ignores 11/8, and miniupnpd refuses 203.0.113/24.
"""

from __future__ import annotations

import itertools
import subprocess
import sys

from .namespaces import Namespace, run

WORLD_4, WORLD_6 = "45.64.0.0/10", "2a40::/12"
FIRST_ROUTER, WORLD = 10, 63
"""Numbers of the networks 45.N.0.0/16."""
ETHERNET = "eth0"
"""The interface of a host."""
DELAYED = "200"
"""The routing table of packets that are delayed first."""
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

    def move_behind(self, outer: Router) -> None:
        """Its provider is now the network behind another router, with a private address."""
        self.ip("addr", "flush", "dev", self.wan)
        self.ip("link", "set", self.wan, "down")
        self.wan = "wan2"
        run(
            *f"ip link add up-{self.number} netns {outer.name} type veth".split(),
            *f"peer name wan2 netns {self.name}".split(),
        )
        outer.ip("link", "set", f"up-{self.number}", "master", "lan", "up")
        self.ip("link", "set", "wan2", "up")
        self.address = f"192.168.{outer.number}.20"
        self.ip("addr", "add", f"{self.address}/24", "dev", "wan2")
        self.ip("route", "replace", "default", "via", outer.inner_address)

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


class Machine(Namespace):
    """Where a node can run."""

    address: str


class PublicHost(Machine):
    """``number``: its address is 45.NUMBER.0.1, and 2a00:NUMBER::1."""

    def __init__(self, number: int) -> None:
        super().__init__(f"p{number}")
        self.address = f"45.{number}.0.1"
        _connect(self, number)


class Host(Machine):
    """``place``: its address is 192.168.N.PLACE behind router N."""

    def __init__(self, router: Router, place: int) -> None:
        super().__init__(f"h{router.number}-{place}")
        self.place = place
        self.plug_in(router)

    def plug_in(self, router: Router, interface: str = ETHERNET) -> None:
        """Connects an interface with the router's network; the default route goes there."""
        self.router = router
        self.address = f"192.168.{router.number}.{self.place}"
        self.address_6 = f"2a00:{router.number}:1::{self.place}"
        link = f"l-{self.name}" + ("" if interface == ETHERNET else f"-{interface}")
        run(
            *f"ip link add {link} netns {router.name} type veth".split(),
            *f"peer name {interface} netns {self.name}".split(),
        )
        router.ip("link", "set", link, "master", "lan", "up")
        self.ip("link", "set", interface, "up")
        self.ip("addr", "add", f"{self.address}/24", "dev", interface, "brd", "+")
        self.ip("route", "replace", "default", "via", router.inner_address)
        self.ip("-6", "addr", "add", f"{self.address_6}/64", "dev", interface, "nodad")
        self.ip("-6", "route", "replace", "default", "via", f"2a00:{router.number}:1::1")

    def unplug(self, interface: str = ETHERNET) -> None:
        self.ip("link", "del", interface)


class Internet:
    """Routers can be added by several threads. ``delay_ms``: what each IPv4 packet that crosses
    ``net`` takes, of which the share ``loss`` is lost; 0 needs no TUN.
    """

    def __init__(self, delay_ms: float = 0.0, loss: float = 0.0) -> None:
        run("sh", "-c", "mount -t tmpfs none /run && mkdir /run/netns && ip link set lo up")
        run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        if delay_ms:
            _delay(delay_ms, loss)
        self._numbers = itertools.count(FIRST_ROUTER)
        self.world = Namespace("world")
        _connect(self.world, WORLD)
        self.world.ip("addr", "add", "local", WORLD_4, "dev", "lo")
        self.world.ip("-6", "route", "add", "local", WORLD_6, "dev", "lo")
        self.world.sysctl("net.ipv6.ip_nonlocal_bind=1")
        run("ip", "route", "add", WORLD_4, "via", f"45.{WORLD}.0.1")
        run("ip", "-6", "route", "add", WORLD_6, "via", f"2a00:{WORLD}::1")

    def add_router(self) -> Router:
        return Router(next(self._numbers))

    def add_public_host(self) -> PublicHost:
        return PublicHost(next(self._numbers))

    def free_address(self) -> str:
        """For a router that is given another one."""
        return f"45.{next(self._numbers)}.0.1"


def _delay(delay_ms: float, loss: float) -> None:
    command = [sys.executable, "-m", "tests.support.routers.delay", str(delay_ms), str(loss)]
    relay = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert relay.stdout is not None
    name = relay.stdout.readline().strip()
    run("ip", "route", "add", "default", "dev", name, "table", DELAYED)
    for number in range(FIRST_ROUTER, WORLD + 1):
        run("ip", "rule", "add", "iif", f"v{number}", "lookup", DELAYED, "pref", "100")


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
