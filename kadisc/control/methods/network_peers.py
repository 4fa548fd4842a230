"""``network_peers``: peers of the node's own network. See ``kadisc peers NETWORK``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ...config.request_bounds import MAX_WAIT_S
from ...core.contract.verified_peer import VerifiedPeer
from ...errors import UsageError
from ...net.oneshot.network_search import NetworkSearch
from ...observe.peer_document import PeerDocument, peer_document
from ...observe.services import where_from
from ..call import Call, Method, ProgressNews
from ..units import seconds
from .find import Count

TIMEOUT_S = 30.0
WaitS = Annotated[float, msgspec.Meta(ge=0, le=MAX_WAIT_S)]


class NetworkPeersParams(msgspec.Struct, forbid_unknown_fields=True):
    """``network`` must be the node's own; null stands for it. The search ends at ``count`` peers,
    when no new peer comes, or after 30 s. ``service``: only peers that offer it; ``where``: only
    peers that offer all of these services, name -> port, ``0x`` and hex digits, text, or null for
    any value; ``check``: only peers whose TCP port accepts connections. ``wait_s``: with fewer than
    ``at_least`` peers (null: ``count``) the search ends only after so long, in place of the 30 s.
    ``partial``: send ``{"peer": {...}}`` for each peer when it is found,
    and ``{"progress": ...}`` as `find` does.
    """

    network: str | None = None
    service: str | None = None
    count: Count = 50
    check: bool = False
    partial: bool = False
    where: dict[str, int | str | None] = {}
    wait_s: WaitS = 0.0
    at_least: Count | None = None


class NetworkPeers(msgspec.Struct):
    """``first_peer_s`` is null if there is none; ``queries``: datagrams sent; ``unreachable``:
    peers that ``check`` left out because their TCP port did not accept a connection.
    """

    network: str
    peers: list[PeerDocument]
    first_peer_s: float | None
    elapsed_s: float
    queries: int
    unreachable: int


class PeerNews(msgspec.Struct):
    """A partial result: a peer is there."""

    peer: PeerDocument


async def _network_peers(params: NetworkPeersParams, call: Call) -> NetworkPeers:
    own = call.node.own_network
    if params.network not in (None, own.name):
        raise UsageError(f"this node is of the network {own.name}, not of {params.network}")

    def found(peer: VerifiedPeer) -> None:
        call.node.use_counts.peers_given["network_peers"] += 1
        if call.tell is not None:
            call.tell({"peer": msgspec.to_builtins(peer_document(peer))})

    search = NetworkSearch(
        call.node,
        params.count,
        found,
        service=params.service,
        where=where_from(params.where),
        connects=params.check,
        wait_s=params.wait_s,
        at_least=params.count if params.at_least is None else params.at_least,
    )
    await call.carry_out(search, timeout_s=params.wait_s or TIMEOUT_S)
    return NetworkPeers(
        own.name,
        [peer_document(peer) for peer in search.peers],
        seconds(search.first_peer_s),
        seconds(search.elapsed_s),
        search.queries,
        search.refused,
    )


NETWORK_PEERS = Method(
    "network_peers",
    NetworkPeersParams,
    NetworkPeers,
    _network_peers,
    partial=(ProgressNews, PeerNews),
)
