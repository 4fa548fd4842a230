"""What the programs of this folder share: a node as a process of its own, started from any checkout
of kadisc, and raw UDP hosts that say to it what they like.

Each program attacks a node on real sockets of the loopback interface (addresses in 127/8, which the
node is told to treat as public), for 20 seconds at most, and prints what the attack achieved::

    python benchmarks/attacks/NAME.py                   the node of this checkout
    python benchmarks/attacks/NAME.py --tree CHECKOUT   the node of another one, as for "before"
    python benchmarks/attacks/NAME.py --json            one JSON object

A checkout with an environment of its own (``.venv``) is run with that one, otherwise with the
Python that runs the program. Programs speak bencode through the library bencode.py, not through
the code under test.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import bencodepy

Message = dict[bytes, Any]
Address = tuple[str, int]
Answer = Callable[["Peer", Message, Address], Message | None]
"""What a peer says to a query; None: nothing."""

HERE: Final = Path(__file__).resolve().parents[2]
START_S: Final = 20.0


def arguments(description: str) -> argparse.ArgumentParser:
    """The options of every program; each may add its own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--tree", type=Path, default=HERE, help="checkout whose node is attacked")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def report(figures: dict[str, Any], as_json: bool) -> None:
    """Prints the figures of a run, one in a line, or as one JSON object."""
    if as_json:
        print(json.dumps(figures))
        return
    width = max(map(len, figures))
    for name, value in figures.items():
        shown = f"{value:.3f}" if isinstance(value, float) else value
        print(f"{name:<{width}}  {shown}")


def text_of(address: Address) -> str:
    """As the command line takes it."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def free_port(host: str) -> int:
    """A UDP port that nothing uses at the moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class Target:
    """The node under attack: a process, its address and its control socket."""

    def __init__(self, process: subprocess.Popen[bytes], address: Address, folder: Path) -> None:
        self.process = process
        self.address = address
        self.folder = folder

    def alive(self) -> bool:
        return self.process.poll() is None

    def control(self, method: str, timeout_s: float = 30.0, **params: Any) -> Any:
        """The result of a request to the control socket. Raises `OSError` if there is no answer,
        and `RuntimeError` with the text of an error.
        """
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(timeout_s)
            client.connect(str(self.folder / "control.sock"))
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            client.sendall(json.dumps(request).encode() + b"\n")
            lines = client.makefile("rb")
            answer = json.loads(lines.readline() or b"{}")
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        return answer["result"]

    def counters(self) -> dict[str, int]:
        return dict(self.control("status")["counters"])

    def node_id(self) -> bytes:
        """The ID that the node has in IPv4."""
        families = self.control("status")["families"]
        return bytes.fromhex(next(f["id"] for f in families if f["family"] == "ipv4"))

    def cpu_s(self) -> float:
        """Seconds of CPU that the process has used (Linux)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        """Megabytes of memory that the process has resident (Linux)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> str:
        """Ends the process as Ctrl-C does, and returns what it wrote to stderr."""
        if self.alive():
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return (self.folder / "stderr").read_text(errors="replace")


def command(tree: Path) -> tuple[list[str], dict[str, str]]:
    """How to start kadisc from a checkout: the first words of the command, and the environment."""
    python = tree / ".venv" / "bin" / "python"
    words = [str(python) if python.exists() else sys.executable, "-m", "kadisc"]
    return words, {**os.environ, "PYTHONPATH": str(tree), "XDG_CONFIG_HOME": "/nonexistent"}


@contextmanager
def running(
    tree: Path,
    *options: str,
    bootstrap: list[Address],
    host: str = "127.99.0.1",
    port: int = 0,
    folder: Path | None = None,
    wait: bool = True,
) -> Iterator[Target]:
    """A node of ``tree`` that joins through ``bootstrap`` and listens at ``host``. ``folder``: its
    state folder (default: one that is removed afterwards). With ``wait`` its control socket answers
    before this goes on.
    """
    with tempfile.TemporaryDirectory(prefix="kadisc-attack-") as temporary:
        folder = folder or Path(temporary)
        port = port or free_port(host)
        words, environment = command(tree)
        words += ["run", "--json", "--allow-private", "--bind", text_of((host, port))]
        words += ["--state-dir", str(folder), *options]
        for where in bootstrap:
            words += ["--bootstrap", text_of(where)]
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                words, cwd=tree, env=environment, stdout=stdout, stderr=stderr
            )
        target = Target(process, (host, port), folder)
        try:
            if wait:
                _await_control(target)
            yield target
        finally:
            target.stop()


def _await_control(target: Target) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if not target.alive():
            raise RuntimeError(f"the node ended at once: {target.stop()}")
        with suppress(OSError):
            target.control("status")
            return
        time.sleep(0.1)
    raise RuntimeError("the control socket of the node does not answer")


class Peer:
    """A UDP host that speaks bencode: it sends what it is told, and answers as ``answer`` says."""

    def __init__(self, host: str, port: int = 0, node_id: bytes | None = None) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((host, port))
        self.socket.setblocking(False)
        self.host, self.port = self.socket.getsockname()[:2]
        self.node_id = node_id or random.randbytes(20)
        self.answer: Answer = honest
        self.received = 0
        self.received_bytes = 0
        self.sent = 0
        self.sent_bytes = 0

    @property
    def address(self) -> Address:
        return self.host, self.port

    def send(self, message: Message | bytes, to: Address) -> bool:
        """Sends a message, or bytes as they are. Returns whether the system took it."""
        payload = message if isinstance(message, bytes) else bencodepy.encode(message)
        try:
            self.socket.sendto(payload, to)
        except OSError:
            return False
        self.sent += 1
        self.sent_bytes += len(payload)
        return True

    def query(self, method: str, to: Address, tid: bytes | None = None, **fields: Any) -> bytes:
        """Sends a query with this peer's ID. Returns its transaction ID."""
        tid = tid or random.randbytes(2)
        body = {b"id": self.node_id, **{name.encode(): value for name, value in fields.items()}}
        self.send({b"t": tid, b"y": b"q", b"q": method.encode(), b"a": body}, to)
        return tid

    def receive(self) -> tuple[Message, Address] | None:
        """The next message that waits in the socket; what is no message is skipped."""
        while True:
            try:
                payload, source = self.socket.recvfrom(65536)
            except OSError:
                return None
            self.received += 1
            self.received_bytes += len(payload)
            with suppress(Exception):
                message = bencodepy.decode(payload)
                if isinstance(message, dict):
                    return message, (source[0], source[1])

    def ask(
        self, method: str, to: Address, timeout_s: float = 1.0, **fields: Any
    ) -> Message | None:
        """Sends a query and waits for what answers it; queries that come meanwhile are answered."""
        tid = self.query(method, to, **fields)
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            select.select([self.socket], [], [], left)
            while (came := self.receive()) is not None:
                message, source = came
                if message.get(b"y") == b"q":
                    self._reply(message, source)
                elif message.get(b"t") == tid:
                    return message
        return None

    def _reply(self, message: Message, source: Address) -> None:
        answer = self.answer(self, message, source)
        if answer is not None:
            self.send(answer, source)

    def serve(self) -> list[tuple[Message, Address]]:
        """Answers the queries that wait; returns all messages that came."""
        came: list[tuple[Message, Address]] = []
        while (received := self.receive()) is not None:
            came.append(received)
            if received[0].get(b"y") == b"q":
                self._reply(*received)
        return came

    def close(self) -> None:
        self.socket.close()


def packed(node_id: bytes, address: Address) -> bytes:
    """The compact node info of BEP 5: 26 bytes in IPv4."""
    return node_id + socket.inet_aton(address[0]) + address[1].to_bytes(2, "big")


def honest(peer: Peer, message: Message, source: Address) -> Message | None:
    """Answers every method as a node that knows no other node."""
    body: Message = {b"id": peer.node_id}
    if message.get(b"q") in (b"find_node", b"get_peers", b"get"):
        body[b"nodes"] = b""
    if message.get(b"q") in (b"get_peers", b"get"):
        body[b"token"] = b"1234"
    family = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
    ip = socket.inet_pton(family, source[0]) + source[1].to_bytes(2, "big")
    return {b"t": message[b"t"], b"y": b"r", b"r": body, b"ip": ip}


def serve_for(
    peers: list[Peer], seconds: float, then: Callable[[Peer, Message, Address], None] | None = None
) -> None:
    """Lets all peers answer for some seconds. ``then`` is told every message that came."""
    by_socket = {peer.socket: peer for peer in peers}
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select(list(by_socket), [], [], left)
        for each in ready:
            peer = by_socket[each]
            for message, source in peer.serve():
                if then is not None:
                    then(peer, message, source)


def crowd(count: int, host: str = "127.{0}.{1}.1", first: int = 20) -> list[Peer]:
    """Honest peers, each at an address of its own; ``host`` is formatted with two numbers, so that
    by default each is in a /24 and a /16 of its own (up to 200 of them). They know each other.
    """
    peers = [Peer(host.format(first + i % 200, i // 200)) for i in range(count)]

    def answer(peer: Peer, message: Message, source: Address) -> Message | None:
        reply = honest(peer, message, source)
        if reply is not None and b"nodes" in reply[b"r"]:
            others = random.sample(peers, min(8, len(peers)))
            reply[b"r"][b"nodes"] = b"".join(packed(p.node_id, p.address) for p in others)
        return reply

    for peer in peers:
        peer.answer = answer
    return peers
