"""A real node under a flood of forged queries: do those who proved themselves before still get
their answers, and what are the others sent?

Run ``python benchmarks/flood.py [SECONDS]``; it measures for 5 seconds each unless told otherwise.
First the drain limit: how many datagrams a second the node takes from its socket when more are sent
than it can take. Then, at half of that, from as many addresses as sockets could be bound, the share
of their pings that 16 proven endpoints see answered within a second: as it is, with the fast lane
off, and with no limits at all. Flooders and node are processes of their own, on two cores; where
those are not to be had the numbers are lower. Linux only: it binds all over 127.0.0.0/8, which the
node is told to treat as public.
"""

from __future__ import annotations

import json
import random
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import trio

import kadisc
from kadisc.config import Config, CoreConfig, LimitsConfig
from kadisc.endpoints import format_endpoint, parse_endpoint
from kadisc.wire import krpc
from kadisc.wire.messages import FindNode, Ping, Query, Reply

FORGED = 512
"""Addresses, each in a /24 of its own: more than the budget for all together lets in, so that every
level of it has something to do.
"""
FRIENDS = 16
ASKED_PER_S = 160
GOAL = 0.95


async def run_node(bootstrap: str, switched_off: list[str]) -> None:
    """The node under test prints its endpoint, then its counters for each line that it reads."""
    core = CoreConfig(allow_private=True)
    core = replace(core, defences=replace(core.defences, **dict.fromkeys(switched_off, False)))
    async with kadisc.open_node(
        Config(bind=("127.0.0.1:0",), core=core), bootstrap=[bootstrap]
    ) as node:
        print(format_endpoint(next(iter(node.local_endpoints.values()))), flush=True)
        while await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            print(json.dumps(node.snapshot().counters), flush=True)


def run_flooder(where: str, rate: float, seconds: float) -> None:
    """Sends ``rate`` queries a second, as fast as it can if that is 0; prints what it sent, and
    what came back to its addresses.
    """
    host, port = where.split(":")
    rng = random.Random(1)
    sockets = [bound(f"127.{1 + number // 200}.{1 + number % 200}.9") for number in range(FORGED)]
    payloads = [
        krpc.encode(FindNode(b"aa", rng.getrandbits(160), rng.getrandbits(160), read_only=True))
        for _ in range(64)
    ]
    sent, destination, begun = 0, (host, int(port)), time.monotonic()
    while (elapsed := time.monotonic() - begun) < seconds:
        for _ in range(64 if not rate else min(256, int(rate * elapsed) - sent)):
            with suppress(BlockingIOError):
                sockets[sent * 7 % FORGED].sendto(payloads[sent & 63], destination)
            sent += 1
        if rate:
            time.sleep(0.0005)
    elapsed = time.monotonic() - begun
    back = [sum(len(payload) for payload in drained(each)) for each in sockets]
    print(json.dumps({"sent": sent, "elapsed_s": elapsed, "back": back}), flush=True)


def bound(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, 0))
    return sock


def drained(sock: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield sock.recv(2048)
        except BlockingIOError:
            return


class Friends:
    """Endpoints that answer the node, as little as it takes to be verified, and ask it."""

    def __init__(self) -> None:
        self._rng = random.Random(2)
        self.sockets = [bound(f"127.{100 + number}.7.9") for number in range(FRIENDS)]
        self.ids = [self._rng.getrandbits(160) for _ in self.sockets]
        self.answered: list[float] = []
        self._asked_at: dict[bytes, float] = {}
        self.answered_queries = [0] * FRIENDS

    def serve(
        self,
        until: float,
        node: tuple[str, int] | None = None,
        per_s: float = 0.0,
        *,
        introduce: bool = False,
    ) -> int:
        """Answers until then, and asks ``per_s`` in turn; how many were asked."""
        begun, asked = time.monotonic(), 0
        while (now := time.monotonic()) < until:
            while node and asked < (now - begun) * per_s:
                self._ask(asked, node, now, introduce=introduce)
                asked += 1
            for sock in select.select(self.sockets, [], [], 0.002)[0]:
                self._take(self.sockets.index(sock))
        return asked

    def _ask(self, number: int, node: tuple[str, int], now: float, *, introduce: bool) -> None:
        tid = self._rng.randbytes(3)
        self._asked_at[tid] = now
        own_id = self.ids[number % FRIENDS]
        query: Query = FindNode(tid, own_id, own_id) if introduce else Ping(tid, own_id)
        self.sockets[number % FRIENDS].sendto(krpc.encode(query), node)

    def _take(self, number: int) -> None:
        sock = self.sockets[number]
        while True:
            try:
                payload, source = sock.recvfrom(2048)
            except BlockingIOError:
                return
            message = krpc.decode(payload)
            if isinstance(message, Reply):
                if (asked_at := self._asked_at.pop(message.tid, None)) is not None:
                    self.answered.append(time.monotonic() - asked_at)
            elif isinstance(message, Query):
                sock.sendto(krpc.encode(Reply(message.tid, self.ids[number], nodes=b"")), source)
                self.answered_queries[number] += 1


class NodeProcess:
    def __init__(self, bootstrap: str, switched_off: list[str]) -> None:
        command = [sys.executable, __file__, "node", bootstrap, *switched_off]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        host, port = self.process.stdout.readline().strip().split(":")
        self.where = host, int(port)

    def counters(self) -> dict[str, int]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        counters: dict[str, int] = json.loads(self.process.stdout.readline())
        return counters


@contextmanager
def node_with_friends(switched_off: list[str]) -> Iterator[tuple[NodeProcess, Friends]]:
    """All friends have answered the node; those that it could not verify in 15 seconds are an
    error.
    """
    friends = Friends()
    host, port = friends.sockets[0].getsockname()
    node = NodeProcess(f"{host}:{port}", switched_off)
    try:
        give_up_at = time.monotonic() + 15.0
        while min(friends.answered_queries) == 0:
            if time.monotonic() > give_up_at:
                raise SystemExit(
                    f"the node asked {sum(map(bool, friends.answered_queries))} of {FRIENDS} "
                    "friends only"
                )
            friends.serve(time.monotonic() + 1.0, node.where, per_s=2 * FRIENDS, introduce=True)
        yield node, friends
    finally:
        node.process.kill()
        node.process.communicate()
        for sock in friends.sockets:
            sock.close()


@contextmanager
def flooding(node: NodeProcess, rate: float, seconds: float) -> Iterator[subprocess.Popen[str]]:
    where = f"{node.where[0]}:{node.where[1]}"
    process = subprocess.Popen(
        [sys.executable, __file__, "flooder", where, str(rate), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def drain_limit(seconds: float) -> tuple[float, float]:
    """Datagrams a second that the node took, and that were sent."""
    with node_with_friends([]) as (node, friends), flooding(node, 0.0, seconds + 2.0) as flooder:
        friends.serve(time.monotonic() + 1.5)
        begun, before = time.monotonic(), node.counters()["received"]
        friends.serve(begun + seconds - 1.0)
        taken = (node.counters()["received"] - before) / (time.monotonic() - begun)
        assert flooder.stdout is not None
        report = json.loads(flooder.stdout.readline())
        return taken, report["sent"] / report["elapsed_s"]


def under_flood(switched_off: list[str], rate: float, seconds: float) -> dict[str, Any]:
    with (
        node_with_friends(switched_off) as (node, friends),
        flooding(node, rate, seconds + 2.0) as flooder,
    ):
        friends.serve(time.monotonic() + 1.5)
        friends.answered.clear()
        asked = friends.serve(time.monotonic() + seconds - 0.5, node.where, ASKED_PER_S)
        friends.serve(time.monotonic() + 1.0)
        assert flooder.stdout is not None
        report = json.loads(flooder.stdout.readline())
        in_time = sorted(each for each in friends.answered if each <= 1.0)
        return report | {
            "answered": len(in_time) / asked,
            "median_ms": 1000 * in_time[len(in_time) // 2] if in_time else float("nan"),
            "drops": {
                key[8:]: count
                for key, count in node.counters().items()
                if key.startswith("dropped.")
            },
        }


def main(seconds: float) -> None:
    limits = LimitsConfig()
    taken, sent = drain_limit(seconds)
    print(
        f"drain limit: {taken:,.0f} datagrams/s taken of {sent:,.0f} "
        f"sent{'' if sent > 1.1 * taken else '; the flooder was the bottleneck'}"
    )
    rate = taken / 2
    variants = {
        "as it is": [],
        "fast lane off": ["proven_sources"],
        "no limits": ["traffic_limits"],
    }
    for name, switched_off in variants.items():
        seen = under_flood(switched_off, rate, seconds)
        lasted = seen["elapsed_s"]
        for_address = limits.host_reply_burst_bytes + limits.host_reply_bytes_per_s * lasted
        for_all = limits.total_reply_burst_bytes + limits.total_reply_bytes_per_s * lasted
        print(f"\n{name}: {seen['sent'] / lasted:,.0f} forged queries/s from {FORGED} addresses")
        verdict = (
            f"; the goal is {GOAL:.0%}: {'reached' if seen['answered'] >= GOAL else 'missed'}"
            if not switched_off
            else ""
        )
        print(
            f"  proven endpoints: {seen['answered']:.1%} of pings answered, median "
            f"{seen['median_ms']:.1f} ms{verdict}"
        )
        print(
            f"  most bytes to one unproven address: {max(seen['back']):,} of "
            f"{for_address:,.0f}; to all: {sum(seen['back']):,} of {for_all:,.0f}"
        )
        drops = ", ".join(f"{count:,} {reason}" for reason, count in seen["drops"].items())
        print(f"  dropped: {drops or 'nothing'}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["node"]:
        parse_endpoint(sys.argv[2])
        trio.run(run_node, sys.argv[2], sys.argv[3:])
    elif sys.argv[1:2] == ["flooder"]:
        run_flooder(sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
