"""``follow_peers``: the peers of the node's own network, as they come and go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
import trio

from ...core.contract.verified_peer import VerifiedPeer
from ...endpoints import format_endpoint
from ...errors import Closed, UsageError
from ...net.api.member import WINDOW
from ...net.api.peer_changes import PeerChange
from ...net.oneshot.port_check import PortCheck
from ...net.transport.nurseries import open_flat_nursery
from ...observe.peer_document import peer_document
from ...observe.services import where_from
from ..call import Call, Method
from .network_peers import PeerNews

MAX_WINDOW = 1000
MAX_AGAIN_S = 10_000_000.0
AgainS = Annotated[float, msgspec.Meta(ge=1, le=MAX_AGAIN_S)]
Window = Annotated[int, msgspec.Meta(ge=1, le=MAX_WINDOW)]


class FollowPeersParams(msgspec.Struct, forbid_unknown_fields=True):
    """``network`` must be the node's own; null stands for it. ``service``, ``where`` and ``check``:
    as of `network_peers`. A peer that is there is told again after ``again_after_s``. While
    ``window`` peers that were told of have no `feedback`, further ones come one a second.
    """

    network: str | None = None
    service: str | None = None
    where: dict[str, int | str | None] = {}
    check: bool = False
    again_after_s: AgainS = 3600.0
    window: Window = WINDOW


class LostPeer(msgspec.Struct):
    """A peer that was told of and is not there any more, or not wanted. ``reason``: as of the event
    ``peer_lost``, or ``feedback`` (a verdict holds it back), ``services`` (its record no longer has
    those that are wanted), ``unreachable`` (with ``check``: its TCP port accepted no connection
    when it was told again) or ``forgotten`` (it was out of use for long).
    """

    key: str
    endpoint: str
    reason: str


class PeerLostNews(msgspec.Struct):
    """A partial result: a peer that was told of is lost."""

    lost: LostPeer


class FollowingEnded(msgspec.Struct):
    """Never sent: following ends when it is cancelled, or with the node."""


async def _follow(params: FollowPeersParams, call: Call) -> FollowingEnded:
    own = call.node.own_network
    if params.network not in (None, own.name):
        raise UsageError(f"this node is of the network {own.name}, not of {params.network}")
    changes = call.node.follow_peers(
        service=params.service,
        where=where_from(params.where),
        again_after_s=params.again_after_s,
        window=params.window,
    )
    async with open_flat_nursery() as nursery, changes as following:
        teller = _Teller(call, params, nursery)
        async for change in following:
            teller.take(change)
        nursery.cancel_scope.cancel()
    raise Closed("the node was closed")


class _Teller:
    """Tells of peers, with ``check`` after a TCP port of each has accepted a connection."""

    def __init__(self, call: Call, params: FollowPeersParams, nursery: trio.Nursery) -> None:
        self._tell = call.tell or _to_nobody
        self._given = call.node.use_counts.peers_given
        self._nursery = nursery
        self._ports = PortCheck(params.service) if params.check else None
        self._current: dict[bytes, VerifiedPeer] = {}
        """The peers that are there, as they were told by the node."""
        self._told: set[bytes] = set()

    def take(self, change: PeerChange) -> None:
        peer = change.peer
        place = peer.key + peer.endpoint
        if change.reason is not None:
            self._current.pop(place, None)
            self._lose(place, peer, change.reason)
            return
        self._current[place] = peer
        if self._ports is None:
            self._find(place, peer)
        else:
            self._nursery.start_soon(self._check, self._ports, place, peer)

    async def _check(self, ports: PortCheck, place: bytes, peer: VerifiedPeer) -> None:
        accepting = await ports.accepting(peer)
        if self._current.get(place) is not peer:
            return  # it is lost, or has another record, meanwhile
        if accepting is not None:
            self._find(place, accepting)
        else:
            self._lose(place, peer, "unreachable")

    def _find(self, place: bytes, peer: VerifiedPeer) -> None:
        self._told.add(place)
        self._given["follow_peers"] += 1
        self._tell(_news(PeerNews(peer_document(peer))))

    def _lose(self, place: bytes, peer: VerifiedPeer, reason: str) -> None:
        if place in self._told:
            self._told.remove(place)
            lost = LostPeer(peer.key.hex(), format_endpoint(peer.endpoint), reason)
            self._tell(_news(PeerLostNews(lost)))


def _news(value: PeerNews | PeerLostNews) -> Mapping[str, object]:
    document: dict[str, object] = msgspec.to_builtins(value)
    return document


def _to_nobody(value: Mapping[str, object]) -> None:
    pass


FOLLOW_PEERS = Method(
    "follow_peers", FollowPeersParams, FollowingEnded, _follow, partial=(PeerNews, PeerLostNews)
)
