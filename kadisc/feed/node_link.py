"""The running node, by its control socket: where peers come from and verdicts go to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import trio

from ..control.client import open_client
from ..control.methods.feedback import FEEDBACK, FeedbackParams
from ..control.methods.network_peers import NETWORK_PEERS, NetworkPeersParams
from ..control.methods.record import RECORD, RecordParams
from ..control.methods.status import STATUS, Status, StatusParams
from ..control.protocol import encode_request
from ..endpoints import host_of, parse_endpoint
from .chain_peer import ChainPeer, peer_from

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
    """The running node itself. ``hosts``: its addresses; ``port``: that of the service that is fed,
    None if its record has none; ``key`` in hex.
    """

    key: str = ""
    hosts: frozenset[str] = frozenset()
    port: int | None = None


class RunningNodeLink(PeerSource, Protocol):
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

        while True:
            async with open_client(self._path) as client:
                await client.call(
                    NETWORK_PEERS,
                    NetworkPeersParams(
                        network=self._network,
                        service=self._service,
                        where=self._where,
                        partial=True,
                    ),
                    tell=told,
                    silence_s=60.0,
                )
            await trio.sleep(5.0)

    async def feedback(self, key: str, verdict: str) -> None:
        params = FeedbackParams(verdict=verdict, peer=key)  # type: ignore[arg-type]
        async with open_client(self._path) as client:
            await client.call(FEEDBACK, params, silence_s=SILENCE_S)

    async def status(self) -> Status:
        async with open_client(self._path) as client:
            return await client.call(STATUS, StatusParams(), silence_s=SILENCE_S)

    async def own_place(self) -> OwnPlace:
        async with open_client(self._path) as client:
            record = await client.call(RECORD, RecordParams(), silence_s=SILENCE_S)
        hosts = frozenset(host_of(parse_endpoint(each)) for each in record.endpoints)
        port = record.services.get(self._service)
        return OwnPlace(record.key, hosts, port if isinstance(port, int) else None)

    async def set_service(self, name: str, value: int | str | None) -> None:
        request = encode_request(1, "set_service", {"name": name, "value": value})
        async with open_client(self._path) as client:
            await client.exchange(request, 1, _ignore, SILENCE_S)


def _ignore(value: object) -> None:
    pass
