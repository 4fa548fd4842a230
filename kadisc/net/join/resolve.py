"""Endpoints from ``HOST:PORT`` texts, numeric or by name."""

from __future__ import annotations

import socket

import trio

from ...endpoints import Endpoint, make_endpoint, split_host_port
from ...errors import KadiscError, UsageError

_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""The unspecified addresses, which a node that listens on all addresses reports; as a destination
they mean this machine.
"""


class Unresolved(KadiscError):
    """A name has no address at the moment; the text says why."""


def parse_host(text: str) -> Endpoint | None:
    """The endpoint in a numeric ``HOST:PORT``, or None where HOST is a name. Raises UsageError for
    anything else.
    """
    try:
        host, port = split_host_port(text)
        if port == 0:
            raise ValueError(f"a port to send to is 1 to 65535: {text!r}")
    except ValueError as error:
        raise UsageError(str(error)) from None
    try:
        return make_endpoint(_UNSPECIFIED.get(host, host), port)
    except ValueError:
        return None


async def resolve(text: str, timeout_s: float) -> tuple[Endpoint, ...]:
    """Every endpoint of ``HOST:PORT``, of both families, in the resolver's order. Raises UsageError
    where the text cannot be read, and Unresolved where no address is found in time.
    """
    numeric = parse_host(text)
    if numeric is not None:
        await trio.lowlevel.checkpoint()
        return (numeric,)
    host, port = split_host_port(text)
    try:
        with trio.fail_after(timeout_s):
            found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    except trio.TooSlowError:
        raise Unresolved(f"no name server answered for {host} within {timeout_s:g} s") from None
    except (OSError, UnicodeError) as error:
        raise Unresolved(f"the name {host} cannot be resolved ({_reason(error)})") from None
    # A dict, not a set: the order is the resolver's preference.
    return tuple(dict.fromkeys(make_endpoint(str(address[4][0]), port) for address in found))


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "not a valid name"
