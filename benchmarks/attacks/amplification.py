"""Attack: queries with a forged source make a node send more bytes to a host that never asked than
they cost.

A stranger, who has proved nothing, asks each method some times, each time from another address:
what counts is how many bytes of answer it gets for one of query. Then one address asks for a stored
item as fast as it can: what counts is the bytes a second that it is sent, after the burst. The node
has contacts, an info-hash with many peers, samples, and an item. ``--ipv6``: from ::1, where only
the contacts are missing; all come from one address then.
"""

from __future__ import annotations

import hashlib
import random
import time

import bencodepy
from harness import Address, Message, Peer, arguments, crowd, report, running, serve_for
from one_token_many_ports import VALUE, token_for

ASKED = 5
FLOOD_S = 10.0


def factor(peers: list[Peer], target: Address, method: str, fields: Message) -> float:
    """Bytes of the answers for one byte of the queries."""
    out = into = 0
    for peer in peers:
        peer.serve()
        peer.sent_bytes = peer.received_bytes = 0
        peer.ask(method, target, 0.5, **{name.decode(): value for name, value in fields.items()})
        into += peer.sent_bytes
        out += peer.received_bytes
    return out / into


def fill(peers: list[Peer], target: Address) -> tuple[bytes, bytes]:
    """Stores an item and announces peers. Returns the target and the info-hash."""
    item, info_hash = hashlib.sha1(bencodepy.encode(VALUE)).digest(), random.randbytes(20)
    token = token_for(peers[0], target, "get", "target", item)
    peers[0].ask("put", target, v=VALUE, token=token)
    for peer in peers:
        for key in (info_hash, random.randbytes(20)):
            token = token_for(peer, target, "get_peers", "info_hash", key)
            peer.ask("announce_peer", target, info_hash=key, port=peer.port, token=token)
    return item, info_hash


def methods(item: bytes, info_hash: bytes) -> dict[str, tuple[str, Message]]:
    key, token = random.randbytes(20), b"12345678"
    gossip = {b"net": key, b"want": 16, b"pad": bytes(400)}
    return {
        "ping": ("ping", {}),
        "find_node": ("find_node", {b"target": key}),
        "find_node, both families": ("find_node", {b"target": key, b"want": [b"n4", b"n6"]}),
        "get_peers": ("get_peers", {b"info_hash": info_hash}),
        "get": ("get", {b"target": item}),
        "sample_infohashes": ("sample_infohashes", {b"target": key}),
        "announce_peer, wrong token": (
            "announce_peer",
            {b"info_hash": key, b"port": 9, b"token": token},
        ),
        "put, wrong token": ("put", {b"v": b"v", b"token": token}),
        "gossip": ("gossip", gossip),
        "unknown": ("vote", {}),
        "unknown with a target": ("vote", {b"target": key}),
        "malformed": ("find_node", {b"target": b"short"}),
    }


def flood(peer: Peer, target: Address, item: bytes, seconds: float) -> float:
    """Bytes a second to one address, in the second half of the flood."""
    body = {b"id": peer.node_id, b"target": item}
    payload = bencodepy.encode({b"t": b"aa", b"y": b"q", b"q": b"get", b"a": body})
    started = time.monotonic()
    half = None
    while (passed := time.monotonic() - started) < seconds:
        for _ in range(20):
            peer.send(payload, target)
        while peer.receive() is not None:
            pass
        if half is None and passed >= seconds / 2:
            half = peer.received_bytes
        time.sleep(0.01)
    return (peer.received_bytes - (half or 0)) / (seconds / 2)


def main() -> None:
    parser = arguments("the factor of each method for a stranger")
    parser.add_argument("--ipv6", action="store_true", help="from ::1")
    given = parser.parse_args()
    host = "::1" if given.ipv6 else "127.99.0.1"
    others = [] if given.ipv6 else crowd(60)
    figures: dict[str, float] = {}
    options = ["--network", "amplification"]
    bootstrap = [peer.address for peer in others[:8]]
    with running(given.tree, *options, bootstrap=bootstrap, host=host) as node:
        serve_for(others, 4.0)
        item, info_hash = fill([Peer("::1")] if given.ipv6 else others, node.address)
        for number, (name, (method, fields)) in enumerate(methods(item, info_hash).items()):
            hosts = [
                "::1" if given.ipv6 else f"127.{230 + number}.{each}.9" for each in range(ASKED)
            ]
            strangers = [Peer(each) for each in hosts]
            figures[f"bytes for one: {name}"] = factor(strangers, node.address, method, fields)
            for each in strangers:
                each.close()
        stranger = Peer("::1" if given.ipv6 else "127.250.0.9")
        rate = flood(stranger, node.address, item, FLOOD_S)
        figures["get: B/s to one address that floods"] = rate
    report(figures, given.json)


if __name__ == "__main__":
    main()
