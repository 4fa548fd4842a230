"""Which process has a lock or a port, as Linux tells it in /proc."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ...text import printable
from ..machine import HoldingProcess

PROC: Final = Path("/proc")
MAX_WORDS: Final = 60
MAX_TABLE_BYTES: Final = 16 << 20


def holder(pid: int) -> HoldingProcess:
    """A process with its command, as far as that may be read."""
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()[:4096]
    except OSError:
        return HoldingProcess(pid)
    words = " ".join(raw.decode("utf-8", "replace").split("\0")).strip()
    cut = words if len(words) <= MAX_WORDS else f"{words[: MAX_WORDS - 3]}..."
    return HoldingProcess(pid, printable(cut))


def lock_holder(path: Path) -> tuple[bool, HoldingProcess | None] | None:
    """Whether an flock is held on a file, and by whom; None where the system does not tell. Takes
    no lock itself, which would refuse a node that starts at this moment.
    """
    status = path.stat()
    try:
        table = (PROC / "locks").read_text("ascii", "replace")
    except OSError:
        return None
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in table.splitlines():
        words = line.split()
        # 1: FLOCK  ADVISORY  WRITE 27928 fe:00:2229647 0 EOF; with -> one that waits.
        if len(words) >= 6 and words[1] == "FLOCK" and words[5] == place:
            # 0, or -1, is a process of another PID namespace.
            pid = int(words[4]) if words[4].isdigit() else 0
            return True, holder(pid) if pid > 0 else None
    return False, None


class UdpRow:
    """A line of /proc/net/udp."""

    def __init__(self, line: str) -> None:
        """Raises ValueError for a line that is none."""
        words = line.split()
        if len(words) < 13:
            raise ValueError(f"no row of a socket: {line!r}")
        address, port = words[1].rsplit(":", 1)
        self.ip = _ip(address)
        self.port = int(port, 16)
        self.inode = int(words[9])
        self.drops = int(words[12])


def udp_rows(root: Path = PROC, process: str = "self") -> Iterator[UdpRow]:
    """The UDP sockets of the network namespace of a process. Raises OSError."""
    for name in ("udp", "udp6"):
        path = root / process / "net" / name
        try:
            with path.open("rb") as file:
                table = file.read(MAX_TABLE_BYTES).decode("ascii", "replace")
        except FileNotFoundError:
            if name == "udp":
                raise
            continue
        for line in table.splitlines()[1:]:
            try:
                yield UdpRow(line)
            except ValueError:
                continue


def _ip(text: str) -> bytes:
    """Linux writes words of 32 bits in the order of the machine."""
    raw = bytes.fromhex(text)
    words = [raw[at : at + 4] for at in range(0, len(raw), 4)]
    return b"".join(word[::-1] if _LITTLE else word for word in words)


_LITTLE: Final = sys.byteorder == "little"
_SOCKET: Final = re.compile(r"socket:\[(\d+)\]")


def owner_of_port(ip: bytes, port: int) -> HoldingProcess | None:
    """The process with a UDP socket in the way of one at this address; None where the system does
    not tell, as without the right to look at processes of others.
    """
    inodes = {
        row.inode
        for row in udp_rows()
        if row.port == port
        and len(row.ip) == len(ip)
        and (row.ip == ip or not any(row.ip) or not any(ip))
    }
    if not inodes:
        return None
    for folder in PROC.iterdir():
        if folder.name.isdigit() and _has_socket(folder / "fd", inodes):
            return holder(int(folder.name))
    return None


def _has_socket(files: Path, inodes: set[int]) -> bool:
    try:
        for each in files.iterdir():
            found = _SOCKET.fullmatch(str(each.readlink()))
            if found is not None and int(found[1]) in inodes:
                return True
    except OSError:
        pass  # of another user, or it has just ended
    return False
