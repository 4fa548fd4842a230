"""The world of `discover.py`: a namespace in which every address of 45.0.0.0/8 is at home, for the
standing nodes, and one behind the relay for the newcomers. Neither reaches anything else.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline import Program

from .relay import COUNTERS

UNBOUND = "45.255.255.254"
"""The source of what standing nodes send from sockets that are bound to no address."""
SETUP = (
    f"ip link set lo up && ip addr add {UNBOUND}/32 dev lo"
    f" && ip route add local 45.0.0.0/8 dev lo src {UNBOUND}"
)
"""Shell commands for `offline.enter`. No interface has the addresses of standing nodes: libtorrent
would listen on that interface alone, and newcomers come in through another one.
"""
TRIAL = f"{SETUP} && ip tuntap add tun0 mode tun"
"""Shell commands that need what the world needs."""
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Conditions:
    rtt_s: float
    loss: float
    nat: str
    seed: int


@dataclass(frozen=True)
class Bytes:
    """Of the newcomer, whole IP packets."""

    sent: int
    received: int


def standing_host(number: int) -> str:
    """The address of a standing node, in a /16 of its own."""
    return f"45.{1 + number % 255}.{number // 255}.{1 + number * 37 % 250}"


def newcomer_host(number: int) -> str:
    """The address of a newcomer, in a /16 of its own."""
    return f"{46 + number // 256}.{number % 256}.0.{1 + number * 11 % 250}"


class World:
    """``folder``: scratch files."""

    def __init__(self, conditions: Conditions, folder: Path) -> None:
        self.folder = folder
        counters = folder / "counters"
        counters.write_bytes(bytes(COUNTERS.size))
        with counters.open("r+b") as file:
            self._counters = mmap.mmap(file.fileno(), COUNTERS.size)
        self._relay = Program(
            *(sys.executable, "-m", "discovery.relay"),
            *("--rtt", str(conditions.rtt_s), "--loss", str(conditions.loss)),
            *("--nat", conditions.nat, "--seed", str(conditions.seed)),
            *("--counters", str(counters)),
            cwd=HERE.parent,
            preexec_fn=end_with_parent,
        )
        try:
            self._relay.read("ready")
            network = f"/proc/{self._relay.process.pid}/ns/net"
            self._network = os.open(network, os.O_RDONLY | os.O_CLOEXEC)
        except BaseException:
            self._relay.close()
            raise

    def next_newcomer(self, number: int) -> None:
        """From now on the newcomers' namespace has the address of this one, and nothing is counted
        yet.
        """
        self._relay.ask(ask="newcomer", address=newcomer_host(number))

    def silence(self, hosts: Sequence[str]) -> None:
        self._relay.ask(ask="silence", hosts=list(hosts))

    def bytes(self) -> Bytes:
        sent, received, _, _ = COUNTERS.unpack_from(self._counters, 0)
        return Bytes(sent, received)

    def lateness_ms(self) -> float:
        """By how much the relay passed packets on later than it should have, in the mean."""
        _, _, packets, microseconds = COUNTERS.unpack_from(self._counters, 0)
        return float(microseconds) / 1e3 / max(1, packets)

    def spawn(self, command: Sequence[str], **popen: Any) -> subprocess.Popen[bytes]:
        """Starts a program in the newcomers' namespace."""

        def enter() -> None:
            end_with_parent()
            if LIBC.setns(self._network, CLONE_NEWNET) != 0:
                os._exit(126)

        return subprocess.Popen(command, preexec_fn=enter, **popen)

    def close(self) -> None:
        os.close(self._network)
        self._relay.close()


LIBC = ctypes.CDLL(None)


def end_with_parent() -> None:
    """The kernel ends this process when the one that started it has ended. A Ctrl-C on the terminal
    does not reach it.
    """
    os.setsid()
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
