"""A node process under a flood of forged queries on loopback: what each address, its network and
all together are sent, whatever is asked.

For machines where there are no namespaces of the kernel to be had.
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
        reason="test_spoofed_flood.py does the same with sources that are forged in earnest",
    ),
]

NETWORKS, PER_NETWORK, ROUNDS = 20, 4, 100


@pytest.mark.parametrize("limited", [True, False])
def test_the_budget_of_bytes_holds_whatever_is_asked(tmp_path: Path, limited: bool) -> None:
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

    by_network = [sum(sent_to[at : at + PER_NETWORK]) for at in range(0, len(sent_to), PER_NETWORK)]
    worst = {"address": max(sent_to), "network": max(by_network), "total": sum(sent_to)}
    assert {
        level: worst[level] <= budget(level, BYTES_ONLY, lasted_s) for level in LEVELS
    } == dict.fromkeys(LEVELS, limited)
    assert sum(sent_to) > BYTES_ONLY["total_reply_burst_bytes"], "what may be sent is sent"


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
