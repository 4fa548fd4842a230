"""Shared by the flood tests: the queries of a flood, and the byte budgets of the answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache

from kadisc.config import LimitsConfig
from kadisc.core.peers.rendezvous import network_tag
from kadisc.wire import krpc
from kadisc.wire.items import Item, target_of_value
from kadisc.wire.messages import (
    AnnouncePeer,
    FindNode,
    Get,
    GetPeers,
    Gossip,
    Ping,
    Put,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)
from tests.support.namespaces import UnavailableError, check_namespaces

NETWORK = "flooded"
TAG = network_tag(NETWORK)
INFO_HASH = int.from_bytes(hashlib.sha1(b"flooded").digest(), "big")
ITEM = Item(b"900:" + bytes(900))
"""The answer with a value is the longest one."""
BOTH = frozenset((b"n4", b"n6"))
LEVELS = ("host", "subnet", "total")

BYTES_ONLY = {
    "host_reply_bytes_per_s": 50.0,
    "host_reply_burst_bytes": 2000.0,
    "subnet_reply_bytes_per_s": 100.0,
    "subnet_reply_burst_bytes": 5000.0,
    "total_reply_bytes_per_s": 1000.0,
    "total_reply_burst_bytes": 40_000.0,
    "host_query_bytes_per_s": 20.0,
    "host_query_burst_bytes": 500.0,
    "subnet_query_bytes_per_s": 40.0,
    "subnet_query_burst_bytes": 1000.0,
    "total_query_bytes_per_s": 300.0,
    "total_query_burst_bytes": 10_000.0,
    # High limits, so that only the byte budgets limit the answers.
    "host_queries_per_s": 1e6,
    "host_query_burst": 1e6,
    "subnet_queries_per_s": 1e6,
    "subnet_query_burst": 1e6,
    "total_queries_per_s": 1e6,
    "total_query_burst": 1e6,
}
PAYLOADS = [
    krpc.encode(Ping(b"aa", 1 << 150)),
    krpc.encode(FindNode(b"aa", 2 << 150, 7, BOTH)),
    krpc.encode(GetPeers(b"aa", 3 << 150, INFO_HASH)),
    krpc.encode(AnnouncePeer(b"aa", 4 << 150, INFO_HASH, 99, b"made up!")),
    krpc.encode(Get(b"aa", 5 << 150, target_of_value(ITEM.value), None, BOTH)),
    krpc.encode(Put(b"aa", 6 << 150, b"made up!", Item(b"4:mine"))),
    krpc.encode(SampleInfohashes(b"aa", 7 << 150, 7, BOTH)),
    krpc.encode(Gossip(b"aa", 8 << 150, TAG, 16, pad=500)),
    krpc.encode(Gossip(b"aa", 9 << 150, TAG, 16, token=b"made up!")),
    krpc.encode(UnknownQuery(b"aa", 10 << 150, b"dance", 7)),
    krpc.encode(Reply(b"abcd", 11 << 150, bytes(range(26)) * 8)),
    b"d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe",
    b"d1:ad2:id20:abcdefghij01234567891:xi99999999999999999999ee1:q4:ping1:t2:aa1:y1:qe",
    b"d1:y1:q1:t2:aa1:q4:ping1:ad2:id20:abcdefghij0123456789ee",
    b"d0:0:-5:",
]


def config_text(limits: Mapping[str, float], *switched_off: str) -> str:
    lines = [
        "routers = []",
        f'network = "{NETWORK}"',
        "[core.limits]",
        *(f"{name} = {value}" for name, value in limits.items()),
    ]
    return (
        "\n".join([*lines, "[core.defences]", *(f"{name} = false" for name in switched_off)]) + "\n"
    )


def budget(level: str, limits: Mapping[str, float], lasted_s: float) -> float:
    """The budget in bytes, for answers and the node's own queries together."""
    defaults = LimitsConfig()

    def limit(name: str) -> float:
        return limits.get(name, getattr(defaults, name))

    return sum(
        limit(f"{level}_{what}_burst_bytes") + limit(f"{level}_{what}_bytes_per_s") * lasted_s
        for what in ("reply", "query")
    )


@cache
def no_cable() -> str | None:
    """Why network namespaces with a veth pair cannot be used here; None if they can."""
    try:
        check_namespaces("ip link add one type veth peer name other && unshare --net true")
    except UnavailableError as error:
        return str(error)
    return None
