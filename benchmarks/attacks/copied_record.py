#!/usr/bin/env python3
"""Stand in for others with copies of their signed records.

The owners of four keys send records without an address, as every node does that has no votes on its
address yet, and two owners name their IPv4 address. The node meets the thieves first: each sends a
copy of an owner's record from an endpoint of its own, one of them over IPv6. One thief sends the
copy alone, one adds the signature of another exchange, and two pass the challenge of the node on to
the owner and return what that signs. Printed are the endpoints that the node's address book has
among the tried peers, with the key of an owner, and how long an answer to a first query is.
"""

from __future__ import annotations

import hashlib
import random
import socket
import sys
import time
from typing import Any

import bencodepy
from harness import Address, Message, Peer, arguments, packed, report, running, serve_for
from nacl.signing import SigningKey

NETWORK = "testnet"
TAG = hashlib.sha1(b"kadisc network:" + NETWORK.encode()).digest()
VERSION = b"KD\0\1"
DOMAIN = b"kadisc proof 1"


def compact(address: Address) -> bytes:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    return socket.inet_pton(family, address[0]) + address[1].to_bytes(2, "big")


def record(key: SigningKey, address: Address | None) -> dict[bytes, Any]:
    fields: dict[bytes, Any] = {b"k": bytes(key.verify_key), b"net": TAG, b"s": 1}
    if address is not None:
        fields |= {b"ip": compact(address)[:4], b"p": address[1]}
    return {**fields, b"sig": key.sign(bencodepy.encode(fields)).signature}


class Member(Peer):
    """A peer that speaks gossip with a record. ``named``: the record says where it is."""

    def __init__(self, host: str, named: bool = True) -> None:
        super().__init__(host)
        self.key = SigningKey.generate()
        self.record = record(self.key, self.address if named else None)
        self.contacts: list[Peer] = []
        self.proofs: list[bytes] = []
        self.answer = lambda peer, message, source: self.reply_to(message, source)

    def proof(self, query: Message, source: Address) -> bytes | None:
        challenge, to = query.get(b"ch"), query.get(b"to")
        if challenge is None or to is None:
            return None
        signed = self.key.sign(DOMAIN + TAG + challenge + to + compact(source)).signature
        self.proofs.append(signed)
        return signed

    def querier(self, source: Address) -> Address:
        """Whom the answer says to have seen."""
        return source

    def reply_to(self, message: Message, source: Address) -> Message | None:
        query = message[b"a"]
        body: dict[bytes, Any] = {b"id": self.node_id}
        if message[b"q"] == b"gossip":
            body |= {b"rec": self.record, b"token": b"member--"}
            proof = self.proof(query, source)
            if proof is not None:
                body[b"pf"] = proof
        elif message[b"q"] != b"ping":
            shown = [each for each in self.contacts if ":" not in each.host]
            shown = random.sample(shown, min(8, len(shown)))
            body |= {b"nodes": b"".join(packed(p.node_id, p.address) for p in shown)}
            body[b"token"] = b"1234"
        return {
            b"t": message[b"t"],
            b"y": b"r",
            b"r": dict(sorted(body.items())),
            b"ip": compact(self.querier(source)),
            b"v": VERSION,
        }


class Thief(Member):
    """Sends the record of ``owner``. ``how``: "copy", "replay" or "relay"."""

    def __init__(self, host: str, owner: Member, how: str) -> None:
        super().__init__(host)
        self.owner = owner
        self.how = how
        self.record = owner.record
        self.link = Peer("127.250.1.1")

    def querier(self, source: Address) -> Address:
        """A relay has a signature for an answer to itself."""
        return self.link.address if self.how == "relay" else source

    def proof(self, query: Message, source: Address) -> bytes | None:
        if query.get(b"ch") is None or self.how == "copy":
            return None
        if self.how == "replay":
            made = self.owner.key.sign(DOMAIN + TAG + bytes(16) + query[b"to"] + compact(source))
            return made.signature  # what the owner signed for another challenge
        asked = {
            b"ch": query[b"ch"],
            b"to": query[b"to"],
            b"net": TAG,
            b"want": 0,
            b"id": bytes(20),
        }
        self.link.send({b"t": b"rl", b"y": b"q", b"q": b"gossip", b"a": asked}, self.owner.address)
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline:
            self.owner.serve()
            came = self.link.receive()
            if came is not None and came[0].get(b"y") == b"r":
                relayed: bytes | None = came[0][b"r"].get(b"pf")
                return relayed
        return None


def main() -> None:
    options = arguments(__doc__.splitlines()[0])
    args = options.parse_args()
    unnamed = [Member(f"127.{20 + n}.1.1", named=False) for n in range(4)]
    named = [Member(f"127.{30 + n}.1.1") for n in range(2)]
    ways = ("copy", "replay", "relay", "relay")
    thieves = [
        Thief(f"127.{40 + n}.1.1", owner, how)
        for n, (owner, how) in enumerate(zip(unnamed, ways, strict=True))
    ]
    thieves.append(Thief("::1", named[0], "relay"))
    peers: list[Peer] = [*thieves, *unnamed, *named]
    for each in (*thieves, *unnamed, *named):
        each.contacts = [*thieves]
    six = free_port_6()
    with running(
        args.tree,
        "--network",
        NETWORK,
        "--bind",
        f"[::1]:{six}",
        "--bootstrap",
        f"[::1]:{thieves[-1].port}",
        bootstrap=[each.address for each in thieves[:2]],
    ) as target:
        serve_for(peers, 6.0)
        for each in (*thieves, *unnamed, *named):
            each.contacts = [*thieves, *unnamed, *named]
        for each in (*unnamed, *named):
            each.query("find_node", target.address, v=VERSION, target=random.randbytes(20))
            push(each, target.address)
        serve_for(peers, 13.0)
        figures = {
            "thief_endpoints": len(thieves),
            "thief_endpoints_proven": sum(is_proven(target, each) for each in thieves),
            "of_them_over_ipv6": int(is_proven(target, thieves[-1])),
            "owners": len(unnamed) + len(named),
            "owners_proven": sum(is_proven(target, each) for each in (*unnamed, *named)),
        }
        figures["first_query_bytes_out_by_in"] = amplification(target.address)
    report(figures, args.json)


def free_port_6() -> int:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::1", 0))
        return int(probe.getsockname()[1])


def push(member: Member, to: Address) -> None:
    """The member asks for a token, and pushes its record with it, so that it is checked."""
    reply = member.ask("gossip", to, net=TAG, want=0, pad=bytes(300))
    token = reply[b"r"].get(b"token") if reply is not None and b"r" in reply else None
    if token is not None:
        member.query("gossip", to, net=TAG, want=0, rec=member.record, token=token)


def is_proven(target: Any, peer: Peer) -> bool:
    where = f"[{peer.host}]:{peer.port}" if ":" in peer.host else f"{peer.host}:{peer.port}"
    try:
        told = target.control("why", peer=where)
    except RuntimeError:
        return False
    return told["table"] == "tried" and bool(told["verified_in_this_run"])


def amplification(to: Address) -> float:
    """The greatest ratio of answer to query over first queries of many lengths with a challenge."""
    worst = 0.0
    for size in range(0, 400, 20):
        stranger = Peer(f"127.{100 + size // 20}.2.1")
        body = {b"id": bytes(20), b"net": TAG, b"want": 0, b"ch": bytes(16), b"to": compact(to)}
        body[b"pad"] = bytes(size)
        query = {b"t": b"amp1", b"y": b"q", b"q": b"gossip", b"a": dict(sorted(body.items()))}
        stranger.send(query, to)
        time.sleep(0.05)
        stranger.receive()
        worst = max(worst, stranger.received_bytes / stranger.sent_bytes)
        stranger.close()
    return worst


if __name__ == "__main__":
    sys.exit(main())
