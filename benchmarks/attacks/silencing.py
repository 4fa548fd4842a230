"""Queries forged in the name of a node at one of its contacts: what the contact still answers.

An honest host asks the node under attack something four times a second. The node does not have it
in its table, as with four in five of those that have this node in theirs. Meanwhile 60 pings a
second are sent in its name; here they come from its own socket, which is what forged datagrams look
like to the node. The host repeats the token (``tk``) of the node's answers, as kadisc does; earlier
nodes give none. Printed is the share of the host's queries that are answered. What that does to
lookups, tests/unit/core/limits/test_asker_tokens.py simulates: a network in which few contacts know
each other does not fit on one machine.
"""

from __future__ import annotations

import random
import select
import sys
import time
from typing import Any, Final

from harness import Message, Peer, arguments, crowd, report, running, serve_for

FORGED_PER_S: Final = 60
ASKED_PER_S: Final = 4
NO_TOKEN: Final = bytes(8)


class Host(Peer):
    """It answers nothing, so that the node never takes it into its table."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.answer = lambda peer, message, source: None
        self.token = NO_TOKEN
        self.waiting: set[bytes] = set()
        self.answered = 0

    def ask_something(self, to: tuple[str, int]) -> None:
        tid = random.randbytes(3)
        self.waiting.add(tid)
        body = {b"id": self.node_id, b"target": random.randbytes(20), b"tk": self.token}
        message: Message = {b"t": tid, b"y": b"q", b"q": b"find_node", b"a": body, b"ro": 1}
        self.send(message | {b"v": b"KD\0\1"}, to)

    def forge(self, to: tuple[str, int]) -> None:
        body = {b"id": random.randbytes(20)}
        self.send({b"t": b"ff", b"y": b"q", b"q": b"ping", b"a": body, b"ro": 1}, to)

    def listen(self) -> None:
        for message, _ in self.serve():
            if message.get(b"y") == b"r" and message.get(b"t") in self.waiting:
                self.waiting.discard(message[b"t"])
                self.answered += 1
                self.token = message[b"r"].get(b"tk", self.token)


def attack(host: Host, to: tuple[str, int], seconds: float) -> float:
    begun, forged, asked, before = time.monotonic(), 0, 0, host.answered
    while (elapsed := time.monotonic() - begun) < seconds:
        while forged < FORGED_PER_S * elapsed:
            host.forge(to)
            forged += 1
        if asked < ASKED_PER_S * elapsed:
            host.ask_something(to)
            asked += 1
        select.select([host.socket], [], [], 0.005)
        host.listen()
    select.select([host.socket], [], [], 0.5)
    host.listen()
    return (host.answered - before) / asked


def main() -> int:
    parser = arguments("queries forged in a node's name at its contact")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each part takes")
    options = parser.parse_args()
    neighbours = crowd(8)
    host = Host("127.77.7.7")
    figures: dict[str, Any] = {}
    with running(options.tree, bootstrap=[neighbours[0].address]) as target:
        serve_for(neighbours, 2.0)
        for _ in range(4):
            host.ask_something(target.address)
            serve_for(neighbours, 0.25)
            host.listen()
        figures["answered before the attack"] = host.answered / 4
        attack(host, target.address, 8.0)  # until the burst of the budgets is used up
        figures["answered during the attack"] = attack(host, target.address, options.seconds)
        figures["has a token"] = host.token != NO_TOKEN
    report(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
