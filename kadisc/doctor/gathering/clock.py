"""The facts of the clock: what the kernel is told by a time daemon, and the ``Date`` of HTTP
servers that the operator names, such as the RPC of the chain node.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import trio

from ...net.state.damage import reason_of
from ...text import one_line
from ...version import __version__
from ..machine import ClockFacts, ClockSource, Unknown
from ..setup import NodeSetup

ASK_S: Final = 4.0
MAX_HEAD_BYTES: Final = 16 << 10
_TIMEX_BYTES: Final = 512
"""More than struct timex has on any system."""
_TIME_ERROR: Final = 5
"""Of adjtimex(2): the clock is not synchronised."""


def is_synchronised() -> bool | None:
    """Whether a time daemon keeps the kernel's clock (adjtimex(2), changing nothing); None where
    the system does not tell.
    """
    if sys.platform != "linux":
        return None
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(
            ctypes.create_string_buffer(_TIMEX_BYTES)
        )
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


async def clock_facts(
    setup: NodeSetup, urls: Sequence[str], wall_s: Callable[[], float]
) -> ClockFacts | Unknown:
    """``wall_s``: the clock that is checked, in seconds since 1970."""
    sources: list[ClockSource] = []
    failed: list[tuple[str, str]] = []

    async def one(url: str) -> None:
        try:
            with trio.fail_after(ASK_S):
                told_s = await date_of(url)
        except trio.TooSlowError:
            failed.append((url, "no answer"))
        except (OSError, ValueError, trio.BrokenResourceError) as error:
            failed.append((url, one_line(reason_of(error))))
        else:
            sources.append(ClockSource(url, wall_s() - told_s))

    async with trio.open_nursery() as nursery:
        for url in urls:
            nursery.start_soon(one, url)
    saved_s = setup.sequence_ms / 1000
    return ClockFacts(
        tuple(sources),
        tuple(failed),
        is_synchronised(),
        wall_s() - saved_s if saved_s else None,
    )


async def date_of(url: str) -> float:
    """The ``Date`` of an HTTP server, in seconds since 1970. Raises OSError and ValueError."""
    parts = urlsplit(url)
    host = parts.hostname
    if parts.scheme != "http" or host is None:
        raise ValueError("expected http://HOST:PORT")
    stream = await trio.open_tcp_stream(host, parts.port or 80)
    async with stream:
        request = (
            f"HEAD / HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: kadisc/{__version__}\r\n"
            "Connection: close\r\n\r\n"
        )
        await stream.send_all(request.encode("ascii", "replace"))
        head = b""
        while b"\r\n\r\n" not in head and len(head) < MAX_HEAD_BYTES:
            chunk = await stream.receive_some(4096)
            if not chunk:
                break
            head += chunk
    for line in head.decode("latin-1").splitlines()[1:]:
        name, _, value = line.partition(":")
        if name.strip().lower() == "date":
            return parsedate_to_datetime(value.strip()).timestamp()
    raise ValueError("it sends no Date")
