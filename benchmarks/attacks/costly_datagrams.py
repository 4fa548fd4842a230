"""Datagrams that take a node much longer than they take their sender, forged over all subnets.

2,000 datagrams a second of one kind after the other, from 512 addresses in a /24 each: within what
the limits on the number of queries let in. Meanwhile a neighbour that has proved its endpoint pings
the node 40 times a second. Printed are, for each kind, the median and the 99th percentile of its
round-trip times, the share of its pings that got no answer within a second, and the share of a core
that the node used.
"""

from __future__ import annotations

import random
import select
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any, Final

from harness import Address, Peer, Target, arguments, crowd, report, running, serve_for

PER_S: Final = 2000
PINGS_PER_S: Final = 40
SOURCES: Final = 512
ID: Final = b"d1:ad2:id20:" + b"x" * 20
CROWDED: Final = b"crowded info-hash..."
"""The info-hash that 500 peers announced."""
KINDS: Final = {
    "find_node (usual)": ID + b"6:target20:" + b"y" * 20 + b"e1:q9:find_node1:t4:aaaa1:y1:qe",
    "unsorted strings, 2 kB": b"d1:y1:q1:q4:ping1:t4:aaaa1:al" + b"0:" * 940 + b"ee",
    "unsorted, long int": b"d1:y1:q1:q4:ping1:t4:aaaa1:al" + b"0:" * 930 + b"i%de" % 10**20 + b"ee",
    "unsorted dicts, 500 B": b"d1:y1:q1:q4:ping1:t4:aaaa1:al" + b"d0:0:e" * 75 + b"ee",
    "sorted, nested, 2 kB": ID + b"e1:bl" + b"le" * 940 + b"e1:q4:ping1:t4:aaaa1:y1:qe",
    "put, nested, 2 kB": ID + b"5:token8:123456781:vl%bee1:q3:put1:t4:aaaa1:y1:qe" % (b"le" * 920),
    "get_peers, 500 peers": ID + b"9:info_hash20:" + CROWDED + b"e1:q9:get_peers1:t4:aaaa1:y1:qe",
    "sample_infohashes": ID
    + b"6:target20:"
    + b"y" * 20
    + b"4:wantl2:n42:n6ee1:q17:sample_infohashes1:t4:aaaa1:y1:qe",
}


def addresses() -> list[str]:
    return [f"127.{150 + number % 100}.{number // 100}.9" for number in range(SOURCES)]


def flood(payload: bytes, to: Address, seconds: float) -> None:
    """In a process of its own: this one measures."""
    sockets = []
    for address in addresses():
        each = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        each.setblocking(False)
        each.bind((address, 0))
        sockets.append(each)
    begun, sent = time.monotonic(), 0
    while (elapsed := time.monotonic() - begun) < seconds:
        while sent < PER_S * elapsed:
            with suppress(OSError):
                sockets[sent % SOURCES].sendto(payload, to)
            sent += 1
        time.sleep(0.001)


def announce_crowd(target: Target) -> int:
    """Announces peers from as many addresses. Returns how many were stored."""
    peers, stored = [Peer(address) for address in addresses()[:500]], 0
    for peer in peers:
        token = (peer.ask("get_peers", target.address, 0.5, info_hash=CROWDED) or {}).get(b"r", {})
        if b"token" in token:
            fields = {"info_hash": CROWDED, "port": 700, "token": token[b"token"]}
            stored += b"r" in (peer.ask("announce_peer", target.address, 0.5, **fields) or {})
    for peer in peers:
        peer.close()
    return stored


def pinged(neighbours: list[Peer], target: Target, seconds: float) -> list[float]:
    """The round-trip times of the pings of the first neighbour, infinite where none came."""
    peer, sent_at, took = neighbours[0], {}, {}
    begun, asked = time.monotonic(), 0
    by_socket = {each.socket: each for each in neighbours}
    while (now := time.monotonic()) < begun + seconds + 1.0:
        if now < begun + seconds and asked < PINGS_PER_S * (now - begun):
            tid = peer.query("ping", target.address, random.randbytes(4))
            sent_at[tid] = now
            asked += 1
        for ready in select.select(list(by_socket), [], [], 0.002)[0]:
            for message, _ in by_socket[ready].serve():
                tid = message.get(b"t", b"")
                if ready is peer.socket and message.get(b"y") == b"r" and tid in sent_at:
                    took.setdefault(tid, time.monotonic() - sent_at[tid])
    return sorted(took.get(tid, float("inf")) for tid in sent_at)


def attack(
    name: str, payload: bytes, neighbours: list[Peer], target: Target, seconds: float
) -> dict[str, Any]:
    command = [sys.executable, __file__, "--flood", name, *map(str, target.address)]
    flooder = subprocess.Popen([*command, str(seconds + 3.0)])
    try:
        serve_for(neighbours, 2.0)
        cpu_s, begun = target.cpu_s(), time.monotonic()
        took = pinged(neighbours, target, seconds)
        used = (target.cpu_s() - cpu_s) / (time.monotonic() - begun)
    finally:
        flooder.kill()
        flooder.wait()
    lost = sum(each > 1.0 for each in took) / len(took)
    p99 = took[int(0.99 * len(took))]
    figures = {"p50_ms": 1000 * took[len(took) // 2], "p99_ms": 1000 * min(p99, 1.0)}
    return {**figures, "lost": lost, "cpu": used}


def main() -> int:
    if "--flood" in sys.argv:
        name, host, port, seconds = sys.argv[2:]
        flood(KINDS[name], (host, int(port)), float(seconds))
        return 0
    parser = arguments("datagrams that take a node long")
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each kind is sent")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    neighbours = crowd(16)
    with running(options.tree, bootstrap=[neighbours[0].address]) as target:
        serve_for(neighbours, 4.0)
        for _ in range(3):  # so that the node asks, and all are proven
            for each in neighbours:
                each.query("find_node", target.address, target=each.node_id)
            serve_for(neighbours, 1.5)
        figures["peers stored"] = announce_crowd(target)
        for name in options.kind or KINDS:
            serve_for(neighbours, 1.0)
            figures[name] = attack(name, KINDS[name], neighbours, target, options.seconds)
            if not options.json:
                print(
                    name, {key: round(each, 3) for key, each in figures[name].items()}, flush=True
                )
    if options.json:
        report(figures, True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
