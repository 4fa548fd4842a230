"""A load generator: keeps a window of queries in flight to one server and counts the answers.

All queries are encoded beforehand, with random targets, from 256 addresses in networks of their
own, each with an ID; they are sent and read by the batch. Commands are JSON lines: {"ask": METHOD,
"host", "port", "seconds", "window"}; the answer says how many replies came, in how many seconds,
how many bytes the median one had, and how many queries were lost. METHOD echo counts whatever comes
back.
"""

from __future__ import annotations

import json
import random
import select
import socket
import statistics
import sys
import time
from typing import Any

from mmsg import Inbox, Ring

from kadisc.wire import krpc
from kadisc.wire.messages import FindNode, GetPeers, Ping, Query

PORT = 9000
SOURCES = 256
QUERIES = 4096
SILENCE_S = 0.1
"""Whatever is in flight after so long without an answer was lost."""


def queries(method: str, rng: random.Random) -> list[tuple[bytes, str]]:
    """Payloads and where they come from."""
    sources = [
        (f"45.{200 + index % 50}.{index}.7", rng.getrandbits(160)) for index in range(SOURCES)
    ]
    made = []
    for index in range(QUERIES):
        host, sender = sources[index % SOURCES]
        tid, target = index.to_bytes(2, "big"), rng.getrandbits(160)
        query: Query
        if method == "ping":
            query = Ping(tid, sender, version=b"LG\0\1")
        elif method == "get_peers":
            query = GetPeers(tid, sender, target, version=b"LG\0\1")
        else:
            query = FindNode(tid, sender, target, version=b"LG\0\1")
        made.append((krpc.encode(query), host))
    return made


class Load:
    def __init__(self, port: int = PORT) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, buffer, 1 << 22)
        self._socket.setblocking(False)
        self._socket.bind(("0.0.0.0", port))
        self._inbox = Inbox(self._socket)
        self._rng = random.Random(7)

    def run(self, method: str, host: str, port: int, seconds: float, window: int) -> dict[str, Any]:
        ring = Ring(self._socket, queries(method, self._rng), host, port)
        inbox, mark = self._inbox, b"1:q" if method == "echo" else b"1:y1:r"
        while inbox.receive():  # what came late for the turn before
            pass
        replies = lost = in_flight = 0
        sizes: list[int] = []
        started = time.perf_counter()
        while (now := time.perf_counter()) < started + seconds:
            # By halves of the window: one query for each answer would wake the server for every one
            # of them, as no crowd does.
            while in_flight <= window // 2 and (sent := ring.send(window - in_flight)):
                in_flight += sent
            if not select.select([self._socket], [], [], SILENCE_S)[0]:
                lost, in_flight = lost + in_flight, 0
                continue
            while count := inbox.receive():
                # The server may ask us something too: that is no answer. It gets none either, as
                # from most that query a node.
                lengths = [inbox.length(index) for index in range(count)]
                good = sum(
                    [
                        buffer.find(mark, 0, length) >= 0
                        for buffer, length in zip(inbox.buffers, lengths, strict=False)
                    ]
                )
                replies, in_flight = replies + good, in_flight - good
                if len(sizes) < 1000:
                    sizes += lengths
                if in_flight <= window // 2:
                    break
        elapsed_s = now - started
        return {
            "replies": replies,
            "seconds": elapsed_s,
            "bytes": statistics.median(sizes) if sizes else 0,
            "lost": lost,
        }


def main() -> None:
    load = Load()
    print(json.dumps({"event": "ready"}), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        print(
            json.dumps(
                load.run(
                    question["ask"],
                    question["host"],
                    question["port"],
                    question["seconds"],
                    question["window"],
                )
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
