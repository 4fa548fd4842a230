"""Nodes on one link, which no server tells of each other."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from typing import Any

from tests.routers.scenarios.scenario import Scenario
from tests.support.routers.lab import Part
from tests.support.routers.namespaces import Namespace
from tests.support.routers.nodes import LabNode
from tests.support.routers.public_nodes import PORT

BEACONS = 17468
GROUP = "239.255.77.68"
ETH_P_ALL = 3
WATCH_S = 2.0


def peers_of(node: LabNode, count: int) -> list[str]:
    """The endpoints that the command prints, as a user asks."""
    document = json.loads(node.command("peers", "--json", f"--count={count}"))
    return sorted(peer["endpoint"] for peer in document["peers"])


def meet(part: Part) -> None:
    """Three hosts, on one of them two nodes; no bootstrap host, no public router."""
    router = part.router("preserving")
    hosts = [part.host(router, place) for place in (10, 11, 12)]
    watched = _Frames(router, "wan")
    nodes = [part.node(host).start() for host in hosts]
    second = part.node(hosts[0], "second").start(bind="0.0.0.0:6991")
    nodes.append(second)
    started = part.note("started")
    ports = [PORT, PORT, PORT, 6991]
    places = [f"{each.host.address}:{port}" for each, port in zip(nodes, ports, strict=True)]
    part.seen["peers"] = []
    for node, own in zip(nodes, places, strict=True):
        others = sorted(set(places) - {own})
        part.until(
            f"{node.name} gives all others",
            lambda node=node, others=others: peers_of(node, 3) == others,
            15,
        )
    part.seen["met_s"] = round(part.note("met") - started, 1)
    part.seen["lan"] = nodes[0].status()["lan"]
    nodes[1].stop()
    part.until(
        "the one that stops is lost",
        lambda: places[1] not in peers_of(nodes[0], 3),
        15,
    )
    part.seen["frames on the wan"] = watched.count(BEACONS)


def broadcast(part: Part) -> None:
    """A bridge that forwards no multicast: the third beacon of a start is a broadcast."""
    router = part.router("preserving")
    hosts = [part.host(router, place) for place in (10, 11)]
    for host in hosts:
        router.ip(*f"link set l-{host.name} type bridge_slave mcast_flood off".split())
    one, other = (part.node(host).start() for host in hosts)
    part.until("found by broadcast", lambda: other.events("peer_verified"), 10)
    part.until("found by broadcast too", lambda: one.events("peer_verified"), 10)
    part.seen["found"] = True


def crowd(part: Part) -> None:
    """A host with many ports beacons as nodes of the network, before and while another starts."""
    router = part.router("preserving")
    victim, honest, rogue = (part.host(router, place) for place in (10, 11, 66))
    node = part.node(victim).start(*part.lab.bootstrap())
    sent = 0
    with rogue.inside(), contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(_sender(rogue.address)) for _ in range(8)]
        other = None
        for turn in range(80):
            for number, sock in enumerate(sockets):
                forged = b"KDl1" + bytes((turn, number)) + bytes(14)
                forged += struct.pack("!HBB", 9000 + number, 1, 0)
                with contextlib.suppress(OSError):
                    sock.sendto(forged, (GROUP, BEACONS))
                    sent += 1
            if turn == 20:
                other = part.node(honest).start(*part.lab.bootstrap())
            time.sleep(0.05)
    assert other is not None
    part.seen["sent"] = sent
    honest_one = f"{honest.address}:{PORT}"
    part.until("the honest one is given", lambda: honest_one in peers_of(node, 40), 15)
    part.seen["lan"] = node.status()["lan"]


def silence(part: Part) -> None:
    """On links with public addresses, container bridges and point-to-point interfaces nothing is
    sent.
    """
    router = part.router("preserving")
    host = part.host(router)
    host.ip(*["link", "add", "docker0", "type", "bridge"])
    host.ip(*["link", "add", "br-0123456789ab", "type", "bridge"])
    host.ip(*["tuntap", "add", "tun7", "mode", "tun"])
    for name, address in (
        ("docker0", "172.17.0.1/16"),
        ("br-0123456789ab", "172.18.0.1/16"),
        ("tun7", "10.8.0.2/24"),
    ):
        host.ip("link", "set", name, "up")
        host.ip("addr", "add", address, "dev", name)
    public = part.router("preserving")
    watched = [_Frames(host, "any-but-eth0"), _Frames(public, "wan")]
    heard = _Frames(host, "eth0")
    part.node(host).start()
    node = LabNode("public", public, part.scratch, part.lab.configuration)
    node.start()
    time.sleep(WATCH_S)
    node.stop()
    part.seen["elsewhere"] = [each.count(BEACONS) for each in watched]
    part.seen["on the link"] = heard.count(BEACONS)


def _sender(address: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 0))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
    return sock


class _Frames:
    """Captures what passes an interface of a namespace: ``any-but-NAME`` for all others."""

    def __init__(self, namespace: Namespace, interface: str) -> None:
        self._but = interface.removeprefix("any-but-") if interface.startswith("any-but-") else None
        with namespace.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            if self._but is None:
                self._socket.bind((interface, 0))
        self._socket.setblocking(False)

    def count(self, port: int) -> int:
        """UDP datagrams over IPv4 to or from the port, since the last call."""
        found = 0
        while True:
            try:
                frame, address = self._socket.recvfrom(2048)
            except BlockingIOError:
                return found
            if address[0] in (self._but, "lo"):
                continue
            packet: Any = frame[14:] if frame[12:14] == b"\x08\x00" else frame
            if len(packet) >= 24 and packet[0] >> 4 == 4 and packet[9] == socket.IPPROTO_UDP:
                header = packet[: (packet[0] & 15) * 4 + 4]
                found += port in struct.unpack("!HH", header[-4:])


SCENARIO = Scenario(
    {"meet": meet, "broadcast": broadcast, "crowd": crowd, "silence": silence}, size=12
)
