"""``announce``: announces a peer under an info-hash, once (BEP 5). See ``kadisc announce``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from ...contacts import Contact
from ...core.contract.events import StoreRefusal
from ...endpoints import format_endpoint
from ...ids import format_id
from ...net.oneshot.peer_search import AnnounceSearch
from ..call import Call, Method, ProgressNews
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


class RefusingNode(msgspec.Struct):
    """``code`` and ``text``: of its error (BEP 5, BEP 44)."""

    id: str
    endpoint: str
    host: str
    port: int
    code: int
    text: str


class AnnounceDocument(msgspec.Struct):
    """``stored``: the nodes that confirmed it, closest first. ``queries``: datagrams sent.
    ``refused``: the nodes that answered with an error; ``unanswered``: those that were asked to
    store it and did not answer.
    """

    infohash: str
    port: int
    stored: list[StoringNode]
    elapsed_s: float
    queries: int
    refused: list[RefusingNode]
    unanswered: list[StoringNode]


async def _announce(params: AnnounceParams, call: Call) -> AnnounceDocument:
    search = AnnounceSearch(
        call.node, target_from(params.infohash), params.port, implied_port=params.implied_port
    )
    await call.carry_out(search)
    if (failure := search.failure()) is not None:
        raise failure
    return AnnounceDocument(
        format_id(search.target),
        params.port,
        storing_nodes(search.stored),
        seconds(search.elapsed_s),
        search.queries,
        refusing_nodes(search.refused),
        storing_nodes(search.unanswered),
    )


def storing_nodes(contacts: Iterable[Contact]) -> list[StoringNode]:
    return [
        StoringNode(format_id(each.id), format_endpoint(each.endpoint), each.host, each.port)
        for each in contacts
    ]


def refusing_nodes(refused: Iterable[StoreRefusal]) -> list[RefusingNode]:
    return [
        RefusingNode(
            format_id(each.contact.id),
            format_endpoint(each.contact.endpoint),
            each.contact.host,
            each.contact.port,
            each.code,
            each.text,
        )
        for each in refused
    ]


ANNOUNCE = Method(
    "announce", AnnounceParams, AnnounceDocument, _announce, partial=(ProgressNews,), writes=True
)
