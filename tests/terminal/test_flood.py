"""A node process under a flood of forged queries on loopback: the bytes sent to each host, to each
subnet and in total stay within the budgets, whatever the queries.

For machines without network namespaces.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
from pathlib import Path

import pytest

from .commands import next_event, running
from .flood import BYTES_ONLY, LEVELS, NETWORK, PAYLOADS, budget, config_text, no_cable

pytestmark = [
    pytest.mark.skipif(
        sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only loopback address"
    ),
    pytest.mark.skipif(
        no_cable() is None,
        reason="test_spoofed_flood.py tests the same with forged sources",
    ),
]

SUBNETS = 20
PER_SUBNET = 4
ROUNDS = 100


@pytest.mark.parametrize("limited", [True, False])
def test_the_byte_budgets_hold_for_any_queries(tmp_path: Path, limited: bool) -> None:
    file = tmp_path / "config.toml"
    file.write_text(config_text(BYTES_ONLY))
    options = [
        "--allow-private",
        "--network",
        NETWORK,
        "--config",
        str(file),
        *([] if limited else ["--unlimited"]),
    ]
    with running("run", "--bind", "127.0.0.1:0", "--json", *options) as process:
        host, port = next_event(process, "listening")["nodes"][0]["endpoints"][0].split(":")
        begun = time.monotonic()
        sent_to = received(flooded((host, int(port))))
        lasted_s = time.monotonic() - begun

    by_subnet = [sum(sent_to[at : at + PER_SUBNET]) for at in range(0, len(sent_to), PER_SUBNET)]
    worst = {"host": max(sent_to), "subnet": max(by_subnet), "total": sum(sent_to)}
    assert {
        level: worst[level] <= budget(level, BYTES_ONLY, lasted_s) for level in LEVELS
    } == dict.fromkeys(LEVELS, limited)
    assert sum(sent_to) > BYTES_ONLY["total_reply_burst_bytes"], "the budget is used"


def flooded(node: tuple[str, int]) -> list[socket.socket]:
    sockets = []
    for number in range(SUBNETS * PER_SUBNET):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((f"127.{10 + number // PER_SUBNET}.5.{1 + number % PER_SUBNET}", 0))
        sockets.append(sock)
    pace = selectors.DefaultSelector()
    for number in range(ROUNDS):
        for at, sock in enumerate(sockets):
            sock.sendto(PAYLOADS[(number + at) % len(PAYLOADS)], node)
        pace.select(0.005)  # the node's socket holds some hundreds
    return sockets


def received(sockets: list[socket.socket]) -> list[int]:
    """The bytes that each socket received."""
    sizes = [0] * len(sockets)
    waiting = selectors.DefaultSelector()
    for at, sock in enumerate(sockets):
        waiting.register(sock, selectors.EVENT_READ, at)
    read_until = time.monotonic() + 1.5  # later bytes are sent from the refilled budget
    while (ready := waiting.select(0.5)) and time.monotonic() < read_until:
        for key, _ in ready:
            sizes[key.data] += len(sockets[key.data].recv(2048))
    waiting.close()
    for sock in sockets:
        sock.close()
    return sizes
