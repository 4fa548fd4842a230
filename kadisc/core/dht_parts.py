"""The components of a `Dht`, chosen in `assembly.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..contacts import Contact
from ..endpoints import Family
from .addressing.bep42_places import SubnetPlaces
from .addressing.contact_pool import ContactPool, packed_in
from .addressing.external_address import ExternalAddress
from .addressing.own_subnet import OwnSubnet
from .addressing.policy import AddressPolicy
from .contract import purposes
from .contract.counters import Counters
from .contract.queries import PendingQuery
from .limits.reserve import FEW_CONTACTS, SMALL_NETWORK, StrangerReserve
from .table.bucket_fill import BucketFill
from .table.candidates import Candidates
from .table.link_monitor import LinkMonitor
from .table.nat_quarantine import QuarantineRule
from .table.offer import Removal
from .table.refresh import Refresh
from .table.revalidation import Revalidation
from .table.routing_table import RoutingTable
from .table.saved_contacts import SavedContacts
from .table.size_reports import SizeReports
from .table.static_peers import StaticPeers

FOR_NO_NODE: Final = (
    purposes.BUCKET_FILL,
    purposes.REFRESH,
    purposes.CANDIDATE_CHECK,
    purposes.RENDEZVOUS,
)
"""Queries that look for contacts, for none in particular: others do as well."""


@dataclass(slots=True)
class DhtParts:
    """The components of one address family."""

    table: RoutingTable
    candidates: Candidates
    revalidation: Revalidation
    refresh: Refresh
    bucket_fill: BucketFill
    quarantine: QuarantineRule
    link: LinkMonitor
    scopes: AddressPolicy
    pool: ContactPool
    counters: Counters
    saved_contacts: SavedContacts
    size_reports: SizeReports
    static_peers: StaticPeers
    address: ExternalAddress
    own_subnet: OwnSubnet
    public_key: bytes | None
    places: SubnetPlaces | None
    """Told of each answer, where there is one: in IPv6."""
    admits_unverified: bool
    reserve: StrangerReserve
    """Hosts that are left alone while the first tests of reachability run."""

    def contacts_in(self, raw: bytes, family: Family, pending: PendingQuery) -> list[Contact]:
        """The usable contacts that an answer names, without those that are left alone for now."""
        command, packed = pending.command, packed_in(raw, family)
        if command.only_new_contacts:
            packed = self.table.unknown(packed)
            if not packed:
                return []
        usable = self.scopes.usable(self.pool.named(packed), pending.endpoint)
        refused = len(packed) - len(usable)
        if refused:
            self.counters.refuse("reported-contact-unusable", refused)
        now = pending.sent_at
        if self.reserve.ends_at > now and command.purpose in FOR_NO_NODE:
            teller = pending.endpoint
            return [each for each in usable if not self.holds_back(each, now, teller)]
        return usable

    def take_out_barred(self) -> list[Removal]:
        """Forgets all contacts at addresses that the operator excludes. Returns what became of
        those of the table.
        """
        self.candidates.drop(self.scopes.is_barred)
        self.saved_contacts.drop_barred()
        return self.table.take_out_barred()

    def wanted_now(self, now: float) -> Callable[[Contact], bool]:
        """Whether a contact may be checked, for the sake of the table."""
        if self.reserve.ends_at <= now:
            return self.table.wants
        source_of = self.candidates.source_of
        return lambda contact: (
            self.table.wants(contact)
            and not self.holds_back(contact, now, source_of(contact.endpoint))
        )

    def may_be_candidate(self, contact: Contact) -> bool:
        return self.table.wants(contact) and contact.endpoint not in self.scopes.lan.guarded

    def add_candidate(self, contact: Contact, now: float, source: bytes) -> None:
        """``source``: as in `Candidates.add`."""
        refusal = self.candidates.add(contact, now, source)
        if refusal:
            self.counters.refuse(refusal)

    def holds_back(self, contact: Contact, now: float, source: bytes) -> bool:
        """Whether the contact is left alone for now; it is remembered until it is not. ``source``:
        as in `Candidates.add`.
        """
        reserve, known = self.reserve, len(self.table)
        if known >= FEW_CONTACTS:
            reserve.narrow()
        elif known + len(self.candidates) + reserve.held_count < SMALL_NETWORK:
            return False
        if not reserve.holds_back(contact.endpoint, now):
            return False
        reserve.hold(contact, source)
        return True
