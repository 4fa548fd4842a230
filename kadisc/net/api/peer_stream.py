"""Peers for the application, for as long as it wants more. `core/peers/finder.py` chooses them and
has them checked; this asks for the next one again whenever there is news.
"""

from __future__ import annotations

from collections.abc import Mapping

import trio

from ...core.contract.service_filter import ServiceFilter
from ...core.contract.verified_peer import VerifiedPeer
from .peer_network import OwnNetwork

VERIFIED_WITHIN_S = 10.0
"""A peer that answered so lately is returned as it is, any other is asked first: after a failure of
half of the network, none that failed is returned.
"""


class PeerStream:
    """``async for peer in node.peers(service="eth")``. Ends after ``count`` peers, where it is
    given, or with the node.
    """

    def __init__(
        self,
        network: OwnNetwork,
        *,
        offering: ServiceFilter,
        count: int | None,
        verified_within_s: float,
        again_after_s: float,
    ) -> None:
        self._network = network
        self._finder = network.finder(
            offering=offering, verified_within_s=verified_within_s, again_after_s=again_after_s
        )
        self._left = count

    def __aiter__(self) -> PeerStream:
        return self

    async def __anext__(self) -> VerifiedPeer:
        if self._left == 0:
            raise StopAsyncIteration
        await trio.lowlevel.checkpoint()
        while not self._network.closed:
            if (peer := self._next()) is not None:
                return peer
            await self._network.wait_for_news(self._finder)
        raise StopAsyncIteration

    def take_nowait(self) -> VerifiedPeer | None:
        """The next peer where it is known already; None where the node has to look for it, as it
        does then.
        """
        return None if self._left == 0 else self._next()

    def _next(self) -> VerifiedPeer | None:
        peer = self._network.next_peer(self._finder)
        if peer is not None and self._left is not None:
            self._left -= 1
        return peer

    @property
    def is_asking(self) -> bool:
        """Whether peers that are known are being asked just now."""
        return not self._network.closed and self._finder.is_waiting(self._network.now())


def service_filter(
    service: str | None, where: Mapping[str, int | bytes | str | None] | None
) -> ServiceFilter:
    """The services that a peer must offer: ``service`` with any value, and those of ``where``, each
    with this port or these bytes (a text is UTF-8), or with any value (None).
    """
    wanted: dict[str, int | bytes | None] = {} if service is None else {service: None}
    for name, value in (where or {}).items():
        wanted[name] = value.encode() if isinstance(value, str) else value
    return ServiceFilter(wanted)
