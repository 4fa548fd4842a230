"""One address family's share of the node: its table, and all that keeps the table true (BEP 32: one
DHT per family).

It is told what happened and returns what is to be done; `node.py` does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..config import CoreConfig
from ..contacts import Contact
from ..endpoints import Endpoint, Family, Scope, family_of, ip_of, netgroup_prefix
from ..ids import NodeId
from ..wire.compact import CONTACT_BYTES
from ..wire.messages import FindNode, Query, Reply
from .addressing.bep42 import derive_node_id
from .addressing.connectivity import ConnectivityRule
from .addressing.contact_pool import ContactPool
from .addressing.external_address import ExternalAddress
from .addressing.policy import AddressPolicy
from .contract.counters import Counters
from .contract.events import (
    AddressChanged,
    CameOnline,
    ContactAdded,
    ContactRemoved,
    Joined,
    Outcome,
    WentOffline,
)
from .contract.queries import (
    NO_COMMANDS,
    Command,
    Commands,
    PendingQuery,
    Priority,
    RefreshLookup,
    SendQuery,
)
from .contract.saved_state import SavedContact, SavedDht
from .table.bucket import Entry
from .table.bucket_fill import EARLY, BucketFill
from .table.candidates import Candidates
from .table.check import Check
from .table.nat_quarantine import QuarantineRule
from .table.refresh import Refresh
from .table.reunion import SavedContactList
from .table.revalidation import Revalidation
from .table.routing_table import Decision, RoutingTable
from .table.saved_contacts import SavedContacts

RETRY_OWN_LOOKUP_S: Final = 5.0
NAT_MAPPING_S: Final = 120.0
"""A router before this node keeps the mapping for an address that answered so lately."""


@dataclass(slots=True)
class Parts:
    """The components of an overlay, chosen in `assembly.py`."""

    table: RoutingTable
    candidates: Candidates
    revalidation: Revalidation
    refresh: Refresh
    bucket_fill: BucketFill
    quarantine: QuarantineRule
    connectivity: ConnectivityRule
    scopes: AddressPolicy
    pool: ContactPool
    counters: Counters
    saved_contacts: SavedContacts
    address: ExternalAddress
    public_key: bytes | None
    admits_unverified: bool


class Dht:
    __slots__ = (
        "_config",
        "_heartbeat_at",
        "_own_lookup_running",
        "_retry_own_lookup_at",
        "family",
        "joined",
        "own_lookup_done",
        "parts",
        "reunion",
        "table",
    )

    def __init__(self, family: Family, config: CoreConfig, parts: Parts) -> None:
        self.family = family
        self.parts = parts
        self.table = parts.table
        self.reunion = SavedContactList(
            family, parts.table, parts.saved_contacts, parts.scopes, config.table.k
        )
        self.joined = False
        self.own_lookup_done = not config.defences.first_lookup_first
        self._config = config
        self._own_lookup_running = False
        self._heartbeat_at = float("-inf")
        self._retry_own_lookup_at = float("-inf")

    @property
    def own_id(self) -> NodeId:
        return self.table.own_id

    # --- what others send -------------------------------------------------------------------------

    def queried(self, query: Query, source: Endpoint, now: float) -> Commands:
        """A query proves nothing, not even its source address: it resets no failure count, moves
        nobody, and at most makes a candidate.
        """
        if self.heard_from(source, now) or query.read_only:
            return NO_COMMANDS
        contact = Contact(query.sender, source)
        if self.parts.admits_unverified:
            return self._offer(contact, now, inbound=False, rtt_s=None, client=query.version)
        self._consider(contact, now)
        return NO_COMMANDS

    def heard_from(self, source: Endpoint, now: float) -> bool:
        """Something came from there unasked: whatever lies between has an open door for a while.
        Whether it is in the table.
        """
        entry = self.table.at(source)
        if entry is not None:
            entry.traffic_at = now
        else:
            self.parts.quarantine.contacted_us(source, now)
        return entry is not None

    def suggest(self, contact: Contact, now: float) -> None:
        """Somebody has heard of it elsewhere: a candidate for a vacancy, like any other."""
        self._consider(contact, now)

    def contacts_in(self, pending: PendingQuery, reply: Reply) -> list[Contact]:
        """The contacts of this family that an answer names, less those that must not be contacted
        on its word. Of the answer to a check, which is for the table alone, less those where there
        is an entry: neighbours name hardly anybody else.
        """
        raw = reply.nodes if self.family is Family.IPV4 else reply.nodes6
        if raw and pending.command.only_new_contacts:
            raw = self.table.unknown_in(raw)
        if not raw:
            return []
        usable = self.parts.scopes.usable(
            self.parts.pool.named_in(raw, self.family), pending.endpoint
        )
        refused = len(raw) // CONTACT_BYTES[self.family] - len(usable)
        if refused:
            self.parts.counters.refuse("hearsay-unusable", refused)
        return usable

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        """A matched reply: the one thing that liveness is learned from."""
        parts, source = self.parts, pending.endpoint
        commands: list[Command] = []
        if parts.connectivity.answered(parts.scopes.netgroup(source), now):
            parts.refresh.own_lookup_soon(now)
            commands.append(CameOnline(self.family))
        self._heartbeat_at = now + self._config.maintenance.heartbeat_s
        contact, rtt_s = Contact(reply.sender, source), pending.rtt_s(now)
        incumbent = self.table.at(source)
        if incumbent is not None:
            incumbent.checking = False  # here is the evidence, whoever asked for it
        entry = self.table.confirm(
            contact, now, rtt_s=rtt_s, client=reply.version, proven=pending.proves_reachability
        )
        if entry is not None:
            parts.revalidation.plan(entry)
        elif (
            type(pending.command.query) is FindNode
        ):  # also without nodes: jech/dht leaves them out while it knows nobody
            commands += self._offer(
                contact,
                now,
                inbound=not pending.proves_reachability,
                rtt_s=rtt_s,
                client=reply.version,
            )
        elif pending.command.learn_contact:
            self._consider(contact, now)
        for named in pending.contacts:
            self._consider(named, now)
        return commands

    def missed(self, pending: PendingQuery, now: float) -> Commands:
        """A query of ours was not answered in time."""
        parts = self.parts
        commands: list[Command] = []
        if parts.connectivity.failed(now):
            commands.append(WentOffline(self.family))
        entry = self.table.at(pending.endpoint)
        if entry is None or pending.command.expected_id not in (None, entry.id):
            return commands
        maintenance = self._config.maintenance
        if not parts.connectivity.online:
            # Its silence says nothing. But somebody has to be asked: the first answer is how we
            # learn that we are back.
            parts.revalidation.check_at(entry, now + maintenance.retry_after_failure_s)
            return commands
        spacing_s = maintenance.retry_after_failure_s / 2
        removal = self.table.fail(
            entry, now, spacing_s=spacing_s, failures_to_evict=maintenance.failures_to_evict
        )
        if removal is None:
            parts.revalidation.plan(entry)
        else:
            commands += self._removed(entry, "silent", removal.promoted, now)
        return commands

    def seen_as(self, ours: Endpoint, source: Endpoint, now: float) -> Commands:
        """A matched reply from ``source`` says that we are at ``ours``."""
        parts = self.parts
        if ours == parts.address.unanimous:
            return NO_COMMANDS
        if (
            family_of(ours) is not self.family
            or parts.scopes.of(ours) is not Scope.PUBLIC
            or parts.scopes.of(source) is not Scope.PUBLIC
        ):
            return NO_COMMANDS
        verdict = parts.address.vote(netgroup_prefix(source), ip_of(ours), ours[-2:], now)
        if verdict.changed:
            return self._moved(now)
        if not verdict.probes:
            return NO_COMMANDS
        return [self._check(entry.contact, entry) for entry in self._not_yet_heard(verdict.probes)]

    def _not_yet_heard(self, count: int) -> list[Entry]:
        """So many entries in networks that have not voted in the count that is under way, one each,
        whom we last heard the most lately.
        """
        networks: dict[bytes, Entry] = {}
        if count:
            for entry in sorted(self.table, key=lambda entry: -entry.verified_at):
                network = self.parts.scopes.netgroup(entry.contact.endpoint)
                if (
                    not entry.checking
                    and not entry.failures
                    and not self.parts.address.has_voted(network)
                ):
                    networks.setdefault(network, entry)
        return list(networks.values())[:count]

    def _moved(self, now: float) -> Commands:
        """Our address was decided: the ID follows it, the contacts stay, the neighbourhood is
        another one.
        """
        address = self.parts.address
        assert address.ip is not None
        commands: list[Command] = []
        if self.parts.public_key is not None:
            left_over = self.table.rebase(derive_node_id(self.parts.public_key, address.ip), now)
            for entry in left_over:
                commands += self._removed(entry, "moved", None, now)
            self.parts.refresh.own_lookup_soon(now)
        port = int.from_bytes(address.port, "big") if address.port else None
        return [
            AddressChanged(self.family, address.ip, port, self.own_id, address.voters),
            *commands,
        ]

    # --- over a restart ---------------------------------------------------------------------------

    def export(self, now: float) -> SavedDht:
        return self.reunion.export(self.parts.address, now)

    def restore(self, contacts: Sequence[SavedContact], now: float) -> None:
        for contact in self.reunion.restore(contacts, now):
            self._consider(contact, now)

    # --- time -------------------------------------------------------------------------------------

    def tick(self, now: float) -> Commands:
        parts = self.parts
        commands: list[Command] = []
        # Nearly always it is for one of them, and the others need not be asked.
        if parts.refresh.deadline <= now or parts.bucket_fill.deadline <= now:
            commands += (*parts.refresh.due(now), *parts.bucket_fill.due(now))
        if parts.saved_contacts.deadline <= now:
            for endpoint in self.reunion.missing_pins(now):
                commands.append(
                    SendQuery(
                        endpoint,
                        None,
                        FindNode(b"", self.own_id, self.own_id),
                        Check(parts.candidates, None),
                        priority=Priority.MAINTENANCE,
                        group=parts.counters.checks,
                        only_new_contacts=True,
                    )
                )
        if not self.own_lookup_done:
            return commands
        # Not before the first lookup of the own ID is done: an empty table must not be filled by
        # whoever calls first (restart eclipse).
        while (candidate := parts.candidates.draw(now, self.table.wants)) is not None:
            commands.append(self._check(candidate, None))
        entry = parts.revalidation.due(now) or self._due_heartbeat(now)
        if entry is not None:
            commands.append(self._check(entry.contact, entry))
        if self._wants_to_join and now >= self._retry_own_lookup_at:
            self.parts.refresh.own_lookup_soon(now)
            self._retry_own_lookup_at = now + RETRY_OWN_LOOKUP_S
            commands += self.parts.refresh.due(now)
        return commands

    @property
    def _wants_to_join(self) -> bool:
        """Somebody has come to us, and the lookup of the own ID has not been answered yet."""
        return not self.joined and len(self.table) > 0 and not self._own_lookup_running

    def next_deadline(self) -> float:
        # By hand, without min(): whoever drives the node asks after every datagram.
        parts = self.parts
        deadline = parts.refresh.deadline
        if parts.bucket_fill.deadline < deadline:
            deadline = parts.bucket_fill.deadline
        if parts.saved_contacts.deadline < deadline:
            deadline = parts.saved_contacts.deadline
        if not self.own_lookup_done:
            return deadline
        if parts.candidates.deadline < deadline:
            deadline = parts.candidates.deadline
        if parts.revalidation.deadline < deadline:
            deadline = parts.revalidation.deadline
        if self._heartbeat_at < deadline and len(self.table):
            deadline = self._heartbeat_at
        if not self.joined and self._retry_own_lookup_at < deadline and self._wants_to_join:
            deadline = self._retry_own_lookup_at
        return deadline

    def walk_started(self, walk: RefreshLookup, now: float) -> None:
        if walk.fills is not None:
            self.parts.bucket_fill.started(walk.fills)
        else:
            self.parts.refresh.started()
        self._own_lookup_running = self._own_lookup_running or walk.is_own_id
        if walk.is_own_id and not self.joined:
            self.parts.bucket_fill.begin(self.parts.saved_contacts.deepest_bucket(self.own_id), now)

    def walk_finished(self, walk: RefreshLookup, outcome: Outcome, now: float) -> Commands:
        if walk.fills is not None:
            self.parts.bucket_fill.finished(walk.fills, now)
            return NO_COMMANDS
        self.parts.refresh.finished()
        if not walk.is_own_id:
            return NO_COMMANDS
        self._own_lookup_running = False
        if outcome in (Outcome.CANCELLED, Outcome.CLOSED):
            return NO_COMMANDS
        self.own_lookup_done = True
        self._retry_own_lookup_at = now + RETRY_OWN_LOOKUP_S
        if outcome is not Outcome.DONE or not len(self.table):
            return NO_COMMANDS
        self.parts.refresh.joined(now)
        self.parts.bucket_fill.joined(now)
        if self.joined:
            return NO_COMMANDS
        self.joined = True
        return [Joined(self.family, len(self.table))]

    def has_nat_mapping(self, endpoint: Endpoint, now: float) -> bool:
        """Whether a router before this node surely has a mapping for that endpoint: a contact
        there answered not long ago.
        """
        entry = self.table.at(endpoint)
        return entry is not None and now < entry.verified_at + NAT_MAPPING_S

    def sending_to(self, endpoint: Endpoint, now: float) -> tuple[float | None, bool]:
        """Notes that a query goes there now. Returns the round-trip time of the contact in seconds
        (None if it is not known), and whether an answer proves that it is reachable.
        """
        entry = self.table.at(endpoint)
        if entry is None:
            return None, not self.parts.quarantine.is_suspect(endpoint, now)
        proves = self._answer_proves_reachability(entry, now)
        entry.traffic_at = now
        return entry.rtt_s, proves

    def _answer_proves_reachability(self, entry: Entry, now: float) -> bool:
        """Whether an answer to a query sent now cannot come through a NAT mapping that a query of
        the contact itself opened.
        """
        return (
            not entry.inbound
            or now >= entry.traffic_at + self._config.maintenance.quarantine_silence_s
        )

    def network_changed(self, now: float) -> None:
        """Addresses or the link changed, or we slept: believe nothing about reachability, look
        around again.
        """
        self.parts.connectivity.link_changed()
        self.parts.refresh.own_lookup_soon(now)

    def _due_heartbeat(self, now: float) -> Entry | None:
        """After a silence, the entry that was verified longest ago."""
        if now < self._heartbeat_at or not len(self.table):
            return None
        self._heartbeat_at = now + self._config.maintenance.heartbeat_s
        return min(
            (entry for entry in self.table if not entry.checking and not entry.inbound),
            key=lambda entry: entry.verified_at,
            default=None,
        )

    # --- inside -----------------------------------------------------------------------------------

    def _consider(self, contact: Contact, now: float) -> None:
        if self.table.wants(contact):
            refusal = self.parts.candidates.add(contact, now)
            if refusal:
                self.parts.counters.refuse(refusal)

    def _check(self, contact: Contact, entry: Entry | None) -> SendQuery:
        if entry is not None:
            entry.checking = True
        query = FindNode(b"", self.own_id, self.parts.bucket_fill.worth_asking(contact.id))
        is_suspect = entry is not None and entry.failures > 0
        return SendQuery(
            contact.endpoint,
            contact.id,
            query,
            Check(self.parts.candidates, entry),
            retransmit=not is_suspect,
            priority=Priority.MAINTENANCE,
            group=self.parts.counters.checks,
            only_new_contacts=True,
        )

    def _offer(
        self,
        contact: Contact,
        now: float,
        *,
        inbound: bool,
        rtt_s: float | None,
        client: bytes | None,
    ) -> Sequence[Command]:
        offer = self.table.offer(contact, now, inbound=inbound, rtt_s=rtt_s, client=client)
        commands: list[Command] = []
        for evicted in offer.evicted:
            commands += self._removed(evicted, "replaced", None, now)
        if offer.decision is Decision.ADDED and offer.entry is not None:
            commands += self._added(offer.entry)
        elif offer.decision is Decision.CHALLENGE and offer.entry is not None:
            commands.append(self._check(offer.entry.contact, offer.entry))
        elif offer.decision is Decision.REFUSED:
            self.parts.counters.refuse(offer.reason)
        return commands

    def _added(self, entry: Entry) -> Sequence[Command]:
        self.reunion.met(entry)
        self.parts.revalidation.plan(entry)
        if not self.joined and self._own_lookup_running:
            self.parts.bucket_fill.begin(EARLY, entry.verified_at)
        return [ContactAdded(entry.contact, entry.bucket)]

    def _removed(
        self, entry: Entry, reason: str, promoted: Entry | None, now: float
    ) -> Sequence[Command]:
        self.parts.revalidation.forget(entry)
        if reason == "silent":
            self.reunion.lost(entry, now)
        commands: list[Command] = [ContactRemoved(entry.contact, entry.bucket, reason)]
        if promoted is not None:
            commands += self._added(promoted)
            self.parts.revalidation.check_at(promoted, now)
        return commands
