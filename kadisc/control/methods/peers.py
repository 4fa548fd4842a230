"""``peers``: the peers announced under an info-hash (BEP 5). See ``kadisc peers``."""

from __future__ import annotations

import msgspec

from ...endpoints import Endpoint, format_endpoint, host_of, port_of
from ...ids import format_id
from ...net.oneshot.peer_search import PeerSearch
from ..call import Call, Method, ProgressNews
from ..units import seconds
from .find import Count, target_from

TIMEOUT_S = 30.0


class PeersParams(msgspec.Struct, forbid_unknown_fields=True):
    """``infohash``: 40 hex digits. The search ends at ``count`` peers, with its lookup, or after 30
    s. ``partial``: send ``{"peer": {endpoint, host, port}}`` for each peer when it is found, and
    ``{"progress": ...}`` as `find` does.
    """

    infohash: str
    count: Count = 50
    partial: bool = False


class AnnouncedPeerDocument(msgspec.Struct):
    """``endpoint``: ``host`` and ``port`` in one, an IPv6 address in brackets."""

    endpoint: str
    host: str
    port: int


class PeersDocument(msgspec.Struct):
    """``first_peer_s`` is null if there is none; ``queries``: datagrams sent."""

    infohash: str
    peers: list[AnnouncedPeerDocument]
    first_peer_s: float | None
    elapsed_s: float
    queries: int


class AnnouncedPeerNews(msgspec.Struct):
    """A partial result: a peer was found."""

    peer: AnnouncedPeerDocument


async def _peers(params: PeersParams, call: Call) -> PeersDocument:
    def found(endpoint: Endpoint) -> None:
        if call.tell is not None:
            call.tell({"peer": msgspec.to_builtins(_peer(endpoint))})

    search = PeerSearch(call.node, target_from(params.infohash), params.count, found)
    await call.carry_out(search, timeout_s=TIMEOUT_S)
    peers = [_peer(endpoint) for endpoint in search.peers]
    return PeersDocument(
        format_id(search.target),
        peers,
        seconds(search.first_peer_s),
        seconds(search.elapsed_s),
        search.queries,
    )


def _peer(endpoint: Endpoint) -> AnnouncedPeerDocument:
    return AnnouncedPeerDocument(format_endpoint(endpoint), host_of(endpoint), port_of(endpoint))


PEERS = Method(
    "peers", PeersParams, PeersDocument, _peers, partial=(ProgressNews, AnnouncedPeerNews)
)
