"""Programs on terminals of their own, which are read as fast as they are written to. Linux only: it
reads /proc.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


@contextlib.contextmanager
def on_terminal(
    words: Sequence[str], environment: Mapping[str, str], size: tuple[int, int]
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A program on a terminal of this many columns and lines, and the side of the terminal to read.
    It is asked to end at the end of the block.
    """
    ours, theirs = pty.openpty()
    columns, lines = size
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen(
        words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=environment,
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.terminate()
        with contextlib.suppress(OSError):  # the end of the terminal's other side
            read([ours], 2.0)
        process.wait()
        os.close(ours)


def read(terminals: Sequence[int], seconds: float) -> int:
    """Reads what the programs write for so long; returns how many bytes."""
    end, size = time.monotonic() + seconds, 0
    while (left := end - time.monotonic()) > 0:
        for terminal in select.select(terminals, [], [], left)[0]:
            size += len(os.read(terminal, 65536))
    return size


def cpu_s(pid: int) -> float:
    """Of all threads, those that ended included: user and system time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()  # from the 3rd on
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
