"""Contacts over a restart: which contacts of the last run to try first, and what to save of this
one, for one address family.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...contacts import Contact
from ...endpoints import Family, family_of
from ...ids import NodeId, shared_prefix_bits
from ..addressing.external_address import Confidence, ExternalAddress
from ..addressing.policy import AddressPolicy
from ..contract.saved_state import SavedContact, SavedDht
from ..contract.times import NEVER
from .bucket import Entry
from .routing_table import RoutingTable

MAX_SAVED: Final = 1000
"""How many contacts of the last run are kept in mind."""
GRACE_S: Final = 60.0
"""Is added to the age of a contact when contacts are ranked, so that new ones are comparable."""
UNTRIED: Final = (0, NEVER)
TRY_AGAIN_S: Final = 30.0
MAX_DOUBLINGS: Final = 7
"""While there is another contact, a saved one that has not answered is tried again after a minute;
this doubles with each time, up to an hour.
"""
FORGET_S: Final = 30 * 86_400.0
"""A contact that has not answered for so long, in running time of this node, is no longer saved."""
EXPORTED_AT_ONCE: Final = 128
"""Contacts that are copied at once: less than 1 ms."""


class SavedContacts:
    """The contacts of the last run that have not answered in this one. Their number shrinks as
    they answer and enter the routing table.
    """

    __slots__ = ("_family", "_k", "_policy", "_saved", "_table", "_tried")

    def __init__(self, family: Family, table: RoutingTable, policy: AddressPolicy, k: int) -> None:
        """``k``: with fewer contacts than that in the table, a lookup begins with saved ones as
        well, and a contact that leaves the table is kept here.
        """
        self._family = family
        self._table = table
        self._policy = policy
        self._k = k
        self._saved: dict[Contact, tuple[SavedContact, float]] = {}  # with the time of saving
        # How often a lookup began with it, and when the next one may.
        self._tried: dict[Contact, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._saved)

    def add(self, saved: SavedContact, now: float) -> bool:
        """False if there is no room for more, or if it bears an ID of this node."""
        if len(self._saved) >= MAX_SAVED or self._table.own_ids.bears(saved.contact):
            return False
        self._saved[saved.contact] = saved, now
        return True

    def take(self, contact: Contact) -> SavedContact | None:
        """Removes a contact that has answered, and returns what was saved of it."""
        self._tried.pop(contact, None)
        saved, _ = self._saved.pop(contact, (None, 0.0))
        return saved

    def unanswered(self, now: float) -> tuple[SavedContact, ...]:
        """The saved contacts with their ages as of now, the most likely to be alive first."""
        return tuple(_aged(saved, silent_s) for _, silent_s, saved in self.likeliest(now))

    def likeliest(self, now: float) -> list[tuple[float, float, SavedContact]]:
        """The same as they were saved, each after its relative silence and the time since it was
        last verified.
        """
        self._drop_own()
        ranked = []
        for saved, since in self._saved.values():
            silent_s = saved.verified_s_ago + max(0.0, now - since)
            if silent_s < FORGET_S:
                ranked.append((_relative_silence(silent_s, saved.age_s), silent_s, saved))
        ranked.sort(key=_rank)
        return ranked

    def to_try(self, target: NodeId, count: int, now: float) -> list[Contact]:
        """At most ``count`` contacts to begin a lookup with; half of them are the most likely to be
        alive, the others the closest to ``target``. Those tried least often come first, so that
        the next lookup begins with others if these are all dead. While there is another contact,
        each is tried less and less often.
        """
        tried = self._tried
        pauses = len(self._table) > 0

        def times(contact: Contact) -> int:
            return tried.get(contact, UNTRIED)[0]

        def may_be_tried(contact: Contact) -> bool:
            return not pauses or now >= tried.get(contact, UNTRIED)[1]

        likeliest = sorted((saved.contact for _, _, saved in self.likeliest(now)), key=times)
        chosen = dict.fromkeys([each for each in likeliest if may_be_tried(each)][: count // 2])
        closest = sorted(
            filter(may_be_tried, self._saved), key=lambda each: (times(each), each.id ^ target)
        )
        for contact in closest:
            if len(chosen) >= count:
                break
            chosen[contact] = None
        for contact in chosen:
            pause_s = TRY_AGAIN_S * 2.0 ** min(times(contact) + 1, MAX_DOUBLINGS)
            tried[contact] = times(contact) + 1, now + pause_s
        return list(chosen)

    def deepest_bucket(self, own_id: NodeId) -> int:
        """The deepest bucket that a saved contact belongs into; -1 without any."""
        self._drop_own()
        return max((shared_prefix_bits(own_id, contact.id) for contact in self._saved), default=-1)

    def _drop_own(self) -> None:
        """Forgets the contacts whose ID has become one of this node since they were saved."""
        own_ids = self._table.own_ids
        for contact in [contact for contact in self._saved if contact.id in own_ids]:
            self.take(contact)

    # --- together with the routing table ----------------------------------------------------------

    @property
    def has_contacts(self) -> bool:
        """Whether a lookup has a contact to begin with, in the table or here."""
        self._drop_own()
        return len(self._table) > 0 or len(self._saved) > 0

    def first_contacts(self, target: NodeId, count: int, now: float) -> list[Contact]:
        """The contacts that a lookup begins with: the closest in the table and, while that is
        nearly empty, saved ones as well.
        """
        contacts = [entry.contact for entry in self._table.closest(target, count)]
        if len(contacts) < self._k:
            contacts += self.to_try(target, count, now)
        return contacts

    def begin_export(self, address: ExternalAddress, now: float) -> ContactsExport:
        """All verified contacts of the table, and the saved ones that have not answered yet."""
        kept = (Confidence.VOTED, Confidence.REMEMBERED, Confidence.UNSTABLE)
        ip = address.ip if address.confidence in kept else None
        verified = [entry for entry in self._table if not entry.inbound]
        return ContactsExport(self._family, ip, verified, self.likeliest(now))

    def restore(self, contacts: Sequence[SavedContact], now: float) -> list[Contact]:
        """Keeps the usable ones, as far as there is room; returns them as candidates."""
        candidates = []
        for saved in contacts:
            if self._is_usable(saved) and self.add(saved, now):
                candidates.append(saved.contact)
        return candidates

    def drop_barred(self) -> None:
        """Forgets the contacts at addresses that the operator excludes."""
        for contact in [each for each in self._saved if self._policy.is_barred(each.endpoint)]:
            self.take(contact)

    def entered_table(self, entry: Entry) -> None:
        """An entry is in the table now: a saved contact keeps its age."""
        saved = self.take(entry.contact)
        if saved is not None:
            entry.first_verified_at = entry.verified_at - saved.age_s

    def left_table(self, entry: Entry, now: float) -> None:
        """A silent contact has left the table. The last few are kept here: if all leave because the
        link is down, and two neighbours are too few to tell, these are the way back.
        """
        if len(self._table) < self._k:
            self.add(_saved(entry, now), now)

    def _is_usable(self, saved: SavedContact) -> bool:
        endpoint = saved.contact.endpoint
        return (
            family_of(endpoint) is self._family
            and not self._policy.is_invalid(endpoint)
            and not self._policy.is_barred(endpoint)
        )


def _saved(entry: Entry, now: float) -> SavedContact:
    # At least 0: a state with a negative age is not read again.
    age_s = max(0.0, now - entry.first_verified_at)
    verified_s_ago = max(0.0, now - entry.verified_at)
    return SavedContact(entry.contact, age_s, verified_s_ago, entry.rtt_s, entry.client)


def _aged(saved: SavedContact, silent_s: float) -> SavedContact:
    return SavedContact(saved.contact, saved.age_s, silent_s, saved.rtt_s, saved.client)


def _rank(ranked: tuple[float, float, SavedContact]) -> float:
    return ranked[0]


def _relative_silence(silent_s: float, age_s: float) -> float:
    """How long a contact has been silent, relative to how long it had been up: long sessions go on
    for long (Weibull shape < 1). By age alone, contacts that died long ago would rank before all
    others for ever.
    """
    return silent_s / (age_s + GRACE_S)


class ContactsExport:
    """Copies the contacts of one family, some at a time."""

    __slots__ = ("_copied", "_family", "_ip", "_unanswered", "_verified")

    def __init__(
        self,
        family: Family,
        ip: bytes | None,
        verified: list[Entry],
        unanswered: list[tuple[float, float, SavedContact]],
    ) -> None:
        self._family = family
        self._ip = ip
        self._verified = verified
        self._unanswered = unanswered
        self._copied: list[SavedContact] = []

    def step(self, now: float, count: int = EXPORTED_AT_ONCE) -> SavedDht | None:
        """Copies ``count`` contacts. Returns all after the last one."""
        copied = self._copied
        first = len(copied)
        entries = self._verified[first : first + count]
        copied.extend([_saved(entry, now) for entry in entries])
        first = len(copied) - len(self._verified)
        if first >= 0:
            others = self._unanswered[first : first + count - len(entries)]
            copied.extend([_aged(saved, silent_s) for _, silent_s, saved in others])
        if len(copied) < len(self._verified) + len(self._unanswered):
            return None
        return SavedDht(self._family, self._ip, tuple(copied))
