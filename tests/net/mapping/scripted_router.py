"""Routers that answer as tests say, in memory and in virtual time."""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import trio

from kadisc.endpoints import Endpoint, Family
from kadisc.net.mapping import pcp
from kadisc.net.mapping.asking import Question, RouterAsker, UpnpAccess
from kadisc.net.mapping.results import MappingRequest
from kadisc.net.mapping.router_access import GatewayPort, Location, NoRouter

ROUTER = "192.168.1.1"
SOURCE = bytes((192, 168, 1, 10))
WAN = bytes((45, 10, 0, 1))
AT_HOME = Location(Family.IPV4, ROUTER, SOURCE)
AT_HOME_6 = Location(Family.IPV6, "fe80::1%eth0", bytes.fromhex("2a000010000100000000000000000010"))
UDP = MappingRequest("udp", 6881, 6881, 3600)


def is_pcp(payload: bytes) -> bool:
    return payload[0] == 2


def is_address_request(payload: bytes) -> bool:
    return payload == b"\0\0"


def pcp_answer(
    request: bytes,
    *,
    result: int = 0,
    lifetime_s: int | None = None,
    epoch: int = 1000,
    external: int | None = None,
    ip: bytes = WAN,
    nonce: bytes | None = None,
    internal: int | None = None,
    protocol: int | None = None,
) -> bytes:
    """As a router answers a MAP request, but for what is given."""
    asked_s = struct.unpack_from("!I", request, 4)[0]
    own_nonce, own_protocol, own_internal, own_external = struct.unpack_from(
        "!12sB3xHH", request, 24
    )
    return (
        struct.pack(
            "!BBBBII12x",
            2,
            0x81,
            0,
            result,
            asked_s if lifetime_s is None else lifetime_s,
            epoch,
        )
        + struct.pack(
            "!12sB3xHH",
            own_nonce if nonce is None else nonce,
            own_protocol if protocol is None else protocol,
            own_internal if internal is None else internal,
            own_external if external is None else external,
        )
        + pcp.wide_ip(ip)
    )


def natpmp_answer(
    request: bytes,
    *,
    result: int = 0,
    lifetime_s: int | None = None,
    epoch: int = 1000,
    external: int | None = None,
    ip: bytes = WAN,
) -> bytes:
    """As a router answers a request for the address or for a mapping, but for what is given."""
    if is_address_request(request):
        return struct.pack("!BBHI4s", 0, 128, result, epoch, ip)
    _, opcode, _, internal, own_external, asked_s = struct.unpack("!BBHHHI", request)
    if result:
        return struct.pack("!BBHIHHI", 0, 128 + opcode, result, epoch, internal, 0, 0)
    return struct.pack(
        "!BBHIHHI",
        *(0, 128 + opcode, 0, epoch, internal),
        own_external if external is None else external,
        asked_s if lifetime_s is None else lifetime_s,
    )


Answering = Callable[[bytes], Iterable[bytes | OSError]]


def silent(request: bytes) -> Iterable[bytes]:
    return ()


def by_pcp(request: bytes) -> Iterable[bytes]:
    """A router with PCP alone."""
    return (pcp_answer(request),) if is_pcp(request) else ()


def by_natpmp(request: bytes) -> Iterable[bytes]:
    """A router with NAT-PMP alone, which answers PCP in its own version."""
    if is_pcp(request):
        return (struct.pack("!BBHI", 0, 128 + request[1], 1, 1000),)
    return (natpmp_answer(request),)


def refusing(request: bytes) -> Iterable[OSError]:
    """The port is closed: the system tells of an ICMP error."""
    return (ConnectionRefusedError(111, "Connection refused"),)


@dataclass(eq=False)
class ScriptedRouter:
    """``answering`` gives the answers to a request, ``delay_s`` later each. ``sent``: when which
    datagram came.
    """

    answering: Answering = by_pcp
    delay_s: float = 0.002
    place: Location | NoRouter = AT_HOME
    sent: list[tuple[float, bytes]] = field(default_factory=list)

    def locate(self, family: Family, own: Endpoint) -> Location | NoRouter:
        return self.place if family is Family.IPV4 else NoRouter("no IPv6", True)

    def connect(self, location: Location) -> GatewayPort:
        return ScriptedPort(self)

    def times(self, *, of_pcp: bool) -> list[float]:
        """When requests came, without those for the address."""
        return [
            at
            for at, payload in self.sent
            if is_pcp(payload) == of_pcp and not is_address_request(payload)
        ]

    def requests(self) -> list[MappingRequest]:
        """The PCP requests, read."""
        found = []
        for _, payload in self.sent:
            if is_pcp(payload):
                lease_s = struct.unpack_from("!I", payload, 4)[0]
                protocol, internal, external = struct.unpack_from("!B3xHH", payload, 36)
                name = {17: "udp", 6: "tcp"}[protocol]
                found.append(MappingRequest(name, internal, external, lease_s))
        return found


class ScriptedPort:
    """A question to a scripted router."""

    def __init__(self, router: ScriptedRouter) -> None:
        self._router = router
        self._due: list[tuple[float, bytes | OSError]] = []
        self._news = trio.Event()

    def send(self, payload: bytes) -> None:
        now = trio.current_time()
        self._router.sent.append((now, payload))
        for answer in self._router.answering(payload):
            self._due.append((now + self._router.delay_s, answer))
        self._news.set()

    async def receive(self) -> bytes:
        while True:
            self._news = trio.Event()
            at = self._due[0][0] if self._due else math.inf
            if at <= trio.current_time():
                await trio.lowlevel.checkpoint()
                answer = self._due.pop(0)[1]
                if isinstance(answer, OSError):
                    raise answer
                return answer
            with trio.move_on_at(at):
                await self._news.wait()

    def close(self) -> None:
        pass


def asker_of(
    router: ScriptedRouter,
    upnp: UpnpAccess | None = None,
    lost: Callable[[Location], None] = lambda location: None,
) -> RouterAsker:
    return RouterAsker(router, upnp, lost, trio.current_time)


def question(
    request: MappingRequest = UDP, location: Location = AT_HOME, nonce: bytes = b"n" * 12
) -> Question:
    return Question(location, request, nonce)


def total(counters: Counter[str], prefix: str) -> int:
    return sum(number for name, number in counters.items() if name.startswith(prefix))
