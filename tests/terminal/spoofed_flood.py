"""A spoofer and a node in network namespaces that a veth pair connects, so that sources can be
forged as on the internet.

`test_spoofed_flood.py` runs this in namespaces; the arguments are those of `kadisc run`. First two
clients become proven sources by announcing. Then the spoofer sends thousands of datagrams with
forged sources, at the pace at which the node reads its socket, so that none is lost; the clients
continue to send queries. The output is one JSON document with the bytes that the node sent to each
address, read from the veth device.
"""

from __future__ import annotations

import json
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from kadisc.wire import krpc
from kadisc.wire.messages import AnnouncePeer, Get, GetPeers, Ping, Put, Reply

from .commands import COMMAND, environment
from .flood import INFO_HASH, ITEM, PAYLOADS

NODE = ("45.0.0.1", 6881)
GATEWAY = "45.0.0.2"
PROVEN = (("62.7.7.7", 7001), ("63.8.8.8", 7002))
"""Two proven sources. The spoofer also forges the first one, with other ports, and its subnet."""
ROUNDS = 120
PER_ROUND = 100
FLOOD_MAX_S = 8.0
LAST_ANSWERS_S = 0.5
"""The time in which the node reads the rest of its socket and answers."""
TOTAL_S = 60
"""The time limit of the whole program."""
PATIENCE_S = 10.0
"""The time limit for anything that should happen at once."""

# The shell reads its process id from /proc/self, because in a namespace of process ids it has
# another one there than $$.
START_NODE = f"""
read number rest < /proc/self/stat; echo "$number"; read go
ip link set lo up && ip addr add {NODE[0]}/24 dev node && ip link set node up || exit 1
ip route add default via {GATEWAY} && exec "$@"
"""
ETH_P_IP = 0x0800
SOL_PACKET = 263
PACKET_STATISTICS = 6
UDP = 17


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=PATIENCE_S)


@contextmanager
def node(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The node in its own namespace, and the table of its UDP sockets."""
    ip("link", "set", "lo", "up")
    ip("link", "add", "spoofer", "type", "veth", "peer", "name", "node")
    ip("addr", "add", f"{GATEWAY}/24", "dev", "spoofer")
    for host, _ in PROVEN:
        ip("addr", "add", f"{host}/32", "dev", "spoofer")
    command = [
        "unshare",
        "--net",
        "sh",
        "-c",
        START_NODE,
        "sh",
        *COMMAND,
        "run",
        "--bind",
        f"{NODE[0]}:{NODE[1]}",
        "--json",
        *arguments,
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        try:
            number = line_of(process.stdout)
            ip("link", "set", "node", "netns", str(process.pid))
            ip("link", "set", "spoofer", "up")
            ip("route", "add", "blackhole", "default")  # drops answers to forged sources
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.close()
            process.stdin = None
            while json.loads(line_of(process.stdout))["event"] != "listening":
                pass
            yield process, Path(f"/proc/{number.strip()}/net/udp")
        finally:
            process.kill()


def line_of(stream: IO[str] | None) -> str:
    assert stream is not None
    line = stream.readline()
    if not line:
        raise SystemExit("the node ended")
    return line


def waiting_and_lost(udp: Path) -> tuple[int, int]:
    """The bytes that wait in the node's socket, and the datagrams that it dropped."""
    for line in udp.read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{NODE[1]:04X}"):
            return int(fields[4].split(":")[1], 16), int(fields[-1])
    raise SystemExit("the node has no socket")


class PacketCapture:
    """Captures all datagrams that the node sends."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        self._socket.bind(("spoofer", ETH_P_IP))
        self._socket.setblocking(False)
        self.bytes_to: Counter[tuple[str, int]] = Counter()

    def read(self) -> None:
        with suppress(BlockingIOError):
            while True:
                packet = self._socket.recv(65_535)
                if packet[9] != UDP:
                    continue
                header_bytes = 4 * (packet[0] & 15)
                port, size = struct.unpack_from("!HH", packet, header_bytes + 2)
                self.bytes_to[socket.inet_ntoa(packet[16:20]), port] += size - 8

    @property
    def missed(self) -> int:
        return int(
            struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        )


class Spoofer:
    """Sends datagrams with forged sources."""

    def __init__(self, rng: random.Random) -> None:
        # IPPROTO_RAW: the sender writes the IP header.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._rng = rng
        self._few = [f"{80 + network}.5.5.{1 + host}" for network in range(20) for host in range(4)]

    def source(self, number: int) -> tuple[str, int]:
        """In turn one of 80 hosts in 20 subnets, the first client with another port or a host in
        its subnet, and a new host.
        """
        rng = self._rng
        port = rng.randrange(10_000, 60_000)
        match number % 4:
            case 0 | 1:
                return rng.choice(self._few), port
            case 2:
                return rng.choice(
                    (PROVEN[0][0], PROVEN[0][0].rsplit(".", 1)[0] + f".{rng.randrange(1, 255)}")
                ), port
            case _:
                first = rng.randrange(130, 160)
                second = rng.randrange(256)
                third = rng.randrange(256)
                return f"{first}.{second}.{third}.{rng.randrange(1, 255)}", port

    def send(self, payload: bytes, source: tuple[str, int]) -> None:
        host, port = source
        addresses = socket.inet_aton(host) + socket.inet_aton(NODE[0])
        # The system adds lengths and checksums.
        header = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, UDP, 0) + addresses
        self._socket.sendto(
            header + struct.pack("!HHHH", port, NODE[1], 8 + len(payload), 0) + payload,
            (NODE[0], 0),
        )


class ProvenClient:
    def __init__(self, where: tuple[str, int], node_id: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(where)
        self._id = node_id
        self._waiting: set[bytes] = set()
        self.asked = self.answered = 0

    def prove(self) -> None:
        """Sends back tokens, which prove the source; the stored item makes answers long."""
        found = self._exchange(GetPeers(b"find", self._id, INFO_HASH, read_only=True))
        assert found.token is not None
        self._exchange(
            AnnouncePeer(b"tell", self._id, INFO_HASH, 6881, found.token, read_only=True)
        )
        held = self._exchange(Get(b"held", self._id, ITEM.target, read_only=True))
        assert held.token is not None
        self._exchange(Put(b"keep", self._id, held.token, ITEM, read_only=True))

    def _exchange(self, query: GetPeers | AnnouncePeer | Get | Put) -> Reply:
        self._socket.settimeout(PATIENCE_S)
        self._socket.sendto(krpc.encode(query), NODE)
        while True:
            answer = krpc.decode(self._socket.recv(2048))
            if answer.tid == query.tid:
                assert isinstance(answer, Reply), answer
                self._socket.setblocking(False)
                return answer

    def ask(self) -> None:
        self.asked += 1
        tid = b"%04d" % self.asked
        self._waiting.add(tid)
        self._socket.sendto(krpc.encode(Ping(tid, self._id, read_only=True)), NODE)

    def read(self) -> None:
        with suppress(BlockingIOError):
            while True:
                answer = krpc.decode(self._socket.recv(2048))
                if isinstance(answer, Reply) and answer.tid in self._waiting:
                    self._waiting.remove(answer.tid)
                    self.answered += 1


def flood(udp: Path) -> dict[str, Any]:
    rng = random.Random(1)
    clients = [ProvenClient(where, 1000 + number) for number, where in enumerate(PROVEN)]
    for client in clients:
        client.prove()
    capture, spoofer = PacketCapture(), Spoofer(rng)
    begun, sent = time.monotonic(), 0
    while sent < ROUNDS * PER_ROUND and time.monotonic() < begun + FLOOD_MAX_S:
        for _ in range(PER_ROUND):
            spoofer.send(PAYLOADS[sent % len(PAYLOADS)], spoofer.source(sent))
            sent += 1
        for client in clients:
            client.ask()
        keep_in_step(udp, begun + FLOOD_MAX_S)
        capture.read()
        for client in clients:
            client.read()
    ends_at = time.monotonic() + LAST_ANSWERS_S
    while time.monotonic() < ends_at:
        capture.read()
        for client in clients:
            client.read()
        select.select([], [], [], 0.01)
    bytes_to = {host: 0 for host, _ in capture.bytes_to}
    for where, size in capture.bytes_to.items():
        bytes_to[where[0]] += size if where not in PROVEN else 0
    return {
        "lasted_s": time.monotonic() - begun,
        "sent": sent,
        "bytes_to": bytes_to,
        "asked": [client.asked for client in clients],
        "answered": [client.answered for client in clients],
        "missed": capture.missed,
        "lost": waiting_and_lost(udp)[1],
    }


def keep_in_step(udp: Path, until: float) -> None:
    while waiting_and_lost(udp)[0] and time.monotonic() < until:
        select.select([], [], [], 0.001)


def out_of_time(*_: object) -> None:
    # An exit by handler, because signals without a handler do not end process 1 of a namespace.
    raise SystemExit("timed out")


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(TOTAL_S)
    with node(*sys.argv[1:]) as (_, sockets):
        print(json.dumps(flood(sockets)))
