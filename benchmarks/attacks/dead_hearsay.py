"""Dead names in every answer, and queries from hosts that never answer: how often a node takes
itself to be offline, and what it sends.

Eight honest peers, all in one /16 (or each in one of its own), know each other. One more names 70
endpoints where nobody is in every answer, and hosts that never answer send a query twice a second.
Nothing is wrong with the connection of the node. Printed are the times that it went offline, and
the queries that it sent.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any, Final

from harness import Message, Peer, arguments, crowd, honest, packed, report, running, serve_for

NAMES: Final = 70
CALLS_PER_S: Final = 2.0


def liar(host: str) -> Peer:
    peer = Peer(host)

    def answer(peer: Peer, message: Message, source: tuple[str, int]) -> Message | None:
        reply = honest(peer, message, source)
        if reply is not None and b"nodes" in reply[b"r"]:
            reply[b"r"][b"nodes"] = b"".join(
                packed(random.randbytes(20), (dead_host(), 6881)) for _ in range(NAMES)
            )
        return reply

    peer.answer = answer
    return peer


def dead_host() -> str:
    return f"127.{random.randrange(120, 250)}.{random.randrange(250)}.9"


def main() -> int:
    parser = arguments("dead names and silent askers against the detection of being offline")
    parser.add_argument("--seconds", type=float, default=18.0, help="how long it takes")
    parser.add_argument("--spread", action="store_true", help="honest peers in a /16 each")
    options = parser.parse_args()
    peers = crowd(8, "127.{0}.{1}.1" if options.spread else "127.20.{0}.1")
    false = liar("127.77.7.7" if options.spread else "127.20.77.7")
    silent = [Peer(f"127.{100 + number}.3.3") for number in range(16)]
    figures: dict[str, Any] = {}
    asked_silent = 0
    with running(options.tree, bootstrap=[peers[0].address, false.address]) as target:
        begun, called = time.monotonic(), 0
        before = target.counters()
        while (elapsed := time.monotonic() - begun) < options.seconds:
            if called < CALLS_PER_S * elapsed:
                called += 1
                silent[called % 16].query("ping", target.address)
            serve_for([*peers, false], 0.1)
            for each in silent:
                while (came := each.receive()) is not None:
                    asked_silent += came[0].get(b"y") == b"q"
        after = target.counters()
        events = [
            json.loads(line)
            for line in (target.folder / "stdout").read_text().splitlines()
            if line.startswith("{")
        ]
    figures["went offline"] = sum(event.get("event") == "offline" for event in events)
    figures["came back"] = sum(event.get("event") == "online" for event in events)
    figures["queries to silent askers"] = asked_silent
    figures["queries sent"] = sum(
        count - before.get(name, 0)
        for name, count in after.items()
        if name.startswith("queries_sent.")
    )
    report(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
