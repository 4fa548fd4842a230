"""``find``: the nodes closest to an ID. See ``kadisc find``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ...config.request_bounds import MAX_COUNT, MAX_K, MAX_PATHS
from ...core.contract.events import FoundNode
from ...endpoints import format_endpoint
from ...errors import UsageError
from ...ids import NodeId, format_id, parse_id
from ...net.oneshot.node_search import NodeSearch
from ...observe.clients import describe_client
from ..call import Call, Method, ProgressNews
from ..units import milliseconds, seconds

Count = Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]
K = Annotated[int, msgspec.Meta(ge=1, le=MAX_K)]
Paths = Annotated[int, msgspec.Meta(ge=1, le=MAX_PATHS)]


class FindParams(msgspec.Struct, forbid_unknown_fields=True):
    """``target``: 40 hex digits. ``k``: how many nodes; ``paths``: disjoint paths. ``partial``:
    send ``{"progress": {sent, answered, closest_bits, elapsed_s}}`` during the lookup.
    """

    target: str
    k: K = 8
    paths: Paths = 1
    partial: bool = False


class ClosestNode(msgspec.Struct):
    """``endpoint``: ``host`` and ``port`` in one, an IPv6 address in brackets. ``rtt_ms`` is null
    if only a retransmission was answered, ``client`` if it was not sent.
    """

    id: str
    endpoint: str
    host: str
    port: int
    rtt_ms: float | None
    client: str | None


class FindDocument(msgspec.Struct):
    """``nodes``: the closest first. ``queries``: datagrams sent. ``hops``: the length of the
    longest chain of answers that led to one of ``nodes``. ``suspicious``: more nodes were named
    near the target than the size of the network allows, so that some of ``nodes`` are probably an
    attacker's; ``region``: then further nodes that answered where the closest should be.
    """

    target: str
    nodes: list[ClosestNode]
    elapsed_s: float
    queries: int
    hops: int
    suspicious: bool = False
    region: list[ClosestNode] = []


async def _find(params: FindParams, call: Call) -> FindDocument:
    search = NodeSearch(call.node, target_from(params.target), params.k, params.paths)
    await call.carry_out(search)
    return FindDocument(
        format_id(search.target),
        [_closest_node(node) for node in search.nodes],
        seconds(search.elapsed_s),
        sum(result.queries for result in search.results),
        max((result.hops for result in search.results), default=0),
        search.suspicious,
        [_closest_node(node) for node in search.region],
    )


def target_from(text: str) -> NodeId:
    """Raises UsageError."""
    try:
        return parse_id(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _closest_node(node: FoundNode) -> ClosestNode:
    contact = node.contact
    return ClosestNode(
        format_id(contact.id),
        format_endpoint(contact.endpoint),
        contact.host,
        contact.port,
        milliseconds(node.rtt_s),
        describe_client(node.client),
    )


FIND = Method("find", FindParams, FindDocument, _find, partial=(ProgressNews,))
