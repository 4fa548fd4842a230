"""Few address ranges fill the store of announced peers with info-hashes next to the node's own ID,
and keep it full. Then honest peers, each in a /16 of its own, announce themselves under the four
tags of a network, and others ask for them.

Prints how many of these announces the node stored, and how many were found.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterable

from harness import Address, Peer, arguments, crowd, report, running, serve_for

TAGS = [hashlib.sha1(b"tag %d" % number).digest() for number in range(4)]
NEWCOMERS = 15
ROUND_S = 0.25


class Attack:
    """Every attacker asks for a token and announces, as fast as the node answers."""

    def __init__(self, peers: list[Peer], node: Address, own_id: bytes, tags: bool) -> None:
        self.peers = peers
        self.node = node
        self.own_id = int.from_bytes(own_id, "big")
        self.tags = tags
        self.turn = 0
        self.stored = 0
        self.refused = 0
        self._asked: dict[tuple[Peer, bytes], bytes] = {}

    def run(self, seconds: float, others: Iterable[Peer] = (), each: int = 4) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for peer in self.peers:
                for _ in range(each):
                    info_hash = self._next()
                    tid = peer.query("get_peers", self.node, info_hash=info_hash)
                    self._asked[peer, tid] = info_hash
            serve_for([*self.peers, *others], ROUND_S, self._came)

    def _next(self) -> bytes:
        """Next to the ID of the node, or a tag that is to be crowded."""
        self.turn += 1
        if self.tags and self.turn % 5 == 0:
            return TAGS[self.turn // 5 % 4]
        return (self.own_id ^ self.turn % 2500).to_bytes(20, "big")

    def _came(self, peer: Peer, message: dict[bytes, object], source: Address) -> None:
        body = message.get(b"r")
        if message.get(b"y") == b"e":
            self.refused += 1
        elif isinstance(body, dict) and b"token" in body:
            info_hash = self._asked.pop((peer, message[b"t"]), None)  # type: ignore[arg-type]
            if info_hash is not None:
                port = random.randrange(1024, 65535)
                fields = {"info_hash": info_hash, "port": port, "token": body[b"token"]}
                peer.query("announce_peer", self.node, **fields)
        elif isinstance(body, dict):
            self.stored += 1


def announced(peer: Peer, node: Address, info_hash: bytes) -> bool:
    for _ in range(3):
        answer = peer.ask("get_peers", node, info_hash=info_hash)
        token = (answer or {}).get(b"r", {}).get(b"token")
        if token is not None:
            fields = {"info_hash": info_hash, "port": 4000, "token": token}
            done = peer.ask("announce_peer", node, **fields)
            if done is not None:
                return done.get(b"y") == b"r"
    return False


def found(asker: Peer, node: Address, peer: Peer, info_hash: bytes) -> bool:
    wanted = bytes(map(int, peer.host.split("."))) + (4000).to_bytes(2, "big")
    for _ in range(3):
        answer = asker.ask("get_peers", node, info_hash=info_hash)
        if answer is not None:
            return wanted in answer.get(b"r", {}).get(b"values", [])
    return False


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--attackers", type=int, default=64)
    parser.add_argument("--subnets", type=int, default=8, help="the /24s that they are in")
    parser.add_argument("--netgroups", type=int, default=1, help="the /16s that these are in")
    parser.add_argument("--tags", action="store_true", help="crowd the tags too")
    options = parser.parse_args()
    neighbours = crowd(12)
    attackers = []
    for number in range(options.attackers):
        subnet = number % options.subnets
        netgroup = 90 + subnet % options.netgroups
        attackers.append(Peer(f"127.{netgroup}.{subnet}.{number // options.subnets + 1}"))
    newcomers = [Peer(f"127.{150 + number}.7.1") for number in range(NEWCOMERS)]
    askers = [Peer(f"127.{180 + number}.7.1") for number in range(NEWCOMERS)]
    with running(options.tree, bootstrap=[each.address for each in neighbours[:4]]) as target:
        serve_for(neighbours, 1.0)
        attack = Attack(attackers, target.address, target.node_id(), options.tags)
        attack.run(7.0, neighbours)
        stored = of_them_found = 0
        for peer, asker in zip(newcomers, askers, strict=True):
            attack.run(0.3, neighbours, each=1)
            for tag in TAGS:
                stored += announced(peer, target.address, tag)
                of_them_found += found(asker, target.address, peer, tag)
        status = target.control("status")
        figures = {
            "attackers": options.attackers,
            "subnets": options.subnets,
            "netgroups": options.netgroups,
            "announces of attackers stored": attack.stored,
            "peers stored by the node": status["peers_stored"],
            "announces of newcomers": NEWCOMERS * len(TAGS),
            "of them stored": stored,
            "of them found": of_them_found,
        }
    report(figures, options.json)


if __name__ == "__main__":
    main()
