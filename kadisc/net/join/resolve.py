"""From what an operator typed to endpoints."""

from __future__ import annotations

import socket

import trio

from ...endpoints import Endpoint, make_endpoint, split_host_port
from ...errors import KadiscError, UsageError

_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""What a node reports that listens everywhere; as a destination it means this machine."""


class Unresolved(KadiscError):
    """A name leads to no address, for now."""


def parse_host(text: str) -> Endpoint | None:
    """The endpoint in a numeric ``HOST:PORT``, or None where HOST is a name; raises UsageError for
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
    """Every endpoint behind ``HOST:PORT``, of both families, in the resolver's order.

    Raises UsageError where the text cannot be read, and Unresolved with a reason in words where no
    address is found in time.
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
    return (
        error.strerror.lower()
        if isinstance(error, OSError) and error.strerror
        else "not a valid name"
    )
