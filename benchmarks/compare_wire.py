"""The other side of the wire for `compare.py`: neighbours that fill a node's table, and a load.

Nothing of kadisc is imported here, so that both trees that are compared meet the same bytes. Both
roles are processes that read commands as JSON lines and answer each with one line; they end when
their input does. Every address is in 127.0.0.0/8. Linux only.

``compare_wire.py neighbours``: `NEIGHBOURS` nodes on one socket. Each knows a third of the others,
and answers with the eight closest among those. The first line says where they are. Commands:

- {"ask": "known", "host", "port"} asks the node for the ID of each neighbour, and says how many
  of them were in the answer to their own ID.

``compare_wire.py load``: `ASKERS` endpoints that send queries and answer none. Commands:

- {"ask": "prove", "host", "port"}: every one of them gets a token from the node and announces a
  peer with it; the answer says how many of the announces were accepted.
- {"ask": "find_node" or "get_peers", "host", "port", "queries", "seed"}: that many queries, with a
  window in flight; the answer says how many replies came, in what time and of which size.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import random
import select
import socket
import statistics
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from mmsg import IP_PKTINFO, Inbox, Ring

NEIGHBOURS = 96
"""So few that all of them fit into the buckets of a table: once it is full it stays as it is."""
KNOWN_SHARE = 3
"""A neighbour knows one in so many of the others."""
K = 8
BOOTSTRAP = 8
"""The first of the neighbours: the node joins by them, and they ask it what it knows."""
PROBE_S = 0.5
"""How long their questions are waited for."""

ASKERS = 512
"""A proven endpoint may send 500 queries a second; all together then stay far below that."""
RING = 4096
"""Queries of one turn, sent round and round: eight of each asker."""
WINDOW = 128
SILENCE_S = 0.5
"""What is in flight after so long without an answer was lost."""
MAX_LOST = 4 * WINDOW
"""In one turn; more of them end it."""
SO_BINDTODEVICE = 25
_PKTINFO = struct.Struct("=i4s4s")


def encode(value: Any) -> bytes:
    """Bencode: bytes, whole numbers, lists, and dicts whose keys are bytes."""
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, list):
        return b"l%be" % b"".join(map(encode, value))
    return b"d%be" % b"".join(encode(part) for item in sorted(value.items()) for part in item)


def decode(data: bytes) -> Any:
    """Raises ValueError, or IndexError where something is missing."""
    value, end = _decode(data, 0)
    if end != len(data):
        raise ValueError("more follows after the value")
    return value


def _decode(data: bytes, at: int) -> tuple[Any, int]:
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if kind in (b"l", b"d"):
        values: list[Any] = []
        at += 1
        while data[at] != ord("e"):
            value, at = _decode(data, at)
            values.append(value)
        if kind == b"l":
            return values, at + 1
        return dict(zip(values[::2], values[1::2], strict=True)), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1 : end], end


def loopback_socket() -> socket.socket:
    """At one free port of all addresses of 127.0.0.0/8, and of no others where that is allowed."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, buffer, 1 << 22)
    with suppress(PermissionError):
        sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"lo\0")
    sock.setblocking(False)
    sock.bind(("0.0.0.0", 0))
    return sock


def query(method: bytes, tid: bytes, sender: bytes, **arguments: Any) -> bytes:
    body = {b"id": sender} | {name.encode(): value for name, value in arguments.items()}
    return encode({b"a": body, b"q": method, b"t": tid, b"v": b"LG\0\1", b"y": b"q"})


def number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def tid_of(at: int) -> bytes:
    return at.to_bytes(2, "big")


class Neighbours:
    """Nodes that answer a node so that its table fills, and that ask it what is in there."""

    def __init__(self) -> None:
        rng = random.Random(1)
        self._socket = loopback_socket()
        self._socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self.port = self._socket.getsockname()[1]
        self._ids = [hashlib.sha1(b"neighbour %d" % index).digest() for index in range(NEIGHBOURS)]
        # Each in a /24 of its own, and two in a /16: below every cap.
        self.hosts = [f"127.{64 + index % 50}.{index}.3" for index in range(NEIGHBOURS)]
        self._at = {socket.inet_aton(host): index for index, host in enumerate(self.hosts)}
        port = self.port.to_bytes(2, "big")
        places = [socket.inet_aton(host) + port for host in self.hosts]
        self._contacts = [*map(bytes.__add__, self._ids, places)]
        self._known = [rng.sample(range(NEIGHBOURS), NEIGHBOURS // KNOWN_SHARE) for _ in self._ids]
        self._probes: set[bytes] = set()
        self._handed_out = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> None:
        while True:
            try:
                payload, control, _, source = self._socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            index = self._at.get(control[0][2][8:12])
            with suppress(ValueError, IndexError, KeyError, TypeError):
                message = decode(payload)
                if index is None:
                    continue
                if message[b"y"] == b"q":
                    self._send(index, self._answer(index, message), source)
                elif message[b"y"] == b"r":
                    self._take(message)

    def known(self, host: str, port: int) -> dict[str, int]:
        self._handed_out = 0
        for index, node_id in enumerate(self._ids):
            tid = b"p%c" % index
            self._probes.add(tid)
            asker = index % BOOTSTRAP
            asked = query(b"find_node", tid, self._ids[asker], target=node_id)
            self._send(asker, asked, (host, port))
        end = time.monotonic() + PROBE_S
        while self._probes and (left := end - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                self.receive()
        self._probes.clear()
        return {"known": self._handed_out, "of": NEIGHBOURS}

    def _answer(self, index: int, message: dict[bytes, Any]) -> bytes:
        arguments, results = message[b"a"], {b"id": self._ids[index]}
        target = arguments.get(b"target") or arguments.get(b"info_hash")
        if target is not None and message[b"q"] != b"announce_peer":
            results[b"nodes"] = self._closest(index, number(target))
            results[b"token"] = b"token"
        reply = {b"r": results, b"t": message[b"t"], b"v": b"NB\0\1", b"y": b"r"}
        return encode(reply)

    def _closest(self, index: int, target: int) -> bytes:
        near = heapq.nsmallest(
            K,
            self._known[index],
            key=lambda other: number(self._ids[other]) ^ target,
        )
        return b"".join(self._contacts[each] for each in near)

    def _send(self, index: int, payload: bytes, destination: tuple[str, int]) -> None:
        pktinfo = _PKTINFO.pack(0, socket.inet_aton(self.hosts[index]), bytes(4))
        control = [(socket.IPPROTO_IP, IP_PKTINFO, pktinfo)]
        with suppress(BlockingIOError, ConnectionRefusedError):
            self._socket.sendmsg([payload], control, 0, destination)

    def _take(self, reply: dict[bytes, Any]) -> None:
        tid = reply[b"t"]
        if tid in self._probes:
            self._probes.discard(tid)
            nodes = reply[b"r"][b"nodes"]
            ids = [nodes[at : at + 20] for at in range(0, len(nodes), 26)]
            self._handed_out += self._ids[tid[1]] in ids


class Load:
    """Endpoints that send queries, all on one socket; what is sent is encoded beforehand."""

    def __init__(self) -> None:
        self._socket = loopback_socket()
        self._inbox = Inbox(self._socket)
        rng = random.Random(2)
        # Each in a /24 of its own, and in other networks than the neighbours.
        self._hosts = [f"127.{128 + at % 100}.{at // 100}.7" for at in range(ASKERS)]
        self._ids = [rng.randbytes(20) for _ in range(ASKERS)]
        self._rings: dict[tuple[int, str], Ring] = {}
        self._seed = -1

    def prove(self, host: str, port: int) -> dict[str, Any]:
        info_hashes = [hashlib.sha1(b"announced %d" % at).digest() for at in range(ASKERS)]
        rest: dict[str, Any] = {"implied_port": 1, "port": 6881}
        asked, announced = [], []
        for at, info_hash in enumerate(info_hashes):
            asked.append(query(b"get_peers", tid_of(at), self._ids[at], info_hash=info_hash))
        replies = self._replies(asked, host, port)
        for at, info_hash in enumerate(info_hashes):
            token = replies[at][b"r"][b"token"] if at in replies else b""
            body = {"info_hash": info_hash, "token": token, **rest}
            announced.append(query(b"announce_peer", tid_of(at), self._ids[at], **body))
        return {"proven": len(self._replies(announced, host, port)), "of": ASKERS}

    def run(self, host: str, port: int, method: str, queries: int, seed: int) -> dict[str, Any]:
        ring, inbox = self._ring_of(host, port, method, seed), self._inbox
        while inbox.receive():  # what came late for the turn before
            pass
        sent = replies = lost = in_flight = 0
        sizes: list[int] = []
        started = time.perf_counter()
        while replies + lost < queries and lost <= MAX_LOST:
            # By halves of the window: one query for each answer would wake the node for every one.
            while in_flight <= WINDOW // 2 and sent < queries:
                count = ring.send(min(WINDOW - in_flight, queries - sent))
                if not count:
                    break
                sent, in_flight = sent + count, in_flight + count
            if not select.select([self._socket], [], [], SILENCE_S)[0]:
                lost, in_flight = lost + in_flight, 0
                continue
            while count := inbox.receive():
                # The node may ask something too: that is no reply, and is not answered.
                lengths = [inbox.length(index) for index in range(count)]
                pairs = zip(inbox.buffers, lengths, strict=False)
                good = sum([buffer.find(b"1:y1:r", 0, length) >= 0 for buffer, length in pairs])
                replies, in_flight = replies + good, max(0, in_flight - good)
                if len(sizes) < 1000:
                    sizes += lengths
                if in_flight <= WINDOW // 2 and sent < queries:
                    break
        seconds = time.perf_counter() - started
        size = statistics.median(sizes) if sizes else 0
        return {"replies": replies, "lost": lost, "seconds": seconds, "bytes": size}

    def _ring_of(self, host: str, port: int, method: str, seed: int) -> Ring:
        """That of the turn before, where there was one; a new seed forgets all of them."""
        if seed != self._seed:
            self._seed, self._rings = seed, {}
        if (ring := self._rings.get((port, method))) is not None:
            return ring
        rng = random.Random(seed)
        name = "info_hash" if method == "get_peers" else "target"
        payloads = []
        for at in range(RING):
            target, sender = {name: rng.randbytes(20)}, self._ids[at % ASKERS]
            payloads.append(query(method.encode(), tid_of(at), sender, **target))
        self._rings[port, method] = ring = self._ring(payloads, host, port)
        return ring

    def _ring(self, payloads: Sequence[bytes], host: str, port: int) -> Ring:
        sources = [self._hosts[at % ASKERS] for at in range(len(payloads))]
        return Ring(self._socket, list(zip(payloads, sources, strict=True)), host, port)

    def _replies(self, payloads: Sequence[bytes], host: str, port: int) -> dict[int, Any]:
        """Of one query of each asker, by its transaction ID; those that came in time."""
        ring, inbox, sent = self._ring(payloads, host, port), self._inbox, 0
        found: dict[int, Any] = {}
        while len(found) < len(payloads):
            if sent < len(payloads) and sent - len(found) < WINDOW:
                sent += ring.send(min(WINDOW, len(payloads) - sent))
            if not select.select([self._socket], [], [], SILENCE_S)[0]:
                break
            for index in range(inbox.receive()):
                payload = bytes(inbox.buffers[index][: inbox.length(index)])
                with suppress(ValueError, IndexError, KeyError, TypeError):
                    message = decode(payload)
                    if message[b"y"] == b"r":
                        found[number(message[b"t"])] = message
        return found


def serve_neighbours() -> None:
    neighbours = Neighbours()
    places = [f"{host}:{neighbours.port}" for host in neighbours.hosts[:BOOTSTRAP]]
    print(json.dumps({"event": "listening", "bootstrap": places}), flush=True)
    while True:
        readable = select.select([neighbours, sys.stdin], [], [])[0]
        if neighbours in readable:
            neighbours.receive()
        if sys.stdin in readable:
            line = sys.stdin.readline()
            if not line:
                return
            question = json.loads(line)
            print(json.dumps(neighbours.known(question["host"], question["port"])), flush=True)


def serve_load() -> None:
    load = Load()
    print(json.dumps({"event": "ready"}), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        where, what = (question["host"], question["port"]), question["ask"]
        rest = () if what == "prove" else (what, question["queries"], question["seed"])
        print(json.dumps(load.run(*where, *rest) if rest else load.prove(*where)), flush=True)


if __name__ == "__main__":
    {"neighbours": serve_neighbours, "load": serve_load}[sys.argv[1]]()
