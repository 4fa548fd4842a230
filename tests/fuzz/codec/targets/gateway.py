"""Answers of a router by PCP and NAT-PMP, and notices that any host of the LAN may send."""

from __future__ import annotations

import struct
from collections import Counter
from random import Random

from kadisc.net.mapping import natpmp, pcp
from kadisc.net.mapping.natpmp import AddressAnswer
from kadisc.net.mapping.notices import JITTER_S, SPACING_S, NoticeFilter
from kadisc.net.mapping.results import (
    MAX_LEASE_S,
    MIN_EXTERNAL_PORT,
    MIN_LEASE_S,
    Grant,
    MappingRequest,
    Refusal,
    UnusableAnswer,
)

from ..target import Target, require

NONCE = b"nonce-of-ours"[:12]
REQUESTS = tuple(
    MappingRequest(protocol, 6881, 6881, lease_s)
    for protocol in ("udp", "tcp")
    for lease_s in (3600, 0)
)
GATEWAY = "192.168.1.1"


def check(data: bytes) -> None:
    for request in REQUESTS:
        try:
            _holds(pcp.METHOD, (answer := pcp.read_answer(data, request, NONCE)).outcome)
        except UnusableAnswer as unusable:
            require(bool(str(unusable)), "no reason")
        else:
            knows = NONCE in data
            require(knows or isinstance(answer.outcome, Refusal), "a grant without our nonce")
            require(knows or answer.epoch is None, "an epoch without our nonce")
        try:
            mapping = natpmp.read_answer(data, request)
        except UnusableAnswer as unusable:
            require(bool(str(unusable)), "no reason")
        else:
            if isinstance(mapping, AddressAnswer):
                require(mapping.ip is None or len(mapping.ip) == 4, "an address of another length")
            else:
                _holds(natpmp.METHOD, mapping.outcome)
    _notices(data)


def _holds(method: str, outcome: Grant | Refusal) -> None:
    require(outcome.method == method, f"{outcome} is of another method")
    if isinstance(outcome, Refusal):
        require(outcome.reason.isprintable() and outcome.code.isprintable(), f"{outcome}")
        return
    require(MIN_LEASE_S <= outcome.lease_s <= MAX_LEASE_S, f"a lease of {outcome.lease_s} s")
    require(MIN_EXTERNAL_PORT <= outcome.external < 65_536, f"port {outcome.external}")
    require(outcome.external_ip is None or len(outcome.external_ip) in (4, 16), f"{outcome}")


def _notices(data: bytes) -> None:
    counters: Counter[str] = Counter()
    notices = NoticeFilter(Random(5), counters)
    heeded_at = float("-inf")
    for number in range(8):
        now = number * 1.7
        delay_s = notices.delay_s(data, (GATEWAY, pcp.PORT), GATEWAY, now)
        if delay_s is not None:
            require(0 <= delay_s <= JITTER_S, f"renewed after {delay_s} s")
            require(now >= heeded_at + SPACING_S, "two notices were heeded within 5 s")
            heeded_at = now
    for source in ((GATEWAY, 5350), ("192.168.1.2", pcp.PORT)):
        told = notices.delay_s(data, source, GATEWAY, 100.0)
        require(told is None, "a notice of another source is heeded")


def seeds() -> list[bytes]:
    granted = pcp.wide_ip(b"\x2d\1\2\3")
    header = struct.Struct("!BBBBII12x")
    data = struct.Struct("!12sB3xHH16s")
    found = [
        header.pack(2, 0x81, 0, 0, 3600, 77) + data.pack(NONCE, 17, 6881, 16881, granted),
        header.pack(2, 0x81, 0, 8, 30, 77) + data.pack(NONCE, 6, 6881, 6881, bytes(16)),
        header.pack(2, 0x81, 0, 0, 20, 77) + data.pack(NONCE, 17, 6881, 80, b"\x2a" * 16),
        header.pack(2, 0x81, 0, 0, 20, 77) + data.pack(NONCE, 17, 6881, 6881, granted),
        header.pack(2, 0x80, 0, 0, 0, 1),
        header.pack(2, 0x81, 0, 12, 30, 1),
        struct.pack("!BBHI", 0, 128, 1, 7),
        struct.pack("!BBHI4s", 0, 128, 0, 7, b"\x2d\1\2\3"),
        struct.pack("!BBHIHHI", 0, 129, 0, 7, 6881, 16881, 3600),
        struct.pack("!BBHIHHI", 0, 130, 0, 7, 6881, 1023, 4_294_967_295),
        struct.pack("!BBHI", 0, 129, 4, 7),
    ]
    return [b"", *found]


GATEWAY_ANSWERS = Target(
    "gateway",
    "UnusableAnswer alone is raised; a grant has a usable port and lease, and by PCP our nonce; "
    "notices renew at most once in 5 s, and only those of the router",
    check,
    seeds,
    (NONCE, b"\x02\x81\0\0", b"\0\x81\0\0", b"\x1a\xe1", b"\0\0\0\0\0\0\0\0\0\0\xff\xff"),
    max_bytes=1200,
    intended_s=0.002,
    guided_by=("kadisc.net.mapping",),
    quick_runs=1500,
)
