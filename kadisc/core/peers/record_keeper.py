"""Keeps the own record true: it follows the votes on the own address, the verdict on whether
strangers reach the node, and its services.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from ...endpoints import Endpoint, Family, ip_of
from ..addressing.external_address import Confidence
from ..contract.events import Event, RecordChanged
from ..contract.times import FOREVER, NEVER
from ..dht import Dht
from .components import PeerComponents
from .own_reach import OwnReach
from .rendezvous_lookups import RendezvousLookups
from .rounds import GossipRounds

QUIET_S: Final = 30.0
"""A record with no new IP address comes at most once in this time: a port that alternates, or a
verdict, is no reason to make all peers ask for a record again and again.
"""


class RecordKeeper:
    def __init__(
        self,
        components: PeerComponents,
        dhts: Mapping[Family, Dht],
        rounds: GossipRounds,
        rendezvous: RendezvousLookups,
        reach: OwnReach,
    ) -> None:
        self._own_record = components.own_record
        self._book = components.book
        self._counters = components.counters
        self._scopes = components.scopes
        self._dhts = dhts
        self._rounds = rounds
        self._rendezvous = rendezvous
        self._reach = reach
        self._seen: dict[Family, Endpoint] = {}
        self._announced = reach.announced
        self._quiet_until = NEVER
        self.deadline = FOREVER
        """When a change is due that had to wait."""

    def update(self, now: float) -> Sequence[Event]:
        """Makes a new record if the endpoints of this node changed, or what strangers reach."""
        announced = self._reach.announced
        if announced != self._announced:
            self._announced = announced
            self._rendezvous.address_changed(now)
        seen = self._seen_endpoints()
        named = {
            family: self._reach.record_endpoint(family, endpoint)
            for family, endpoint in seen.items()
        }
        closed = self._reach.closed
        record = self._own_record
        before, self._seen = self._seen, seen
        record.elsewhere = [each for family, each in seen.items() if named[family] != each]
        if record.says(named, closed):
            self.deadline = FOREVER
            return ()
        has_new_ip = seen.keys() != before.keys() or any(
            ip_of(before[family]) != ip_of(endpoint) for family, endpoint in seen.items()
        )
        if not has_new_ip and now < self._quiet_until:
            self.deadline = self._quiet_until
            return ()
        self.deadline = FOREVER
        self._quiet_until = now + QUIET_S
        moved = [
            family
            for family, endpoint in seen.items()
            if family in before and ip_of(before[family]) != ip_of(endpoint)
        ]
        record.set_endpoints(named, now, closed)
        self.drop_own()
        return self.changed(now, moved, tells_all=has_new_ip)

    def changed(
        self, now: float, moved: Collection[Family] = (), *, tells_all: bool = True
    ) -> Sequence[Event]:
        """There is a new record. ``moved``: the families in which the node has another IP address.
        ``tells_all``: whether all known peers are told without delay.
        """
        self.count_left_out()
        self._rounds.record_changed(now, moved, tells_all=tells_all)
        if tells_all:
            self._rendezvous.address_changed(now)
        return [RecordChanged(self._own_record.sequence, self._own_record.raw)]

    def drop_own(self) -> None:
        """Removes this node's own endpoints from the book: reports named them before it knew its
        address, or the file of an earlier run does.
        """
        for endpoint in self._own_record.own_endpoints():
            self._book.drop(endpoint)

    def count_left_out(self) -> None:
        if self._own_record.left_out is not None:
            self._counters.refuse(f"own-record.{self._own_record.left_out}-left-out")

    def _seen_endpoints(self) -> dict[Family, Endpoint]:
        """Where other nodes agree that they see this one."""
        endpoints = {}
        for family, dht in self._dhts.items():
            address = dht.parts.address
            if (
                address.ip is not None
                and address.port is not None
                and address.confidence is not Confidence.UNKNOWN
            ):
                endpoint = Endpoint(address.ip + address.port)
                # Other nodes refuse a record that names an address at which no node can be, as a
                # file of an earlier run may.
                if not self._scopes.is_invalid(endpoint):
                    endpoints[family] = endpoint
        return endpoints
