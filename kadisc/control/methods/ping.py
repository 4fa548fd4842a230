"""``ping``: the ID, client and round-trip time of the node at an address."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import trio

from ...config.request_bounds import MAX_PINGED
from ...endpoints import Endpoint, family_of, format_endpoint
from ...errors import NoAnswer, QueryFailed
from ...ids import format_id
from ...net.api.node import Node
from ...net.api.results import Pong
from ...net.join.resolve import resolve
from ...net.transport.nurseries import open_flat_nursery
from ...observe.clients import describe_client
from ..call import Call, Method
from ..units import milliseconds


class PingParams(msgspec.Struct, forbid_unknown_fields=True):
    """``host``: HOST:PORT, a name or an address. All addresses of a name, at most 8, are tried at
    once; the first answer counts.
    """

    host: str


class PingDocument(msgspec.Struct):
    """``endpoint``: the address that answered. ``seen_as``: the external address of this node as
    that node sees it. ``client`` and ``seen_as`` are null if the answer has none.
    """

    id: str
    client: str | None
    rtt_ms: float
    seen_as: str | None
    endpoint: str


async def _ping(params: PingParams, call: Call) -> PingDocument:
    endpoints = await resolve(params.host, call.node.config.resolve_timeout_s)
    pong = await _first_answer(call.node, endpoints)
    return PingDocument(
        format_id(pong.contact.id),
        describe_client(pong.client),
        milliseconds(pong.rtt_s),
        format_endpoint(pong.seen_as) if pong.seen_as is not None else None,
        format_endpoint(pong.contact.endpoint),
    )


async def _first_answer(node: Node, endpoints: Sequence[Endpoint]) -> Pong:
    usable = [endpoint for endpoint in endpoints if family_of(endpoint) in node.own_ids]
    usable = usable[:MAX_PINGED]
    if not usable:
        raise NoAnswer(
            f"this node has no socket for the address family of {format_endpoint(endpoints[0])}"
        )
    pongs: list[Pong] = []
    failures: list[QueryFailed] = []

    async def ask(endpoint: Endpoint, scope: trio.CancelScope) -> None:
        try:
            pongs.append(await node.ping_details(endpoint))
            scope.cancel()
        except QueryFailed as error:
            failures.append(error)

    async with open_flat_nursery() as nursery:
        for endpoint in usable:
            nursery.start_soon(ask, endpoint, nursery.cancel_scope)
    if not pongs:
        raise failures[0]
    return pongs[0]


PING = Method("ping", PingParams, PingDocument, _ping)
