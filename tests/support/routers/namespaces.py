"""Network namespaces by name, inside those of a scenario."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..namespaces import NAMESPACES

ROUTER_NAMESPACES = [*NAMESPACES, "--mount", "--mount-proc"]
"""`ip netns` keeps names in the file system, so that a scenario also has mounts of its own."""
TRIAL = (
    "mount -t tmpfs none /run && mkdir /run/netns && ip netns add trial && ip -n trial link add x"
    " type bridge && ip netns exec trial ip link set lo up"
)
"""Shell commands that need what the internet needs."""
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def run(*command: str, given: str | None = None) -> str:
    """What a command prints. Raises RuntimeError with what it complains of."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, input=given)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Namespace:
    def __init__(self, name: str) -> None:
        self.name = name
        run("ip", "netns", "add", name)
        self.ip("link", "set", "lo", "up")

    @property
    def within(self) -> Sequence[str]:
        """Before a command that runs in this namespace."""
        return ("ip", "netns", "exec", self.name)

    def run(self, *command: str, given: str | None = None) -> str:
        return run(*self.within, *command, given=given)

    def ip(self, *arguments: str) -> str:
        return run("ip", "-n", self.name, *arguments)

    def sysctl(self, *settings: str) -> None:
        self.run("sysctl", "-qw", *settings)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread is in the namespace; a socket that is made meanwhile stays there."""
        here, there = Path("/proc/thread-self/ns/net"), Path(f"/run/netns/{self.name}")
        with here.open() as outside, there.open() as own:
            _enter(own.fileno())
            try:
                yield
            finally:
                _enter(outside.fileno())


def _enter(file: int) -> None:
    if LIBC.setns(file, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")
