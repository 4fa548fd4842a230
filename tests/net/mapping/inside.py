"""Scripted routers on the real ports 5351, 5350 and 1900, in a network namespace of their own:

    python -m tests.net.mapping.inside

prints one JSON document, what each case came to. `test_scripted_gateways.py` starts it. The router
is 192.168.77.1, this machine 192.168.77.10, another host of the LAN 192.168.77.66.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import trio

from kadisc.endpoints import Family, parse_endpoint
from kadisc.net.mapping.asking import RouterAsker
from kadisc.net.mapping.notices import NoticeListener
from kadisc.net.mapping.results import Grant, Refusal
from kadisc.net.mapping.router_access import Location, NoRouter, SystemRouters
from kadisc.net.mapping.upnp import search

from .hostile_igd import hostile
from .scripted_router import (
    UDP,
    by_natpmp,
    by_pcp,
    is_pcp,
    natpmp_answer,
    pcp_answer,
    question,
    silent,
)

ROUTER, OWN, OTHER = "192.168.77.1", "192.168.77.10", "192.168.77.66"
HERE = Location(Family.IPV4, ROUTER, socket.inet_aton(OWN))
ANNOUNCE = struct.pack("!BBBBII12x", 2, 0x80, 0, 0, 0, 0)
GROUP = ("224.0.0.1", 5350)
ROUTER_6, OTHER_6 = "fe80::77:1", "fe80::77:66"
HERE_6 = Location(Family.IPV6, f"{ROUTER_6}%lan6", socket.inet_pton(socket.AF_INET6, ROUTER_6))
SETUP = (
    "ip link set lo up multicast on",
    *(f"ip addr add {ip}/24 dev lo" for ip in (ROUTER, OWN, OTHER)),
    *(f"ip addr add 192.168.77.{number}/24 dev lo" for number in range(100, 120)),
    "ip route add default via 192.168.77.1 dev lo src 192.168.77.10",
    "ip link add lan6 type veth peer name far6",
    "ip link set lan6 up",
    "ip link set far6 up",
    *(f"ip -6 addr add {ip}/64 dev lan6 nodad" for ip in (ROUTER_6, OTHER_6)),
)

Answering = Callable[[bytes], Iterable[bytes]]


def udp_socket(host: str) -> trio.socket.SocketType:
    sock = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(host))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    return sock


@asynccontextmanager
async def router(
    answering: Answering,
    heard: list[bytes] | None = None,
    host: str = ROUTER,
    from_host: str | None = None,
) -> AsyncIterator[None]:
    """A router whose answers come from ``from_host`` where it is given."""

    async def serve() -> None:
        while True:
            payload, client = await sock.recvfrom(2000)
            if heard is not None:
                heard.append(payload)
            for answer in answering(payload):
                await answerer.sendto(answer, client)

    with udp_socket(host) as sock, udp_socket(host) as other:
        await sock.bind((host, 5351))
        answerer = sock
        if from_host is not None:
            await other.bind((from_host, 5351))
            answerer = other
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            yield
            nursery.cancel_scope.cancel()


def shown(outcome: Grant | Refusal) -> list[Any]:
    if isinstance(outcome, Grant):
        return ["grant", outcome.method, outcome.external, outcome.lease_s]
    return ["refusal", outcome.method, outcome.code]


async def asked(gateway: str) -> dict[str, Any]:
    asker = RouterAsker(SystemRouters({}), None, lambda location: None, trio.current_time)
    started = trio.current_time()
    outcome = await asker.ask(question(UDP, replace(HERE, gateway=gateway)))
    return {
        "outcome": shown(outcome),
        "took_s": round(trio.current_time() - started, 3),
        "counters": dict(asker.counters),
    }


def double_nat(request: bytes) -> Iterable[bytes]:
    if is_pcp(request):
        return (pcp_answer(request, result=8, lifetime_s=30),)
    return (natpmp_answer(request, result=3),)


def with_pcp(answer: Callable[[bytes], bytes]) -> Answering:
    """A router with PCP alone, whose answers ``answer`` makes."""
    return lambda request: (answer(request),) if is_pcp(request) else ()


CASES: dict[str, Answering] = {
    "pcp": by_pcp,
    "natpmp": by_natpmp,
    "silent": silent,
    "wrong-nonce": with_pcp(lambda request: pcp_answer(request, nonce=bytes(12))),
    "wrong-length": with_pcp(lambda request: pcp_answer(request)[:58]),
    "too-long": with_pcp(lambda request: pcp_answer(request) + bytes(1044)),
    "version-1": with_pcp(lambda request: b"\1\x81\0\1" + bytes(20)),
    "lifetime-0": with_pcp(lambda request: pcp_answer(request, lifetime_s=0)),
    "lifetime-10": with_pcp(lambda request: pcp_answer(request, lifetime_s=10)),
    "lifetime-60": with_pcp(lambda request: pcp_answer(request, lifetime_s=60)),
    "lifetime-max": with_pcp(lambda request: pcp_answer(request, lifetime_s=0xFFFF_FFFF)),
    "external-0": with_pcp(lambda request: pcp_answer(request, ip=bytes(4))),
    "double-nat": double_nat,
    "flood": lambda request: (b"\2\x81" + bytes(40),) * 500,
}


async def scripted() -> dict[str, Any]:
    """All at once, each at an address of its own: the slow ones wait for 7.75 s."""
    found = {}

    async def one(name: str, number: int, answering: Answering) -> None:
        gateway = f"192.168.77.{number}"
        from_host = OTHER if name == "another-host" else None
        async with router(answering, host=gateway, from_host=from_host):
            found[name] = await asked(gateway)

    async with trio.open_nursery() as nursery:
        for number, (name, answering) in enumerate(CASES.items(), start=100):
            nursery.start_soon(one, name, number, answering)
        nursery.start_soon(one, "another-host", 118, by_pcp)
        found["closed"] = await asked("192.168.77.119")
    return found


class Renewals:
    """What notices renew."""

    def __init__(self) -> None:
        self.place: Location | NoRouter = NoRouter("no router was looked for yet", False)
        self.moved = trio.Event()
        self.at: list[float] = []

    def found(self, place: Location = HERE) -> None:
        self.place = place
        moved, self.moved = self.moved, trio.Event()
        moved.set()

    def again(self) -> None:
        self.at.append(trio.current_time())


async def noticed_6() -> dict[str, Any]:
    """Renewals by five notices of the router of IPv6, and of another host."""
    found: dict[str, Any] = {}
    index = socket.if_nametoindex("lan6")
    for name, source in {"router": ROUTER_6, "other-host": OTHER_6}.items():
        renewals, counters = Renewals(), Counter[str]()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(NoticeListener(renewals, random.Random(1), counters).run)
            await trio.sleep(0.1)
            renewals.found(HERE_6)
            await trio.sleep(0.2)
            with trio.socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)
                await sock.bind((source, 5351, 0, index))
                for _ in range(5):
                    await sock.sendto(ANNOUNCE, ("ff02::1", 5350, 0, index))
                    await trio.sleep(0.1)
            await trio.sleep(1.5)
            nursery.cancel_scope.cancel()
        found[name] = {"renewals": len(renewals.at), "counters": dict(counters)}
    return found


async def noticed() -> dict[str, Any]:
    """Renewals by 30 notices in 3 s of the router, and by those of another host and port."""
    found: dict[str, Any] = {}
    for name, source in {
        "router": (ROUTER, 5351),
        "other-host": (OTHER, 5351),
        "other-port": (ROUTER, 5352),
    }.items():
        renewals, counters = Renewals(), Counter[str]()
        listener = NoticeListener(renewals, random.Random(1), counters)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listener.run)
            await trio.sleep(0.1)
            renewals.found()
            await trio.sleep(0.2)
            with udp_socket(source[0]) as sock:
                await sock.bind(source)
                started = trio.current_time()
                for _ in range(30):
                    await sock.sendto(ANNOUNCE, GROUP)
                    await trio.sleep(0.1)
            await trio.sleep(2)
            nursery.cancel_scope.cancel()
        after_s = [round(at - started, 2) for at in renewals.at]
        found[name] = {"after_s": after_s, "counters": dict(counters)}
    return found


async def searched() -> dict[str, Any]:
    """What the search of UPnP finds where answers come from these hosts, with these locations."""
    good = f"http://{ROUTER}:5000/rootDesc.xml"
    answers = {
        "sound": [(ROUTER, good)],
        "another-host": [(OTHER, good)],
        "elsewhere": [(ROUTER, f"http://{OTHER}:5000/rootDesc.xml")],
        "late": [(OTHER, good), (ROUTER, "http://evil.example/"), (ROUTER, good)],
        "silent": [],
    }
    found = {}
    for name, those in answers.items():
        heard: list[tuple[bytes, int]] = []

        async def serve(
            group: trio.socket.SocketType,
            those: list[tuple[str, str]],
            heard: list[tuple[bytes, int]],
        ) -> None:
            while True:
                payload, client = await group.recvfrom(2000)
                heard.append((payload[:8], client[1]))
                for host, location in those:
                    text = f"HTTP/1.1 200 OK\r\nLOCATION: {location}\r\n\r\n"
                    with udp_socket(host) as sock:
                        await sock.bind((host, 1900))
                        await sock.sendto(text.encode(), client)

        with udp_socket(ROUTER) as group:
            await group.bind(("239.255.255.250", 1900))
            membership = socket.inet_aton("239.255.255.250") + socket.inet_aton(OWN)
            group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve, group, those, heard)
                found[name] = {"url": await search(HERE), "searches": len(heard)}
                found[name]["searches"] = len(heard)
                nursery.cancel_scope.cancel()
    return found


async def as_a_user() -> dict[str, Any]:
    """A node on the command line, which is stopped by SIGINT, and then one that is killed."""
    requests: list[bytes] = []
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "kadisc", "run", "--bind=0.0.0.0:6881", "--no-routers"]
        command += ["--json", f"--state-dir={folder}/state", "--map-port=tcp:30303=51303"]
        for name, signal_number in (("interrupted", 2), ("killed", 9), ("again", 2)):
            requests.clear()
            async with router(by_pcp, requests):
                process = await trio.lowlevel.open_process(
                    command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
                assert process.stdout is not None
                said = b""
                with trio.move_on_after(30):
                    while said.count(b'"state": "mapped"') < 2:
                        said += await process.stdout.receive_some(4096)
                await trio.sleep(0.5)  # the nonces are being saved
                process.send_signal(signal_number)
                started = time.monotonic()
                await process.wait()
                found[name] = {
                    "mapped": said.count(b'"state": "mapped"'),
                    "ended_s": round(time.monotonic() - started, 2),
                    "nonces": sorted({payload[24:36].hex() for payload in requests}),
                    "leases": [struct.unpack_from("!I", payload, 4)[0] for payload in requests],
                }
                await process.stdout.aclose()
    return found


async def everything() -> dict[str, Any]:
    results: dict[str, Any] = {}
    place = SystemRouters({}).locate(Family.IPV4, parse_endpoint("0.0.0.0:6881"))
    results["place"] = [place.gateway, socket.inet_ntoa(place.source)] * isinstance(place, Location)

    async def run(name: str, part: Callable[[], Any]) -> None:
        results[name] = await part()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, "notices", noticed)
        nursery.start_soon(run, "notices_6", noticed_6)
        nursery.start_soon(run, "search", searched)
        nursery.start_soon(run, "scripted", scripted)
    results["user"] = await as_a_user()
    if importlib.util.find_spec("miniupnpc") is not None:
        results["hostile"] = await hostile(ROUTER, OWN, OTHER)
    return results


def main() -> None:
    for command in SETUP:
        subprocess.run(command.split(), check=True)
    print(json.dumps(trio.run(everything)), flush=True)


if __name__ == "__main__":
    assert Path("/proc/self/ns/net").stat().st_ino != int(
        os.environ.get("KADISC_TEST_GUARD_NAMESPACE", "0")
    ), "in a namespace of its own alone"
    main()
