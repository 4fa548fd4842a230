"""Contacts whose answers cause questions: another ID each time, two IDs in turn, or errors alone.

Each of them is honest until the node has joined. Before maintenance was spaced by
endpoint, an answer with another ID caused a check at once, whose answer caused the next one: one
contact took half of a core and all queries to new addresses. Prints how many checks and gossip
exchanges began at one endpoint in the worst ten seconds (first transmissions of find_node and ping;
a retransmission repeats its transaction ID), the queries to all of them in a second, and CPU time.
The queries of lookups look like checks, so the counting begins when the node has joined and a few
lookups of a caller, which meet the new answers, have ended.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from harness import (
    Message,
    Peer,
    Target,
    arguments,
    crowd,
    honest,
    packed,
    report,
    running,
    serve_for,
)

WINDOW_S = 10.0
JOIN_S = 3.0
LOOKUPS = 12
SETTLE_S = 1.0


class Conduct:
    """How attackers answer: honestly until ``hostile``, so that they are admitted."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.hostile = False
        self._answered: dict[Peer, int] = defaultdict(int)
        self._other: dict[Peer, bytes] = {}

    def answer(self, peer: Peer, message: Message, source: tuple[str, int]) -> Message | None:
        reply = honest(peer, message, source)
        if not self.hostile or reply is None:
            return reply
        if self.name == "errors":
            return {b"t": message[b"t"], b"y": b"e", b"e": [202, b"busy"]}
        self._answered[peer] += 1
        reply[b"r"][b"id"] = random.randbytes(20)
        if self.name == "two":
            other = self._other.setdefault(peer, random.randbytes(20))
            reply[b"r"][b"id"] = other if self._answered[peer] % 2 else peer.node_id
        return reply


def look_up(target: Target, attackers: list[Peer]) -> None:
    """Lookups that end at attackers, so that the node meets their new answers."""
    for each in random.sample(attackers, min(LOOKUPS, len(attackers))):
        with suppress(OSError, RuntimeError):
            target.control("find", timeout_s=5.0, target=each.node_id.hex())


def named(target: Target, friends: list[Peer], attackers: list[Peer]) -> int:
    """How many attackers the node names to others who ask for their IDs."""
    count = 0
    for number, each in enumerate(attackers):
        friend = friends[number % len(friends)]
        answer = friend.ask("find_node", target.address, target=each.node_id)
        nodes = answer.get(b"r", {}).get(b"nodes", b"") if answer else b""
        count += packed(each.node_id, each.address)[20:] in nodes
    return count


def main() -> None:
    parser = arguments("contacts that change their ID with each answer, or answer errors alone")
    parser.add_argument("--conduct", choices=["changing", "two", "errors"], default="changing")
    parser.add_argument("--count", type=int, default=20, help="attackers")
    parser.add_argument("--seconds", type=float, default=11.0)
    options = parser.parse_args()
    friends = crowd(24)
    conduct = Conduct(options.conduct)
    attackers = [Peer(f"127.{100 + n % 100}.{n // 100}.1") for n in range(options.count)]
    for each in attackers:
        each.answer = conduct.answer
    everybody = b"".join(packed(each.node_id, each.address) for each in attackers)

    def naming(peer: Peer, message: Message, source: tuple[str, int]) -> Message | None:
        reply = honest(peer, message, source)
        if reply is not None and b"nodes" in reply[b"r"]:
            start = 26 * random.randrange(max(1, len(attackers) - 7))
            own = b"".join(
                packed(each.node_id, each.address) for each in random.sample(friends, 12)
            )
            reply[b"r"][b"nodes"] = everybody[start : start + 26 * 8] + own
        return reply

    for each in friends:
        each.answer = naming
    first: dict[Peer, dict[bytes, float]] = {each: {} for each in attackers}

    def note(peer: Peer, message: Message, source: tuple[str, int]) -> None:
        if peer in first and message.get(b"q") in (b"find_node", b"ping"):
            first[peer].setdefault(message[b"t"], time.monotonic())

    with running(options.tree, bootstrap=[each.address for each in friends[:3]]) as target:
        serve_for([*friends, *attackers], JOIN_S)
        conduct.hostile = True
        with ThreadPoolExecutor() as threads:
            looking_up = threads.submit(look_up, target, attackers)
            while not looking_up.done():
                serve_for([*friends, *attackers], 0.1)
        serve_for([*friends, *attackers], SETTLE_S)
        before, cpu_s, began = target.counters(), target.cpu_s(), time.monotonic()
        serve_for([*friends, *attackers], options.seconds, note)
        took_s = time.monotonic() - began
        figures: dict[str, Any] = {"conduct": options.conduct, "attackers": options.count}
        times = [sorted(each.values()) for each in first.values()]
        figures["begun at one endpoint in 10 s, most"] = max(
            (
                sum(start <= at < start + WINDOW_S for at in each)
                for each in times
                for start in each
            ),
            default=0,
        )
        asked = sum(map(len, times))
        figures["queries a second to all of them"] = asked / took_s
        figures["CPU, share of a core"] = (target.cpu_s() - cpu_s) / took_s
        sent = target.counters()["sent_bytes"] - before["sent_bytes"]
        figures["sent, kbit/s"] = sent * 8 / took_s / 1000
        figures["attackers that it names to others"] = named(target, friends, attackers)
        figures["node alive"] = target.alive()
    report(figures, options.json)


if __name__ == "__main__":
    main()
