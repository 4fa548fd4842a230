"""A node process under a flood of forged queries on loopback: what each address, its network and all together are sent, whatever is asked."""

from __future__ import annotations

import selectors
import socket
import sys
import time
from pathlib import Path

import pytest

from kadisc.wire import krpc
from kadisc.wire.messages import AnnouncePeer, FindNode, GetPeers, Gossip, Ping

from .commands import next_event, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only loopback address")

NETWORKS, PER_NETWORK, ROUNDS = 20, 4, 100
LIMITS = {
    "address_reply_bytes_per_s": 50.0,
    "address_reply_burst_bytes": 2000.0,
    "network_reply_bytes_per_s": 100.0,
    "network_reply_burst_bytes": 5000.0,
    "total_reply_bytes_per_s": 1000.0,
    "total_reply_burst_bytes": 40_000.0,
    "address_asked_bytes_per_s": 20.0,
    "address_asked_burst_bytes": 500.0,
    "network_asked_bytes_per_s": 40.0,
    "network_asked_burst_bytes": 1000.0,
    "total_asked_bytes_per_s": 300.0,
    "total_asked_burst_bytes": 10_000.0,
    # Only the budgets of bytes are on trial here.
    "address_queries_per_s": 1e6,
    "address_query_burst": 1e6,
    "network_queries_per_s": 1e6,
    "network_query_burst": 1e6,
    "total_queries_per_s": 1e6,
    "total_query_burst": 1e6,
}
PAYLOADS = [
    krpc.encode(Ping(b"aa", 1 << 150)),
    krpc.encode(FindNode(b"aa", 2 << 150, 7, frozenset((b"n4", b"n6")))),
    krpc.encode(GetPeers(b"aa", 3 << 150, 7)),
    krpc.encode(AnnouncePeer(b"aa", 4 << 150, 7, 99, b"made up!")),
    krpc.encode(Gossip(b"aa", 5 << 150, 7, 16)),
    b"d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe",
    b"d1:y1:q1:t2:aa1:q4:ping1:ad2:id20:abcdefghij0123456789ee",
]


@pytest.mark.parametrize("limited", [True, False])
def test_the_budget_of_bytes_holds_whatever_is_asked(tmp_path: Path, limited: bool) -> None:
    file = tmp_path / "config.toml"
    file.write_text("routers = []\n[core.limits]\n" + "".join(f"{name} = {value}\n" for name, value in LIMITS.items()))
    options = ["--allow-private", "--config", str(file), *([] if limited else ["--unlimited"])]
    with running("run", "--bind", "127.0.0.1:0", "--json", *options) as process:
        host, port = next_event(process, "listening")["nodes"][0]["endpoints"][0].split(":")
        begun = time.monotonic()
        sent_to = received(flooded((host, int(port))))
        lasted_s = time.monotonic() - begun

    def budget(level: str) -> float:
        return sum(LIMITS[f"{level}_{what}_burst_bytes"] + LIMITS[f"{level}_{what}_bytes_per_s"] * lasted_s for what in ("reply", "asked"))

    by_network = [sum(sent_to[at : at + PER_NETWORK]) for at in range(0, len(sent_to), PER_NETWORK)]
    holds = [max(sent_to) <= budget("address"), max(by_network) <= budget("network"), sum(sent_to) <= budget("total")]
    assert holds == [limited] * 3
    assert sum(sent_to) > LIMITS["total_reply_burst_bytes"], "what may be sent is sent"


def flooded(node: tuple[str, int]) -> list[socket.socket]:
    sockets = []
    for number in range(NETWORKS * PER_NETWORK):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((f"127.{10 + number // PER_NETWORK}.5.{1 + number % PER_NETWORK}", 0))
        sockets.append(sock)
    pace = selectors.DefaultSelector()
    for number in range(ROUNDS):
        for at, sock in enumerate(sockets):
            sock.sendto(PAYLOADS[(number + at) % len(PAYLOADS)], node)
        pace.select(0.005)  # the node's socket holds some hundreds
    return sockets


def received(sockets: list[socket.socket]) -> list[int]:
    """Bytes that each was sent."""
    sizes = [0] * len(sockets)
    waiting = selectors.DefaultSelector()
    for at, sock in enumerate(sockets):
        waiting.register(sock, selectors.EVENT_READ, at)
    read_until = time.monotonic() + 1.5  # what is sent later has come back into the budget by then
    while (ready := waiting.select(0.5)) and time.monotonic() < read_until:
        for key, _ in ready:
            sizes[key.data] += len(sockets[key.data].recv(2048))
    waiting.close()
    for sock in sockets:
        sock.close()
    return sizes
