"""``network_peers``: peers of the node's own network. See ``kadisc peers NETWORK``."""

from __future__ import annotations

import msgspec

from ...core.contract.verified_peer import VerifiedPeer
from ...errors import UsageError
from ...net.oneshot.network_search import NetworkSearch
from ...observe.peer_document import PeerDocument, peer_document
from ..call import Call, Method
from ..units import seconds
from .find import Count

TIMEOUT_S = 30.0


class NetworkPeersParams(msgspec.Struct, forbid_unknown_fields=True):
    """``network`` must be the node's own. The search ends at ``count`` peers, when no new peer
    comes, or after 30 s. ``service``: only peers that offer it; ``check``: only peers whose TCP
    port accepts connections. ``partial``: send ``{"peer": {...}}`` for each peer when it is found,
    and ``{"progress": ...}`` as `find` does.
    """

    network: str
    service: str | None = None
    count: Count = 50
    check: bool = False
    partial: bool = False


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


async def _network_peers(params: NetworkPeersParams, call: Call) -> NetworkPeers:
    own = call.node.own_network
    if params.network != own.name:
        raise UsageError(f"this node is of the network {own.name}, not of {params.network}")

    def found(peer: VerifiedPeer) -> None:
        if call.tell is not None:
            call.tell({"peer": msgspec.to_builtins(peer_document(peer))})

    search = NetworkSearch(
        call.node, params.count, found, service=params.service, connects=params.check
    )
    await call.carry_out(search, timeout_s=TIMEOUT_S)
    return NetworkPeers(
        own.name,
        [peer_document(peer) for peer in search.peers],
        seconds(search.first_peer_s),
        seconds(search.elapsed_s),
        search.queries,
        search.refused,
    )


NETWORK_PEERS = Method("network_peers", NetworkPeersParams, NetworkPeers, _network_peers)
