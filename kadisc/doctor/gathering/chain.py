"""The fact of the chain node's ports, tried from this machine."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

import trio

from ...endpoints import Family, host_of, ip_of, split_host_port
from ...net.link.interfaces import source_address
from ..machine import ChainPort
from ..setup import NodeSetup, bound_endpoint

CONNECT_S: Final = 3.0


class Spoken(NamedTuple):
    """What a handshake told. ``problem``: None for a sound chain node."""

    problem: str | None
    words: str
    is_other_chain: bool


ShakeHands = Callable[[str, int], Awaitable[Spoken]]


async def chain_facts(setup: NodeSetup, shake: ShakeHands | None) -> tuple[ChainPort, ...]:
    """``shake``: the handshake of the chain, where it is known."""
    here = _hosts(setup)
    found: dict[str, ChainPort] = {}

    async def one(service: str, where: str) -> None:
        if ":" in where:
            host, port = split_host_port(where)
            found[service] = await _tried(service, where, port, [host], shake)
        else:
            found[service] = await _tried(service, where, int(where), here, shake)

    async with trio.open_nursery() as nursery:
        for service, where in setup.services.items():
            nursery.start_soon(one, service, where)
    return tuple(found[service] for service in setup.services)


def _hosts(setup: NodeSetup) -> Sequence[str]:
    """Where the chain node may listen: this machine's own addresses."""
    bound = [
        host_of(endpoint)
        for text in setup.endpoints or setup.bind
        if any(ip_of(endpoint := bound_endpoint(text)))
    ]
    sources = [source for family in Family if (source := source_address(family)) is not None]
    return list(dict.fromkeys((*bound, "127.0.0.1", "::1", *sources)))


async def _tried(
    service: str, where: str, port: int, hosts: Sequence[str], shake: ShakeHands | None
) -> ChainPort:
    problem = (
        f"{where} accepts no connection of this machine"
        if ":" in where
        else "no address of this machine accepts a connection there"
    )
    for host in hosts:
        if (refusal := await _refusal(host, port)) is not None:
            if refusal and "refused" not in refusal:
                problem = f"{host} port {port}: {refusal}"
            continue
        if shake is None:
            return ChainPort(service, where, speaks="accepts connections")
        spoken = await shake(host, port)
        return ChainPort(service, where, spoken.problem, spoken.words, spoken.is_other_chain)
    return ChainPort(service, where, problem)


async def _refusal(host: str, port: int) -> str | None:
    """Why no connection was made; None where one was, which is closed at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with trio.fail_after(CONNECT_S), trio.socket.socket(family, socket.SOCK_STREAM) as sock:
            await sock.connect((host, port))
    except trio.TooSlowError:
        return "no answer"
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return None
