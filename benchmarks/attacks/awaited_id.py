"""Attack: whoever is asked something knows a transaction ID that the node waits for. It does not
answer, and sends queries with that ID as fast as it can.

What counts is how many of them the node reads and serves in a second, against queries with another
ID; most answers are held back by the budget of bytes.
``--ipv6``: from ::1.
"""

from __future__ import annotations

import select
import time

import bencodepy
from harness import Peer, Target, arguments, report, running


def asked(peer: Peer, timeout_s: float = 10.0) -> bytes:
    """The transaction ID of a query of the node that is not answered."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        select.select([peer.socket], [], [], 0.5)
        while (came := peer.receive()) is not None:
            if came[0].get(b"y") == b"q":
                return bytes(came[0][b"t"])
    raise RuntimeError("the node asked nothing")


def served_by(node: Target) -> int:
    """Queries that the node has served."""
    return sum(count for name, count in node.counters().items() if ".query." in f".{name}")


def flood(peer: Peer, node: Target, tid: bytes, seconds: float) -> tuple[float, float, float]:
    """Queries that were sent and that were served in a second, and the part of a core that took."""
    target, served, cpu_s = node.address, served_by(node), node.cpu_s()
    body = {b"id": peer.node_id, b"target": peer.node_id}
    payload = bencodepy.encode({b"t": tid, b"y": b"q", b"q": b"find_node", b"a": body})
    sent = 0
    started = time.monotonic()
    while time.monotonic() < started + seconds:
        for _ in range(100):
            sent += peer.send(payload, target)
        time.sleep(0.01)
        while peer.receive() is not None:
            pass
    cpu_s = node.cpu_s() - cpu_s
    return sent / seconds, (served_by(node) - served) / seconds, cpu_s / seconds


def main() -> None:
    parser = arguments("queries with an awaited transaction ID")
    parser.add_argument("--ipv6", action="store_true", help="from ::1")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each flood")
    given = parser.parse_args()
    here, host = ("::1", "::1") if given.ipv6 else ("127.7.0.1", "127.99.0.1")
    peer = Peer(here)
    with running(given.tree, bootstrap=[peer.address], host=host, wait=False) as node:
        tid = asked(peer)
        sent, awaited, cpu = flood(peer, node, tid, given.seconds)
        _, other, _ = flood(peer, node, b"aa", given.seconds)
    figures = {
        "queries/s sent": sent,
        "awaited ID: served/s": awaited,
        "awaited ID: part of a core": cpu,
        "another ID: served/s": other,
    }
    report(figures, given.json)


if __name__ == "__main__":
    main()
