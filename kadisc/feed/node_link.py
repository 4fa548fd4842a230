"""The running node, by its control socket: where peers come from and verdicts go to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ..control.client import open_client
from ..control.methods.feed_state import FEED_STATE, FeedStateParams
from ..control.methods.feedback import FEEDBACK, FeedbackParams
from ..control.methods.follow_peers import FOLLOW_PEERS, FollowPeersParams
from ..control.methods.record import RECORD, RecordParams
from ..control.methods.set_service import SET_SERVICE, SetServiceParams
from ..control.methods.status import STATUS, Status, StatusParams
from ..control.methods.subscribe import SUBSCRIBE, SubscribeParams
from ..endpoints import host_of, parse_endpoint
from ..observe.feed_states import FeedState
from .chain_peer import ChainPeer, peer_from
from .telling import NextState, StateListener

SILENCE_S = 10.0

Found = Callable[[ChainPeer], None]
Lost = Callable[[str], None]
"""With the key of a peer."""


class PeerSource(Protocol):
    async def run(self, found: Found, lost: Lost) -> None:
        """Calls ``found`` and ``lost`` until it is cancelled. Raises KadiscError when the node is
        gone.
        """


@dataclass(frozen=True, slots=True)
class OwnPlace:
    """The running node itself. ``key`` in hex; ``hosts``: its addresses. ``service``: the value of
    the service that is fed, as other nodes see it: a port, or HOST:PORT; None if its record has
    none. ``offered``: the same as it is set, with the port of this machine.
    """

    key: str = ""
    hosts: frozenset[str] = frozenset()
    service: int | str | None = None
    offered: int | str | None = None

    def is_at(self, peer: ChainPeer, value: int | str | None) -> bool:
        """Whether a peer is where that value of a service leads to."""
        if isinstance(value, str):
            return str(peer) == value
        return peer.host in self.hosts and peer.port == value


class RunningNodeLink(PeerSource, StateListener, Protocol):
    """`NodeLink`. All raise KadiscError."""

    async def feedback(self, key: str, verdict: str) -> None: ...
    async def own_place(self) -> OwnPlace: ...
    async def set_service(self, name: str, value: int | str | None) -> None: ...


class NodeLink:
    """``service``: that of the record at whose port the chain nodes are. ``where``: as in `kadisc
    peers --where`. Each call has a connection of its own, so that a node that was restarted is
    found again. All raise KadiscError.
    """

    def __init__(
        self,
        path: Path,
        network: str | None,
        service: str,
        where: Mapping[str, int | str | None],
    ) -> None:
        self._path = path
        self._network = network
        self._service = service
        self._where = dict(where)

    async def run(self, found: Found, lost: Lost) -> None:
        def told(value: Mapping[str, Any]) -> None:
            if (document := value.get("peer")) is not None:
                peer = peer_from(document, self._service)
                if peer is not None:
                    found(peer)
            elif (news := value.get("lost")) is not None:
                lost(news["key"])

        params = FollowPeersParams(network=self._network, service=self._service, where=self._where)
        async with open_client(self._path) as client:
            await client.call(FOLLOW_PEERS, params, tell=told, silence_s=math.inf)

    async def feedback(self, key: str, verdict: str) -> None:
        params = FeedbackParams(verdict=verdict, peer=key)  # type: ignore[arg-type]
        async with open_client(self._path) as client:
            await client.call(FEEDBACK, params, silence_s=SILENCE_S)

    async def tell_states(self, next_state: NextState) -> None:
        async with open_client(self._path) as client:
            while True:
                params = _params(await next_state())
                await client.call(FEED_STATE, params, silence_s=SILENCE_S)

    async def hear_reloads(self, reloaded: Callable[[], None]) -> None:
        """Calls ``reloaded`` each time that the node has read its configuration again."""
        params = SubscribeParams(["config_reloaded"])
        async with open_client(self._path) as client:
            await client.call(SUBSCRIBE, params, tell=lambda _: reloaded(), silence_s=math.inf)

    async def status(self) -> Status:
        async with open_client(self._path) as client:
            return await client.call(STATUS, StatusParams(), silence_s=SILENCE_S)

    async def own_place(self) -> OwnPlace:
        async with open_client(self._path) as client:
            record = await client.call(RECORD, RecordParams(), silence_s=SILENCE_S)
        hosts = frozenset(host_of(parse_endpoint(each)) for each in record.endpoints)
        seen = record.services.get(self._service)
        offered = (record.offered or record.services).get(self._service)  # older nodes lack it
        return OwnPlace(record.key, hosts, _place(seen), _place(offered))

    async def set_service(self, name: str, value: int | str | None) -> None:
        async with open_client(self._path) as client:
            await client.call(SET_SERVICE, SetServiceParams(name, value), silence_s=SILENCE_S)


def _params(state: FeedState) -> FeedStateParams:
    return FeedStateParams(**msgspec.structs.asdict(state))


def _place(value: int | str | None) -> int | str | None:
    """The value of a service that can be connected to, else None."""
    return None if isinstance(value, str) and value.startswith("0x") else value
