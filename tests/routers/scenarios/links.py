"""A machine whose network changes while a node runs on it."""

from __future__ import annotations

import time
from typing import Any

from tests.interop.krpc_probe import Probe
from tests.routers.scenarios.scenario import Scenario
from tests.support.child_programs import until
from tests.support.routers.internet import Host
from tests.support.routers.lab import Part
from tests.support.routers.nodes import LabNode
from tests.support.routers.public_nodes import PORT

QUIET_S = 3.0
"""The watcher has had its first looks by then."""
EVENTS_S = 30.0


def settled(part: Part, node: LabNode) -> None:
    """Its address is decided by votes."""
    part.until("voted", lambda: node.family()["address"]["confidence"] == "voted", 40)
    time.sleep(QUIET_S)


def next_event(node: LabNode, kind: str, count: int = 1) -> dict[str, Any]:
    """The ``count``-th event of that kind."""
    return until(
        f"{kind}, number {count}",
        lambda: len(node.events(kind)) >= count and node.events(kind),
        EVENTS_S,
        every_s=0.05,
    )[count - 1]


def contacts(node: LabNode) -> int:
    return int(node.family()["contacts"])


def cable(part: Part) -> None:
    """The cable goes from one router to another."""
    home, away = part.router("preserving"), part.router("preserving")
    host = part.host(home)
    node = part.joined(host)
    settled(part, node)
    part.seen["before"] = contacts(node)
    host.unplug()
    host.plug_in(away)
    began = time.monotonic()
    part.seen["cause"] = next_event(node, "network_changed")["cause"]
    part.seen["noticed_s"] = round(time.monotonic() - began, 2)
    until(
        "the new address is decided",
        lambda: any(each["host"] == away.address for each in node.events("address_changed")),
        EVENTS_S,
        every_s=0.05,
    )
    part.seen["decided_s"] = round(time.monotonic() - began, 2)
    part.until(
        "the record follows",
        lambda: away.address in str(node.record()),
        15,
    )
    part.seen["after"] = contacts(node)


def readdress(part: Part) -> None:
    """Another address of the host, then another gateway of the same network."""
    router = part.router("preserving")
    host = part.host(router)
    node = part.joined(host)
    settled(part, node)
    host.ip("addr", "del", f"{host.address}/24", "dev", "eth0")
    host.ip("addr", "add", f"192.168.{router.number}.77/24", "dev", "eth0")
    host.ip("route", "replace", "default", "via", router.inner_address)
    began = time.monotonic()
    causes = [next_event(node, "network_changed")["cause"]]
    part.seen["noticed_s"] = [round(time.monotonic() - began, 2)]
    time.sleep(8)  # the first pause
    other = f"192.168.{router.number}.2"
    router.ip("addr", "add", f"{other}/24", "dev", "lan")
    host.ip("route", "replace", "default", "via", other)
    began = time.monotonic()
    causes.append(next_event(node, "network_changed", 2)["cause"])
    part.seen["noticed_s"].append(round(time.monotonic() - began, 2))
    part.seen["causes"] = causes
    part.seen["offline"] = node.events("offline")


def bound(part: Part) -> None:
    """The address that the socket is bound to goes and comes back; at last it goes, and the node is
    stopped meanwhile.
    """
    router = part.router("preserving")
    host = part.host(router)
    own, other = f"{host.address}/24", f"192.168.{router.number}.77/24"
    node = part.node(host).start(*part.lab.bootstrap(), bind=f"{host.address}:{PORT}")
    node.await_event("joined", 30)
    settled(part, node)
    part.seen["before"] = contacts(node)
    exchange_address(host, own, other)
    began = time.monotonic()
    next_event(node, "socket_lost")
    part.seen["lost_s"] = round(time.monotonic() - began, 2)
    next_event(node, "offline")
    part.seen["lost"] = node.status()["sockets"]
    time.sleep(12)
    part.seen["meanwhile"] = contacts(node)
    exchange_address(host, other, own)
    began = time.monotonic()
    next_event(node, "socket_back")
    part.seen["back_s"] = round(time.monotonic() - began, 2)
    next_event(node, "online")
    part.seen["online_s"] = round(time.monotonic() - began, 2)
    part.seen["back"] = node.status()["sockets"]
    part.seen["after"] = contacts(node)
    exchange_address(host, own, other)
    next_event(node, "socket_lost", 2)
    began = time.monotonic()
    part.seen["code"] = node.interrupt()
    part.seen["stopped_s"] = round(time.monotonic() - began, 2)


def exchange_address(host: Host, former: str, new: str) -> None:
    host.ip("addr", "del", former, "dev", "eth0")
    host.ip("addr", "add", new, "dev", "eth0")
    host.ip("route", "replace", "default", "via", host.router.inner_address)


def outage(part: Part) -> None:
    """The interface is down for half a minute."""
    router = part.router("preserving")
    host = part.host(router)
    node = part.joined(host)
    settled(part, node)
    part.seen["before"] = contacts(node)
    host.ip("link", "set", "eth0", "down")
    time.sleep(30)
    host.ip("link", "set", "eth0", "up")
    host.ip("route", "replace", "default", "via", router.inner_address)
    began = time.monotonic()
    next_event(node, "network_changed")
    part.seen["noticed_s"] = round(time.monotonic() - began, 2)
    part.until("online", lambda: node.family()["online"], 15)
    part.seen["online_s"] = round(time.monotonic() - began, 2)
    part.seen["after"] = contacts(node)


def addresses(part: Part) -> None:
    """A host with one, two and four addresses, asked at each of them; then one of them goes."""
    router = part.router("preserving")
    host = part.host(router)
    number = router.number
    node = part.node(host).start("--allow-private", "--no-lan", bind=f"0.0.0.0:{PORT}")
    four = [f"192.168.{number}.{place}" for place in (10, 11, 12, 13)]
    part.seen["answered"] = {}
    for count in (1, 2, 4):
        for ip in four[1:count]:
            if ip not in host.ip("-4", "addr"):
                host.ip("addr", "add", f"{ip}/24", "dev", "eth0")
        open_sockets(node, 1 if count == 1 else 1 + count)
        with router.inside(), Probe((router.inner_address, 7000 + count)) as probe:
            answers = [probe.ask("ping", (ip, PORT), 2.0) is not None for ip in four[:count]]
        part.seen["answered"][str(count)] = answers
    host.ip("addr", "del", f"{four[2]}/24", "dev", "eth0")
    open_sockets(node, 4)
    with router.inside(), Probe((router.inner_address, 7100)) as probe:
        part.seen["others"] = [probe.ask("ping", (four[n], PORT), 2.0) is not None for n in (1, 3)]


def addresses_6(part: Part) -> None:
    """The same in IPv6."""
    router = part.router("preserving")
    host = part.host(router)
    node = part.node(host).start("--allow-private", "--no-lan", bind=f"[::]:{PORT}")
    second = f"2a00:{router.number}:1::77"
    host.ip("-6", "addr", "add", f"{second}/64", "dev", "eth0", "nodad")
    open_sockets(node, 3)
    source = f"2a00:{router.number}:1::1"
    with router.inside(), Probe((source, 7000)) as probe:
        part.seen["answered"] = [
            probe.ask("ping", (ip, PORT), 2.0) is not None for ip in (host.address_6, second)
        ]


def open_sockets(node: LabNode, count: int) -> None:
    until(
        f"{count} sockets",
        lambda: [each["state"] for each in node.status()["sockets"]] == ["open"] * count,
        20.0,
    )


SCENARIO = Scenario(
    {"cable": cable, "readdress": readdress, "bound": bound, "outage": outage}, size=24
)
ADDRESSES = Scenario({"ipv4": addresses, "ipv6": addresses_6}, size=2, ipv6=True)
