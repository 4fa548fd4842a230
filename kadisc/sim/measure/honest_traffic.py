"""The queries that honest nodes send, and to whom; and what they come to believe of themselves:
that they are offline, or at an address that is not theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...core.contract import purposes
from ...core.contract.events import AddressChanged, Datagram, Event, WentOffline
from ...endpoints import Endpoint, ip_of
from ..model.host import Host
from ..model.world import World

CHECKS = (
    purposes.CONTACT_CHECK,
    purposes.CONTACT_RETRY,
    purposes.CANDIDATE_CHECK,
    purposes.GOSSIP_CANDIDATE,
    purposes.GOSSIP_RECHECK,
)
"""Queries that only find out whether a node is there."""


@dataclass(slots=True)
class HonestTraffic:
    """A watcher, for one part of a run. Retransmissions count.

    ``to_adversary``: by the number of the host and the endpoint of the adversary. ``checks``: by
    where they went. A call of the core that sends checks beside other queries, which is rare, is
    not counted there.
    """

    world: World
    queries: int = 0
    to_nobody: int = 0
    offline: int = 0
    wrong_addresses: int = 0
    to_adversary: Counter[tuple[int, Endpoint]] = field(default_factory=Counter)
    checks: int = 0
    checks_wasted: int = 0
    _checks_before: dict[int, int] = field(default_factory=dict)

    def sent(self, host: Host, outbox: Sequence[Datagram], now: float) -> None:
        if not host.honest:
            return
        asked = [destination for payload, destination in outbox if payload.endswith(b"1:y1:qe")]
        if not asked:
            return
        self.queries += len(asked)
        wasted = 0
        for endpoint in asked:
            there = self.world.network.host_seen_at(endpoint)
            if there is None:
                self.to_nobody += 1
                wasted += 1
            elif not there.honest:
                self.to_adversary[host.number, endpoint] += 1
        sent_for = host.node.counters.queries_for
        checks = sum([sent_for.get(purpose, 0) for purpose in CHECKS])
        before = self._checks_before.get(host.number, 0)
        self._checks_before[host.number] = checks
        if checks - before == len(asked):
            self.checks += len(asked)
            self.checks_wasted += wasted

    def received(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None:
        pass

    def happened(self, host: Host, events: Sequence[Event], now: float) -> None:
        if not host.honest:
            return
        for event in events:
            if isinstance(event, WentOffline):
                self.offline += 1
            elif isinstance(event, AddressChanged):
                self.wrong_addresses += event.ip != ip_of(host.outside)
