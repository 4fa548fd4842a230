"""Attack: one host makes many of its ports proven endpoints, and takes all of a node's uplink.

In turn one: a single token is shown from 40 ports. In turn two: each port shows a token of its own,
as forty nodes behind one NAT would. After each, all ports ask for a stored item (``get``, some 90
bytes for 1,100) as fast as they can. What counts is what the node sends to that one address in a
second, and how many bytes it sends for each byte that it gets. ``--ipv6``: from ::1.
"""

from __future__ import annotations

import hashlib
import random
import select
import time

import bencodepy
from harness import Address, Peer, arguments, crowd, report, running, serve_for

PORTS = 40
VALUE = b"x" * 990


def token_for(peer: Peer, target: Address, method: str, name: str, key: bytes) -> bytes:
    answer = peer.ask(method, target, **{name: key})
    return bytes(answer[b"r"].get(b"token", b"")) if answer and b"r" in answer else b""


def announce(peer: Peer, target: Address, info_hash: bytes, token: bytes) -> bool:
    answer = peer.ask("announce_peer", target, info_hash=info_hash, port=6881, token=token)
    return answer is not None and answer.get(b"y") == b"r"


def flood(peers: list[Peer], target: Address, item: bytes, seconds: float) -> tuple[float, float]:
    """Bytes a second that came back, and bytes that came for each that was sent."""
    payloads = []
    for peer in peers:
        body = {b"id": peer.node_id, b"target": item}
        payloads.append(bencodepy.encode({b"t": b"aa", b"y": b"q", b"q": b"get", b"a": body}))
        peer.serve()
        peer.sent_bytes = peer.received_bytes = 0
    started = time.monotonic()
    while time.monotonic() < started + seconds:
        for peer, payload in zip(peers, payloads, strict=True):
            for _ in range(4):
                peer.send(payload, target)
            while peer.receive() is not None:
                pass
        time.sleep(0.01)
    select.select([], [], [], 0.3)
    for peer in peers:
        while peer.receive() is not None:
            pass
    came = sum(peer.received_bytes for peer in peers)
    return came / seconds, came / sum(peer.sent_bytes for peer in peers)


def main() -> None:
    parser = arguments("one token for many ports")
    parser.add_argument("--ipv6", action="store_true", help="from ::1")
    parser.add_argument("--seconds", type=float, default=6.0, help="of each flood")
    given = parser.parse_args()
    here, host = ("::1", "::1") if given.ipv6 else ("127.7.0.1", "127.99.0.1")
    others = [] if given.ipv6 else crowd(20)
    figures: dict[str, float] = {}
    bootstrap = [peer.address for peer in others[:3]]
    with running(given.tree, bootstrap=bootstrap, host=host) as node:
        serve_for(others, 2.0)
        target = node.address
        peers = [Peer(here) for _ in range(PORTS)]
        item = hashlib.sha1(bencodepy.encode(VALUE)).digest()
        token = token_for(peers[0], target, "get", "target", item)
        peers[0].ask("put", target, v=VALUE, token=token)
        info_hash = random.randbytes(20)
        token = token_for(peers[0], target, "get_peers", "info_hash", info_hash)
        proven = sum(announce(peer, target, info_hash, token) for peer in peers)
        figures["ports proven by one token"] = proven
        rate, factor = flood(peers[1:], target, item, given.seconds)
        figures["one token: B/s to one address"] = rate
        figures["one token: bytes out for one in"] = factor
        proven = 0
        for peer in peers:
            time.sleep(0.11)  # so that strangers' budget of queries is no hindrance
            info_hash = random.randbytes(20)
            token = token_for(peer, target, "get_peers", "info_hash", info_hash)
            proven += announce(peer, target, info_hash, token)
        figures["ports proven by a token each"] = proven
        rate, factor = flood(peers, target, item, given.seconds)
        figures["a token each: B/s to one address"] = rate
        figures["a token each: bytes out for one in"] = factor
    report(figures, given.json)


if __name__ == "__main__":
    main()
