"""What the checks of the machine must know of the node that they are made for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import msgspec

from ..config import Config
from ..endpoints import Endpoint, format_endpoint, make_endpoint, split_host_port
from ..net.api.node import Node
from ..net.config_file import services_of
from ..service_values import ServiceValue


class BufferSize(msgspec.Struct, frozen=True):
    """The receive buffer that the system gave to a socket, in bytes."""

    endpoint: str
    given: int


ELSEWHERE = -1
"""The process of a node in another PID namespace, as that of another container."""


class NodeSetup(msgspec.Struct, frozen=True, kw_only=True):
    """``pid``: of the running node, 0 where none runs, or `ELSEWHERE`. ``bind``: where it is to
    listen, empty for the default; ``endpoints``: where it listens; ``hosts``: the HOST:PORT that it
    joins by; ``contacts``: some nodes of its table; ``services``: those with a TCP port, as PORT,
    or HOST:PORT of another machine; ``sequence_ms``: that of its record, in milliseconds since 1970
    or later ones. ``knows_nodes``: the node has contacts, or has saved some, and needs no bootstrap
    node.
    """

    pid: int
    uptime_s: float
    network: str
    bind: list[str]
    endpoints: list[str]
    hosts: list[str]
    contacts: list[str]
    services: dict[str, str]
    buffer_bytes: int
    buffers: list[BufferSize]
    control_group: str | None
    sequence_ms: int
    allow_private: bool
    joined: bool
    knows_nodes: bool

    @property
    def is_running(self) -> bool:
        return bool(self.pid)


MAX_CONTACTS = 3
"""Of each family, of the running node, that its machine's path is tried with."""


def setup_of(node: Node) -> NodeSetup:
    """Of a node that runs in this process."""
    config, snapshot = node.config, node.snapshot()
    network = snapshot.peer_network
    entries = [
        entry
        for dht in snapshot.dhts
        for entry in sorted(
            (entry for bucket in dht.buckets for entry in bucket.entries),
            key=lambda entry: entry.verified_s_ago,
        )[:MAX_CONTACTS]
    ]
    return NodeSetup(
        pid=os.getpid(),
        uptime_s=round(node.uptime_s, 1),
        network=config.network,
        bind=list(config.bind),
        endpoints=[format_endpoint(each) for each in node.local_endpoints.values()],
        hosts=list(node.hosts),
        contacts=[format_endpoint(entry.contact.endpoint) for entry in entries],
        services=with_port(node.services),
        buffer_bytes=config.socket_buffer_bytes,
        buffers=[
            BufferSize(format_endpoint(port.local_endpoint), given)
            for port in node.pump.ports
            if (given := getattr(port, "receive_buffer_bytes", 0))
        ],
        control_group=config.control.group,
        sequence_ms=network.sequence if network is not None else 0,
        allow_private=config.core.allow_private,
        joined=any(dht.joined and dht.online for dht in snapshot.dhts),
        knows_nodes=any(dht.contacts for dht in snapshot.dhts),
    )


def setup_from(
    config: Config, bootstrap: Sequence[str], *, sequence_ms: int, knows_nodes: bool
) -> NodeSetup:
    """Of a node that would be opened with this configuration."""
    config = config.settled()
    hosts = bootstrap or (*config.bootstrap, *config.routers)
    return NodeSetup(
        pid=0,
        uptime_s=0.0,
        network=config.network,
        bind=list(config.bind),
        endpoints=[],
        hosts=list(dict.fromkeys((*config.peer, *hosts))),
        contacts=[],
        services=with_port(services_of(config)),
        buffer_bytes=config.socket_buffer_bytes,
        buffers=[],
        control_group=config.control.group,
        sequence_ms=sequence_ms,
        allow_private=config.core.allow_private,
        joined=False,
        knows_nodes=knows_nodes,
    )


def with_port(services: Mapping[str, ServiceValue]) -> dict[str, str]:
    """The services that have a port: at this machine, or as HOST:PORT at another."""
    return {name: str(value) for name, value in services.items() if not isinstance(value, bytes)}


def bound_endpoint(address: str) -> Endpoint:
    """Where a socket listens, or is to; port 1 stands for any. Raises ValueError."""
    host, port = split_host_port(address)
    return make_endpoint(host, port or 1)
