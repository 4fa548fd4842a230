"""One newcomer of `discover.py`: a process is started, and each peer that it names is noted with
the time since its start and the bytes until then.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .sides import NETWORK, Side, environment
from .world import Bytes, World

ASK_AGAIN_S = 0.05
"""A request at the control socket that ended before all peers were there is made again after so
long, as is an attempt to connect...
"""
CONNECT_AGAIN_S = 0.005
"""...after this."""
GRACE_S = 2.0
"""A newcomer that was told to end has so long, then it is killed."""


class Point(NamedTuple):
    """Since the start of the process; ``cpu_s`` is its processor time, user and system."""

    seconds: float
    cpu_s: float
    bytes: Bytes


@dataclass
class Found:
    """What a newcomer found: for each member of the network, in order, when; and how many peers it
    named that have ended, or that are none of the network.
    """

    members: list[Point] = field(default_factory=list)
    dead: int = 0
    others: int = 0
    fault: str = ""

    def at(self, count: int) -> Point | None:
        return self.members[count - 1] if len(self.members) >= count else None


class Lines:
    """Whole lines from a descriptor; it blocks for at most the given time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self.ended = False
        os.set_blocking(descriptor, False)

    def read(self, within_s: float) -> list[str]:
        if not select.select([self._descriptor], [], [], max(0.0, within_s))[0]:
            return []
        try:
            chunk = os.read(self._descriptor, 1 << 16)
        except BlockingIOError:
            return []
        except OSError:
            chunk = b""
        self.ended = not chunk
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [line.decode(errors="replace") for line in lines if line.strip()]


def output_of(process: subprocess.Popen[bytes], until: float) -> Iterator[str]:
    assert process.stdout is not None
    lines = Lines(process.stdout.fileno())
    while not lines.ended and (left_s := until - time.monotonic()) > 0:
        yield from lines.read(left_s)


def answers_at_socket(
    path: Path, method: str, count: int, process: subprocess.Popen[bytes], until: float
) -> Iterator[str]:
    """The peers that the running node names as `kadisc_newcomer.py` prints them. Connects as soon
    as the socket is there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        while time.monotonic() < until and process.poll() is None:
            try:
                sock.connect(str(path))
                break
            except OSError:
                time.sleep(CONNECT_AGAIN_S)
        else:
            return
        lines, request_id = Lines(sock.fileno()), 0
        while time.monotonic() < until and not lines.ended:
            request_id += 1
            params = {"network": NETWORK}
            params |= (
                {"window": count} if method == "follow_peers" else {"count": count, "partial": True}
            )
            asked = {"jsonrpc": "2.0", "id": request_id, "method": method}
            sock.sendall(json.dumps(asked | {"params": params}).encode() + b"\n")
            yield from answers_to_one(lines, until)
            time.sleep(ASK_AGAIN_S)


def answers_to_one(lines: Lines, until: float) -> Iterator[str]:
    """Until the request has ended."""
    while not lines.ended and (left_s := until - time.monotonic()) > 0:
        for line in lines.read(left_s):
            message = json.loads(line)
            if message.get("method") != "$/partial":
                return
            peer = message["params"]["value"].get("peer")
            if peer is not None and peer.get("proven", True):
                yield json.dumps({"peer": peer["host"]})


def measure(
    world: World,
    side: Side,
    bootstrap: str,
    *,
    wanted: int,
    within_s: float,
    classify: Callable[[str], str],
    home: Path,
    is_shared: bool,
) -> Found:
    """``classify``: "member", "dead" or "other" for what a newcomer called a peer."""
    launch = side.launch(bootstrap, home)
    found, seen = Found(), set[str]()
    with (home / "stderr").open("wb") as errors:
        started = time.monotonic()
        process = world.spawn(
            launch.command,
            env=environment(launch, home, is_shared=is_shared),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if side.asks_socket else subprocess.PIPE,
            stderr=errors,
        )
        try:
            until = started + within_s
            lines = (
                answers_at_socket(
                    home / "state" / "control.sock", side.method, wanted, process, until
                )
                if side.asks_socket
                else output_of(process, until)
            )
            for line in lines:
                peer = side.peer_in(line)
                if peer is None or peer in seen:
                    continue
                seen.add(peer)
                what = classify(peer)
                if what == "member":
                    seconds = time.monotonic() - started
                    found.members.append(Point(seconds, cpu_s(process), world.bytes()))
                elif what == "dead":
                    found.dead += 1
                else:
                    found.others += 1
                if len(found.members) >= wanted:
                    break
        finally:
            end(process)
    if len(found.members) < wanted:
        found.fault = last_words(home / "stderr")
    return found


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """0 where it has ended meanwhile."""
    try:
        return time.clock_gettime(~process.pid << 3 | 2)  # CPUCLOCK_SCHED of it
    except OSError:
        return 0.0


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
    if process.poll() is None:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def last_words(path: Path) -> str:
    """The last line in which there is a word, or the last that names an error."""
    lines = [line.strip(" |") for line in path.read_text(errors="replace").splitlines()]
    lines = [line for line in lines if any(character.isalpha() for character in line)]
    errors = [line for line in lines if "Error" in line.split(":")[0]]
    return (errors or lines or [""])[-1]
