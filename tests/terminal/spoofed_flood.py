"""A spoofer and a node in networks of their own, joined by a cable (veth), so that a source may be
forged as on the internet: nobody is there.

Run in namespaces as `test_spoofed_flood.py` does it; the arguments are those of `kadisc run`. First
two friends prove themselves by announcing. Then thousands of datagrams are sent in the names of
others, in step with what the node takes from its socket, so that none is lost before the node has
seen it; the friends ask on. It prints one JSON document: what the node sent to each address, read
off the cable.
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
FRIENDS = (("62.7.7.7", 7001), ("63.8.8.8", 7002))
"""The first is one whose name is forged too, on other ports and beside him."""
ROUNDS, PER_ROUND = 120, 100
FLOOD_MAX_S = 8.0
LAST_ANSWERS_S = 0.5
"""By then the node has taken all from its socket, and answered."""
ALL_OF_IT_S = 60
PATIENCE_S = 10.0
"""For what should be there at once."""

# The shell opens /proc/self itself: so it learns its number there, which is not the one that it has
# in a namespace of process ids.
BEHIND_THE_CABLE = f"""
read number rest < /proc/self/stat; echo "$number"; read go
ip link set lo up && ip addr add {NODE[0]}/24 dev node && ip link set node up && ip route add default via {GATEWAY} && exec "$@"
"""
ETH_P_IP, SOL_PACKET, PACKET_STATISTICS = 0x0800, 263, 6
UDP = 17


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, timeout=PATIENCE_S)


@contextmanager
def node(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """The node at the other end of the cable, and the table of its UDP sockets."""
    ip("link", "set", "lo", "up")
    ip("link", "add", "spoofer", "type", "veth", "peer", "name", "node")
    ip("addr", "add", f"{GATEWAY}/24", "dev", "spoofer")
    for host, _ in FRIENDS:
        ip("addr", "add", f"{host}/32", "dev", "spoofer")
    command = [
        "unshare",
        "--net",
        "sh",
        "-c",
        BEHIND_THE_CABLE,
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
            ip(
                "route", "add", "blackhole", "default"
            )  # what comes for those who are not there ends here
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
    """Bytes that wait in the node's socket, and datagrams that found no room there."""
    for line in udp.read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{NODE[1]:04X}"):
            return int(fields[4].split(":")[1], 16), int(fields[-1])
    raise SystemExit("the node has no socket any more")


class Cable:
    """All that the node sends."""

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
    """Writes whatever source it likes on its datagrams."""

    def __init__(self, rng: random.Random) -> None:
        self._socket = socket.socket(
            socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW
        )  # with a header of ours
        self._rng = rng
        self._few = [f"{80 + network}.5.5.{1 + host}" for network in range(20) for host in range(4)]

    def source(self, number: int) -> tuple[str, int]:
        """In turn one of 80 in 20 networks, one of the first friend's neighbours or he himself on
        another port, and one never seen before.
        """
        rng, port = self._rng, self._rng.randrange(10_000, 60_000)
        match number % 4:
            case 0 | 1:
                return rng.choice(self._few), port
            case 2:
                return rng.choice(
                    (FRIENDS[0][0], FRIENDS[0][0].rsplit(".", 1)[0] + f".{rng.randrange(1, 255)}")
                ), port
            case _:
                return (
                    f"{rng.randrange(130, 160)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
                    port,
                )

    def send(self, payload: bytes, source: tuple[str, int]) -> None:
        host, port = source
        addresses = socket.inet_aton(host) + socket.inet_aton(NODE[0])
        header = (
            struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, UDP, 0) + addresses
        )  # the system adds lengths and sums
        self._socket.sendto(
            header + struct.pack("!HHHH", port, NODE[1], 8 + len(payload), 0) + payload,
            (NODE[0], 0),
        )


class Friend:
    def __init__(self, where: tuple[str, int], node_id: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(where)
        self._id = node_id
        self._waiting: set[bytes] = set()
        self.asked = self.answered = 0

    def prove(self) -> None:
        """Shows tokens, which nobody else was sent; what it stores makes for long answers."""
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
    friends = [Friend(where, 1000 + number) for number, where in enumerate(FRIENDS)]
    for friend in friends:
        friend.prove()
    cable, spoofer = Cable(), Spoofer(rng)
    begun, sent = time.monotonic(), 0
    while sent < ROUNDS * PER_ROUND and time.monotonic() < begun + FLOOD_MAX_S:
        for _ in range(PER_ROUND):
            spoofer.send(PAYLOADS[sent % len(PAYLOADS)], spoofer.source(sent))
            sent += 1
        for friend in friends:
            friend.ask()
        keep_in_step(udp, begun + FLOOD_MAX_S)
        cable.read()
        for friend in friends:
            friend.read()
    ends_at = time.monotonic() + LAST_ANSWERS_S
    while time.monotonic() < ends_at:
        cable.read()
        for friend in friends:
            friend.read()
        select.select([], [], [], 0.01)
    strangers = {host: 0 for host, _ in cable.bytes_to}
    for where, size in cable.bytes_to.items():
        strangers[where[0]] += size if where not in FRIENDS else 0
    return {
        "lasted_s": time.monotonic() - begun,
        "sent": sent,
        "bytes_to": strangers,
        "asked": [friend.asked for friend in friends],
        "answered": [friend.answered for friend in friends],
        "missed": cable.missed,
        "lost": waiting_and_lost(udp)[1],
    }


def keep_in_step(udp: Path, until: float) -> None:
    while waiting_and_lost(udp)[0] and time.monotonic() < until:
        select.select([], [], [], 0.001)


def out_of_time(*_: object) -> None:
    raise SystemExit(
        "it took too long"
    )  # by hand: process 1 of a namespace is not ended by a signal that it does not look at


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(ALL_OF_IT_S)
    with node(*sys.argv[1:]) as (_, sockets):
        print(json.dumps(flood(sockets)))
