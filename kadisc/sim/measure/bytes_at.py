"""A watcher that counts what is sent to some endpoints, with the headers of IPv4 and UDP."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ...core.contract.events import Datagram, Event
from ...endpoints import Endpoint
from ..model.host import Host
from ..model.network import HEADER_BYTES


class BytesAt:
    """``at_targets``: bytes from honest hosts to any of ``targets``. ``by_attackers``: bytes of
    adversaries, to anyone.
    """

    def __init__(self, targets: Collection[Endpoint]) -> None:
        self._targets = frozenset(targets)
        self.datagrams_at_targets = 0
        self.at_targets = 0
        self.by_attackers = 0

    def sent(self, host: Host, outbox: Sequence[Datagram], now: float) -> None:
        for payload, destination in outbox:
            if not host.honest:
                self.by_attackers += len(payload) + HEADER_BYTES
            elif destination in self._targets:
                self.datagrams_at_targets += 1
                self.at_targets += len(payload) + HEADER_BYTES

    def received(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None:
        pass

    def happened(self, host: Host, events: Sequence[Event], now: float) -> None:
        pass
