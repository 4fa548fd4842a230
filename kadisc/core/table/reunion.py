"""One address family's way back among those whom it knows: what it takes over a restart, whom it
tries first, and whom the operator wants kept.

`overlay.py` asks the contacts that are named here, and tells what became of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...contacts import Contact
from ...endpoints import Endpoint, Family, family_of
from ...ids import NodeId
from ..addressing.external_address import Confidence, ExternalAddress
from ..addressing.policy import AddressPolicy
from ..contract.saved_state import SavedContact, SavedDht
from .bucket import Entry
from .routing_table import RoutingTable
from .saved_contacts import SavedContacts


class SavedContactList:
    """``k``: with fewer contacts than that, the table is too poor to begin a lookup alone, or to
    let one go unremembered.
    """

    __slots__ = ("_family", "_k", "_saved_contacts", "_scopes", "_table")

    def __init__(
        self,
        family: Family,
        table: RoutingTable,
        saved_contacts: SavedContacts,
        scopes: AddressPolicy,
        k: int,
    ) -> None:
        self._family = family
        self._table = table
        self._saved_contacts = saved_contacts
        self._scopes = scopes
        self._k = k

    @property
    def knows_anyone(self) -> bool:
        """Whether a lookup has somebody to begin with."""
        return len(self._table) > 0 or len(self._saved_contacts) > 0

    def first_contacts(self, target: NodeId, count: int, now: float) -> list[Contact]:
        """Where a lookup begins: with the closest in the table; while that is nearly empty, also
        with those remembered.
        """
        contacts = [entry.contact for entry in self._table.closest(target, count)]
        if len(contacts) < self._k:
            contacts += self._saved_contacts.to_try(target, count, now)
        return contacts

    # --- over a restart ---------------------------------------------------------------------------

    def export(self, address: ExternalAddress, now: float) -> SavedDht:
        """All verified contacts, and those from the last run that have not been met again yet."""
        met = [_saved(entry, now) for entry in self._table if not entry.inbound]
        ip = (
            address.ip
            if address.confidence in (Confidence.VOTED, Confidence.REMEMBERED, Confidence.UNSTABLE)
            else None
        )
        return SavedDht(self._family, ip, (*met, *self._saved_contacts.not_met(now)))

    def restore(self, contacts: Sequence[SavedContact], now: float) -> list[Contact]:
        """Remembers the usable ones, as far as there is room; returns them as candidates."""
        candidates = []
        for saved in contacts:
            endpoint = saved.contact.endpoint
            usable = (
                family_of(endpoint) is self._family
                and not self._scopes.is_invalid(endpoint)
                and not self._scopes.is_barred(endpoint)
            )
            if usable and self._saved_contacts.remember(saved, now):
                candidates.append(saved.contact)
        return candidates

    def met(self, entry: Entry) -> None:
        """It is in the table now: an old acquaintance keeps its age."""
        remembered = self._saved_contacts.met(entry.contact)
        if remembered is not None:
            entry.first_verified_at = entry.verified_at - remembered.age_s

    def lost(self, entry: Entry, now: float) -> None:
        """It fell silent and left the table. One of the last is remembered: if all go, because the
        link is down and two neighbours are too few to tell, these are the way back.
        """
        if len(self._table) < self._k:
            self._saved_contacts.remember(_saved(entry, now), now)

    # --- whom the operator wants kept -------------------------------------------------------------

    def pin(self, endpoint: Endpoint, now: float) -> None:
        self._table.pin(endpoint)
        self._saved_contacts.pin(endpoint, now)

    def unpin(self, endpoint: Endpoint) -> None:
        self._table.unpin(endpoint)
        self._saved_contacts.unpin(endpoint)

    def missing_pins(self, now: float) -> list[Endpoint]:
        """Those that are due for another try and not in the table."""
        return [
            endpoint
            for endpoint in self._saved_contacts.due_pins(now)
            if self._table.at(endpoint) is None
        ]


def _saved(entry: Entry, now: float) -> SavedContact:
    return SavedContact(
        entry.contact,
        now - entry.first_verified_at,
        now - entry.verified_at,
        entry.rtt_s,
        entry.client,
    )
