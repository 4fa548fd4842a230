"""``announce``: announces a peer under an info-hash, once (BEP 5). See ``kadisc announce``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ...contacts import Contact
from ...endpoints import format_endpoint
from ...errors import NoAnswer
from ...ids import format_id
from ...net.oneshot.peer_search import AnnounceSearch
from ...observe.describe import count
from ..call import Call, Method
from ..units import seconds
from .find import target_from


class AnnounceParams(msgspec.Struct, forbid_unknown_fields=True):
    """``infohash``: 40 hex digits; ``port``: where the peer listens. With ``implied_port`` the
    nodes store the source port of the datagrams instead. ``partial``: send ``{"progress": ...}`` as
    `find` does.
    """

    infohash: str
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    implied_port: bool = False
    partial: bool = False


class StoringNode(msgspec.Struct):
    """``endpoint``: ``host`` and ``port`` in one, an IPv6 address in brackets."""

    id: str
    endpoint: str
    host: str
    port: int


def storing_node(contact: Contact) -> StoringNode:
    return StoringNode(
        format_id(contact.id), format_endpoint(contact.endpoint), contact.host, contact.port
    )


class AnnounceDocument(msgspec.Struct):
    """``stored``: the nodes that confirmed it, closest first. ``queries``: datagrams sent."""

    infohash: str
    port: int
    stored: list[StoringNode]
    elapsed_s: float
    queries: int


async def _announce(params: AnnounceParams, call: Call) -> AnnounceDocument:
    search = AnnounceSearch(
        call.node, target_from(params.infohash), params.port, implied_port=params.implied_port
    )
    await call.carry_out(search)
    if not search.stored:
        raise NoAnswer(
            f"{count(search.answered, 'node')} answered, but none stored the announce; try again"
        )
    stored = [storing_node(contact) for contact in search.stored]
    return AnnounceDocument(
        format_id(search.target), params.port, stored, seconds(search.elapsed_s), search.queries
    )


ANNOUNCE = Method("announce", AnnounceParams, AnnounceDocument, _announce)
