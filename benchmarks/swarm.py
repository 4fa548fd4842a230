"""A swarm of KRPC nodes that are neither kadisc nor libtorrent: one process and one socket, at as
many addresses as there are nodes.

Each node has an ID that belongs to its address (BEP 42), one /24 of its own, and a table as
Kademlia would fill it: up to 8 contacts for each bucket, drawn by lot among those that belong
there, the dead ones too. It answers after a delay of its own; some are dead, some datagrams are
lost. The 8 nodes closest to an info-hash that was announced as ``peer`` hand out one peer. All is
drawn from a seed.

Commands are JSON lines: {"ask": "contacts", "count"} gives live ones, {"ask": "announce", "target"}
places a peer, {"ask": "stored", "target", "host"} says at how many of the 8 live nodes closest to
the target that host has announced or put something, {"ask": "queries", "host"} how many queries
came from there since it was asked last, in all and by info-hash.
"""

from __future__ import annotations

import argparse
import bisect
import heapq
import json
import math
import random
import select
import socket
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from kadisc.core.addressing.bep42 import with_bep42_prefix
from kadisc.wire import bencode
from kadisc.wire.items import item_from

PORT = 7000
K = 8
PEER = bytes((45, 9, 9, 9, 26, 225))
IP_PKTINFO = 8
_PKTINFO = struct.Struct("=i4s4s")


@dataclass
class Node:
    id: int
    ip: bytes
    dead: bool
    delay_s: float
    contacts: list[int] = field(default_factory=list)
    """IDs, drawn when it is asked for the first time."""


class Swarm:
    def __init__(self, nodes: int, *, dead: float, loss: float, rtt_s: float, seed: int) -> None:
        self.rng = random.Random(seed)
        self.loss = loss
        self.nodes: dict[int, Node] = {}
        self.by_ip: dict[bytes, Node] = {}
        for place in self.rng.sample(
            range(256, 200 * 256), nodes
        ):  # 45.200.0.0 and up are left to those who measure
            ip = bytes((45, place >> 8, place & 255, self.rng.randrange(1, 255)))
            delay_s = rtt_s * math.exp(0.55 * self.rng.gauss(0, 1)) if rtt_s else 0.0
            node = Node(
                with_bep42_prefix(ip, self.rng.getrandbits(160)),
                ip,
                self.rng.random() < dead,
                min(delay_s, 10 * rtt_s),
            )
            self.nodes[node.id] = self.by_ip[ip] = node
        self.ids = sorted(self.nodes)
        self.live = [node for node in self.nodes.values() if not node.dead]
        self.announced: dict[int, set[int]] = {}
        self.stored: dict[tuple[int, bytes], set[int]] = {}
        """By target and address of the announcer: the IDs of the nodes where it is."""

    def table(self, node: Node) -> list[int]:
        if not node.contacts:
            for bucket in range(160):
                low = (node.id ^ 1 << 159 - bucket) >> 159 - bucket << 159 - bucket
                first, after = (
                    bisect.bisect_left(self.ids, low),
                    bisect.bisect_left(self.ids, low + (1 << 159 - bucket)),
                )
                node.contacts += self.rng.sample(self.ids[first:after], min(K, after - first))
                depth = node.id >> 159 - bucket
                near = bisect.bisect_left(
                    self.ids, (depth + 1) << 159 - bucket
                ) - bisect.bisect_left(self.ids, depth << 159 - bucket)
                if near <= 1:
                    break
        return node.contacts

    def closest(self, node: Node, target: int) -> bytes:
        chosen = heapq.nsmallest(K, self.table(node), key=target.__xor__)
        return b"".join(
            [
                each.to_bytes(20, "big") + self.nodes[each].ip + PORT.to_bytes(2, "big")
                for each in chosen
            ]
        )

    def announce(self, target: int) -> None:
        self.announced[target] = self.closest_live(target)

    def closest_live(self, target: int) -> set[int]:
        return {
            node.id for node in heapq.nsmallest(K, self.live, key=lambda node: node.id ^ target)
        }

    def store(self, method: bytes, arguments: Any, node: Node, source: bytes) -> None:
        if method == b"announce_peer":
            target = int.from_bytes(arguments[b"info_hash"], "big")
        else:
            target = item_from(arguments, arguments.get(b"salt", b"")).target
        self.stored.setdefault((target, source[:4]), set()).add(node.id)

    def answer(self, payload: bytes, node: Node, source: bytes) -> tuple[bytes | None, int | None]:
        """The reply, and the info-hash that was asked for."""
        query: Any = bencode.decode(payload)
        if query.get(b"y") != b"q":
            return None, None
        arguments, results = query[b"a"], {b"id": node.id.to_bytes(20, "big")}
        wanted = arguments.get(b"info_hash") if query[b"q"] == b"get_peers" else None
        target = arguments.get(b"target") or wanted
        if query[b"q"] in (b"announce_peer", b"put"):
            if not node.dead:
                self.store(query[b"q"], arguments, node, source)
        elif target is not None:
            number = int.from_bytes(target, "big")
            results[b"nodes"] = self.closest(node, number)
            if wanted is not None or query[b"q"] == b"get":
                results[b"token"] = b"token"
            if wanted is not None and node.id in self.announced.get(number, ()):
                results[b"values"] = [PEER]
        reply = {b"ip": source, b"r": results, b"t": query[b"t"], b"v": b"SW\0\1", b"y": b"r"}
        return bencode.encode(reply), None if wanted is None else int.from_bytes(wanted, "big")  # type: ignore[arg-type]


class Serving:
    """The swarm on its socket. An answer waits on a heap until it is due."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm
        self._waiting: list[tuple[float, int, bytes, bytes, Any]] = []
        self._sent = 0
        self.queries: dict[str, Counter[str]] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setblocking(False)
        self._socket.bind(("0.0.0.0", PORT))

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> None:
        swarm, rng = self._swarm, self._swarm.rng
        while True:
            try:
                payload, control, _, source = self._socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            node = swarm.by_ip.get(control[0][2][8:12])
            if node is None:
                continue
            reply, wanted = swarm.answer(
                payload, node, socket.inet_aton(source[0]) + source[1].to_bytes(2, "big")
            )
            if reply is None:
                continue
            counted = self.queries.setdefault(source[0], Counter())
            counted["all"] += 1
            if wanted is not None:
                counted[f"{wanted:040x}"] += 1
            if not node.dead and rng.random() >= swarm.loss:
                self._sent += 1
                due_at = time.monotonic() + node.delay_s * math.exp(0.08 * rng.gauss(0, 1))
                heapq.heappush(self._waiting, (due_at, self._sent, reply, node.ip, source))

    def send_due(self) -> float | None:
        """Seconds until the next one is due; None if none waits."""
        while self._waiting:
            left_s = self._waiting[0][0] - time.monotonic()
            if left_s > 0:
                return left_s
            _, _, reply, ip, source = heapq.heappop(self._waiting)
            control = [(socket.IPPROTO_IP, IP_PKTINFO, _PKTINFO.pack(0, ip, bytes(4)))]
            self._socket.sendmsg([reply], control, 0, source)
        return None

    def command(self, line: str) -> dict[str, Any]:
        question = json.loads(line)
        if question["ask"] == "contacts":
            chosen = self._swarm.rng.sample(self._swarm.live, question["count"])
            return {"contacts": [f"{socket.inet_ntoa(node.ip)}:{PORT}" for node in chosen]}
        if question["ask"] == "announce":
            self._swarm.announce(int(question["target"], 16))
            return {}
        if question["ask"] == "stored":
            target, source = int(question["target"], 16), socket.inet_aton(question["host"])
            stored = self._swarm.stored.get((target, source), set())
            return {"of_8": len(stored & self._swarm.closest_live(target)), "in_all": len(stored)}
        return {"queries": dict(self.queries.pop(question["host"], {}))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--nodes", type=int, default=2000)
    parser.add_argument(
        "--dead", type=float, default=0.0, help="share of nodes that answer nothing"
    )
    parser.add_argument(
        "--loss",
        type=float,
        default=0.0,
        help="share of queries that get no answer from live nodes",
    )
    parser.add_argument("--rtt", type=float, default=0.0, help="median round-trip time in seconds")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    serving = Serving(
        Swarm(
            arguments.nodes,
            dead=arguments.dead,
            loss=arguments.loss,
            rtt_s=arguments.rtt,
            seed=arguments.seed,
        )
    )
    print(json.dumps({"event": "listening"}), flush=True)
    while True:
        readable, _, _ = select.select([serving, sys.stdin], [], [], serving.send_due())
        if serving in readable:
            serving.receive()
        if sys.stdin in readable:
            line = sys.stdin.readline()
            if not line:
                return
            print(json.dumps(serving.command(line)), flush=True)


if __name__ == "__main__":
    main()
