"""Endpoints from ``HOST:PORT`` texts, numeric or by name."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress

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
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        # RuntimeError: trio resolves in a thread, and the system has none left.
        raise Unresolved(f"the name {host} cannot be resolved ({_reason(error)})") from None
    # A dict, not a set: the order is the resolver's preference.
    endpoints = dict.fromkeys(_endpoints_in([str(address[4][0]) for address in found], port))
    if not endpoints:
        raise Unresolved(f"the name {host} has no address that a datagram can be sent to")
    return tuple(endpoints)


def _endpoints_in(addresses: Sequence[str], port: int) -> Iterator[Endpoint]:
    for address in addresses:
        # What is no numeric address, as some resolvers of other systems return it.
        with suppress(ValueError):
            yield make_endpoint(address, port)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if isinstance(error, ValueError):
        return "not a valid name"
    return " ".join(str(error).split()) or type(error).__name__
