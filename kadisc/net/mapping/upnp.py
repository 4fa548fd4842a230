"""UPnP, where the operator asks for it: the router is found by one multicast datagram, and spoken
to by a process of its own (`upnp_child.py`), which can be killed.

Attack: every host of the LAN hears the search and may answer it, with the address of a description
anywhere. Defence: an answer counts only from the gateway of the default route, and only with an
address of plain HTTP at that gateway. What the process says is checked as bytes from the network.
"""

from __future__ import annotations

import contextlib
import importlib.util
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import trio

from ...errors import UsageError
from . import upnp_child
from .asking import UPNP, Outcome
from .results import MAX_LEASE_S, SILENT, Grant, MappingRequest, Refusal, grant_of
from .router_access import Location, bound_socket

SSDP: Final = ("239.255.255.250", 1900)
SEARCH: Final = (
    b"M-SEARCH * HTTP/1.1\r\n"
    b"HOST: 239.255.255.250:1900\r\n"
    b'MAN: "ssdp:discover"\r\n'
    b"MX: 1\r\n"
    b"ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
    b"\r\n"
)
SEARCH_S: Final = 2.0
_MAX_ANSWERS: Final = 64
_MAX_ANSWER_BYTES: Final = 2048
CHILD: Final = (sys.executable, "-I", str(Path(upnp_child.__file__)))
"""The file, not the module: so it needs no folder of kadisc's on the path of modules, which an
isolated Python may not have.
"""
CHILD_S: Final = 10.0
OTHER_PORTS: Final = 4
_RANDOM_PORTS: Final = (20_000, 60_000)
_PERMANENT_S: Final = 3600
"""A permanent mapping that could not be written again for so long counts as lost."""


class UpnpRouter:
    """Asks the router of a location. ``child``: the command of the process."""

    def __init__(self, rng: Random, child: Sequence[str] = CHILD) -> None:
        self._rng = rng
        self._child = tuple(child)
        self._urls: dict[str, str] = {}
        """The description of the last router that granted a mapping, by its address."""

    async def ask(self, location: Location, request: MappingRequest) -> Outcome:
        """Makes or renews a mapping. Raises nothing that a router or the process causes."""
        known = self._urls.get(location.gateway)
        if known is not None:
            outcome = outcome_of(await self._run(known, location, request), request)
            if isinstance(outcome, Grant) or outcome.code == "refused":
                return outcome
        url = await search(location)
        if url is None:
            return Refusal(UPNP, SILENT, f"{location.gateway} does not answer by UPnP")
        outcome = outcome_of(await self._run(url, location, request), request)
        if isinstance(outcome, Grant):
            self._urls = {location.gateway: url}
        return outcome

    async def delete(self, location: Location, request: MappingRequest) -> None:
        """Ends a mapping, where its router was found before."""
        url = self._urls.get(location.gateway)
        if url is not None:
            await self._run(url, location, request, delete=True)

    async def _run(
        self, url: str, location: Location, request: MappingRequest, *, delete: bool = False
    ) -> dict[str, Any]:
        ports = [request.external]
        ports += [self._rng.randrange(*_RANDOM_PORTS) for _ in range(OTHER_PORTS)]
        document = {
            "url": url,
            "gateway": location.gateway,
            "protocol": request.protocol.upper(),
            "internal": request.internal,
            "ports": ports,
            "lease_s": request.lease_s,
            "delete": delete,
        }
        answer = await run_child(self._child, document)
        return answer | {"ports": ports}


_ERRORS: Final = frozenset(
    {
        *("no-library", "location", "description", "control-url", "refused", "request"),
        *("process", "too-long", "timeout", "no-answer"),
    }
)
"""The words for counters: those of the process, and of what becomes of it."""


def outcome_of(answer: dict[str, Any], request: MappingRequest) -> Outcome:
    """What the answer of the process comes to, whatever object it is. ``ports`` in it is this
    node's own: those that were asked for.
    """
    if "error" in answer:
        word = answer["error"]
        if not isinstance(word, str) or word not in _ERRORS:
            word = "malformed"
        return Refusal(UPNP, word, f"UPnP: {_printable(answer.get('reason'))}")
    external, lease_s = answer.get("external"), answer.get("lease_s")
    is_known = external in answer["ports"] and lease_s in (0, request.lease_s)
    # By the exact type: true is 1 in Python.
    if type(external) is not int or type(lease_s) is not int or not is_known:
        return Refusal(UPNP, "malformed", "UPnP: its process gave no usable answer")
    ip = _ip_in(answer.get("ip"))
    if lease_s == 0:
        return Grant(UPNP, external, ip, float(_PERMANENT_S), is_permanent=True)
    return grant_of(UPNP, external, ip, min(lease_s, MAX_LEASE_S))


def check_library() -> None:
    """Raises UsageError where UPnP cannot work here."""
    if not hasattr(os, "killpg"):
        raise UsageError("UPnP needs process groups, which this system does not have")
    if importlib.util.find_spec("miniupnpc") is None:
        raise UsageError(
            "UPnP needs the package miniupnpc: install kadisc with its extra upnp, or leave UPnP"
            " out; PCP and NAT-PMP need neither"
        )


async def search(location: Location) -> str | None:
    """The URL of the router's description; None where the router does not answer in 2 s. Sends one
    datagram.
    """
    with contextlib.suppress(OSError), contextlib.closing(bound_socket(location)) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, location.source)
        sock.sendto(SEARCH, SSDP)
        with trio.move_on_after(SEARCH_S):
            for _ in range(_MAX_ANSWERS):
                await trio.lowlevel.wait_readable(sock)
                with contextlib.suppress(BlockingIOError):
                    payload, source = sock.recvfrom(_MAX_ANSWER_BYTES)
                    url = location_in(payload, source[0], location.gateway)
                    if url is not None:
                        return url
    return None


def location_in(payload: bytes, source: str, gateway: str) -> str | None:
    """The LOCATION of an answer to the search; None unless it comes from the gateway and is at
    it.
    """
    if source != gateway or not payload.startswith(b"HTTP/1.1 200"):
        return None
    for line in payload.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"location":
            url = value.strip().decode("ascii", "replace")
            return url if upnp_child.is_at(url, gateway) else None
    return None


async def run_child(command: Sequence[str], document: dict[str, Any]) -> dict[str, Any]:
    """Gives a process one line and returns the object in its answer, or one with ``error``. It and
    all that it has started are killed after 10 s, and when the caller is cancelled.
    """
    try:
        process = await trio.lowlevel.open_process(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            start_new_session=True,
        )
    except OSError as error:
        return {"error": "process", "reason": f"its process cannot be started: {error}"}
    line = b""
    try:
        with trio.move_on_after(CHILD_S) as limit:
            line = await _talk(process, json.dumps(document).encode() + b"\n")
    finally:
        # Before it is waited for: until then its number, which is that of its group, is its own.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with trio.CancelScope(shield=True):
            await process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    await pipe.aclose()
    if limit.cancelled_caught:
        return {"error": "timeout", "reason": f"its process took more than {CHILD_S:g} s"}
    if len(line) > upnp_child.MAX_LINE_BYTES:
        return {"error": "too-long", "reason": "its process said more than 4 kB"}
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return {"error": "no-answer", "reason": "its process gave no answer"}
    return answer if isinstance(answer, dict) else {"error": "no-answer", "reason": "no object"}


async def _talk(process: trio.Process, line: bytes) -> bytes:
    """What the process says, up to its end of output or a little more than 4 kB."""
    assert process.stdin is not None and process.stdout is not None
    said = b""
    with contextlib.suppress(trio.BrokenResourceError):
        await process.stdin.send_all(line)
    await process.stdin.aclose()
    with contextlib.suppress(trio.BrokenResourceError):
        while len(said) <= upnp_child.MAX_LINE_BYTES:
            some = await process.stdout.receive_some(upnp_child.MAX_LINE_BYTES)
            if not some:
                break
            said += some
    return said


def _ip_in(text: object) -> bytes | None:
    try:
        return ipaddress.IPv4Address(text).packed if isinstance(text, str) else None
    except ValueError:
        return None


def _printable(text: object) -> str:
    """A reason of the process, which may hold what a router said."""
    words = "".join(c if c.isascii() and c.isprintable() else "?" for c in str(text))
    return words[:200]
