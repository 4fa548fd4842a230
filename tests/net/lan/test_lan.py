"""The shell of beacons, with interfaces and sockets of memory: no beacon leaves the machine."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import replace

import pytest
import trio
import trio.testing

from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.net.lan import lan
from kadisc.net.lan.lan_interfaces import LanInterface, SystemInterface
from kadisc.net.lan.lan_sockets import LanSockets
from kadisc.observe.shell_events import NetworkChanged

from ..lab import CONFIG, network, open_at

USUAL = frozenset({"up", "running", "multicast"})


class Links:
    """The interfaces of the machine, as they are now; with none at first."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}

    def system_interfaces(self) -> tuple[list[SystemInterface], dict[str, int]]:
        found = [
            SystemInterface(name, USUAL, (ipaddress.IPv4Interface(address),))
            for name, address in self.addresses.items()
        ]
        return found, {name: number for number, name in enumerate(self.addresses, 1)}


class MutedSockets(LanSockets):
    """Bound to loopback at any port, and sends nothing."""

    def __init__(self, interfaces: Iterable[LanInterface]) -> None:
        self.interfaces = {each.index: each for each in interfaces}
        self.refused = self.off_link = 0
        self.listening, self.sending = (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)
        )
        for sock in self.sockets:
            sock.setblocking(False)
            sock.bind(("127.0.0.1", 0))

    def send_to_all(self, payload: bytes, *, broadcast: bool) -> int:
        return 1


async def test_a_node_has_no_private_endpoints_once_its_last_link_is_gone(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    links = Links()
    monkeypatch.setattr(lan, "may_beacon", lambda: True)
    monkeypatch.setattr(lan, "system_interfaces", links.system_interfaces)
    monkeypatch.setattr(lan, "LanSockets", MutedSockets)
    monkeypatch.setattr(lan.Lan, "_is_usable", lambda self, interface: True)
    links.addresses = {"eth0": "192.168.1.20/24"}
    config = replace(CONFIG, lan="only")
    async with open_at(network(), 1, config=config) as node:
        community = node.pump.core.peer_network
        assert community is not None

        def private() -> list[Endpoint]:
            return [
                each
                for each in community.verifier.own_endpoints()
                if each[:2] in (b"\xc0\xa8", b"\x0a\x00")
            ]

        async def moved(**addresses: str) -> None:
            links.addresses = addresses
            node.pump.publish(NetworkChanged(cause="addresses"))
            await trio.sleep(1)

        await trio.sleep(1)
        assert private() == [make_endpoint("192.168.1.20", 6881)]
        await moved()
        assert node.lan().state == "off"
        assert private() == []
        await moved(eth0="10.0.0.7/24")
        assert private() == [make_endpoint("10.0.0.7", 6881)]
