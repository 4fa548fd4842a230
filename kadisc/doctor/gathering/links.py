"""The facts of routes, sockets to bind, names, and the way to other nodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import trio

from ...config import DEFAULT_PORT
from ...endpoints import (
    Endpoint,
    Family,
    Scope,
    family_of,
    format_endpoint,
    ip_of,
    parse_endpoint,
    port_of,
    scope_of,
)
from ...errors import AddressInUse, BindError
from ...net.join.resolve import Unresolved, parse_host, resolve
from ...net.link.interfaces import LinkUnreadable, source_address, system_tables
from ...net.mapping.gateway import default_gateway
from ...net.transport.udp import bind_udp
from ..machine import (
    AskedNode,
    BindFacts,
    HoldingProcess,
    NamedHost,
    PathFacts,
    ResolverFacts,
    RouteFacts,
    Unknown,
)
from ..mtu import LONG, SHORT
from ..setup import NodeSetup, bound_endpoint
from .asking import ask_all
from .processes import owner_of_port

RESOLV_CONF: Final = Path("/etc/resolv.conf")
RESOLVE_S: Final = 5.0
MAX_HOSTS: Final = 16
MAX_ADDRESSES: Final = 4
"""Of one name that are asked."""
LENGTHS: Final = (SHORT, 750, 1000, LONG)
EVERYWHERE: Final = ("0.0.0.0", "::")


def places(setup: NodeSetup) -> list[tuple[str, bool]]:
    """The addresses that the node is to listen at, and whether another port would do too."""
    if setup.bind:
        return [(address, False) for address in setup.bind]
    return [(f"0.0.0.0:{DEFAULT_PORT}", True), (f"[::]:{DEFAULT_PORT}", True)]


def bind_facts(setup: NodeSetup) -> tuple[BindFacts, ...]:
    """Whether the node that would be opened can have its sockets, each of which is closed again; of
    one that runs, whether it has another port than it was to have. Blocks.
    """
    return tuple(
        fact
        for address, has_fallback in places(setup)
        if (
            fact := _as_it_runs(setup, address)
            if setup.is_running
            else _tried(setup, address, has_fallback=has_fallback)
        )
        is not None
    )


def _tried(setup: NodeSetup, address: str, *, has_fallback: bool) -> BindFacts | None:
    try:
        bind_udp(address, max_datagram_bytes=2048, socket_buffer_bytes=setup.buffer_bytes).close()
    except AddressInUse as error:
        return BindFacts(
            address, str(error), _holder(address), is_taken=True, is_fallback=has_fallback
        )
    except BindError as error:
        if has_fallback and address.startswith("["):
            return None  # a machine without IPv6
        return BindFacts(address, str(error))
    return BindFacts(address)


def _as_it_runs(setup: NodeSetup, address: str) -> BindFacts | None:
    meant = parse_endpoint_or_none(address)
    if meant is None or not port_of(meant):
        return None
    for text in setup.endpoints:
        has = parse_endpoint(text)
        if family_of(has) is family_of(meant) and port_of(has) != port_of(meant):
            return BindFacts(address, "taken", _holder(address), is_taken=True, is_fallback=True)
    return None


def parse_endpoint_or_none(address: str) -> Endpoint | None:
    try:
        return parse_endpoint(address)
    except ValueError:
        return None


def _holder(address: str) -> HoldingProcess | None:
    endpoint = bound_endpoint(address)
    try:
        return owner_of_port(ip_of(endpoint), port_of(endpoint))
    except OSError:
        return None


def route_facts(setup: NodeSetup) -> tuple[RouteFacts, ...]:
    """Of each family that the node is bound in, or would be. Sends nothing."""
    bound = setup.endpoints or [address for address, _ in places(setup)]
    found = []
    for text in bound:
        endpoint = bound_endpoint(text)
        family = family_of(endpoint)
        gateway = default_gateway(family)
        scope = scope_of(endpoint)
        is_everywhere = not any(ip_of(endpoint))
        found.append(
            RouteFacts(
                family,
                source_address(family),
                is_explicit=bool(setup.bind),
                needs_none=not is_everywhere
                and (scope is Scope.LOOPBACK or (setup.allow_private and scope is Scope.PRIVATE)),
                interface=gateway.interface if gateway is not None else None,
                bound=text,
            )
        )
    return tuple(found)


def has_way_out(setup: NodeSetup) -> bool:
    """Whether any datagram of the node may get anywhere."""
    return any(each.source is not None or each.needs_none for each in route_facts(setup))


async def resolver_facts(setup: NodeSetup) -> ResolverFacts:
    found: dict[str, NamedHost] = {}

    async def one(host: str) -> None:
        try:
            endpoints = await resolve(host, RESOLVE_S)
        except Unresolved as error:
            found[host] = NamedHost(host, problem=str(error))
            return
        addresses = tuple(format_endpoint(each) for each in endpoints)
        found[host] = NamedHost(host, addresses, is_numeric=parse_host(host) is not None)

    hosts = setup.hosts[:MAX_HOSTS]
    async with trio.open_nursery() as nursery:
        for host in hosts:
            nursery.start_soon(one, host)
    servers = await trio.to_thread.run_sync(_name_servers, abandon_on_cancel=True)
    return ResolverFacts(tuple(found[host] for host in hosts if host in found), servers)


def _name_servers() -> tuple[str, ...]:
    try:
        lines = RESOLV_CONF.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    return tuple(
        words[1] for line in lines if len(words := line.split()) > 1 and words[0] == "nameserver"
    )[:3]


async def bootstrap_facts(setup: NodeSetup, resolver: ResolverFacts) -> tuple[AskedNode, ...]:
    families = {family_of(parse_endpoint(each)) for each in setup.endpoints} or set(Family)
    hosts = [
        (each.host, endpoint)
        for each in resolver.hosts
        for text in each.addresses[:MAX_ADDRESSES]
        if family_of(endpoint := parse_endpoint(text)) in families
    ]
    answers = await ask_all([endpoint for _, endpoint in hosts])
    return tuple(
        AskedNode(
            host,
            format_endpoint(endpoint),
            answer if isinstance(answer, float) else None,
            answer if isinstance(answer, str) else None,
        )
        for (host, endpoint), answer in zip(hosts, answers, strict=True)
    )


async def path_facts(endpoints: Sequence[str]) -> PathFacts | Unknown:
    """``endpoints``: of nodes that answer."""
    if not endpoints:
        return Unknown("no node answered that could be asked")
    asked = [parse_endpoint(each) for each in endpoints][:MAX_ADDRESSES]
    answered: dict[int, int] = {}

    async def of_length(length: int) -> None:
        answered[length] = sum(isinstance(each, float) for each in await ask_all(asked, length))

    async with trio.open_nursery() as nursery:
        for length in LENGTHS:
            nursery.start_soon(of_length, length)
    gateway = default_gateway(family_of(asked[0]))
    interface = gateway.interface if gateway is not None else None
    return PathFacts(len(asked), dict(sorted(answered.items())), interface, _mtu_of(interface))


def _mtu_of(interface: str | None) -> int | None:
    try:
        _, states = system_tables()
    except LinkUnreadable:
        return None
    state = states.get(interface or "")
    return state.mtu if state is not None else None
