"""The DHT of one address family: its routing table and everything that keeps the table true (BEP
32: one DHT for each family).

It is told what happened and returns the commands that follow; `core.py` carries them out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..config import CoreConfig
from ..contacts import Contact
from ..endpoints import IPV4, PUBLIC, Endpoint, Family, family_of, ip_of
from ..ids import NodeId
from ..wire.messages import FindNode, Query, Reply
from .addressing.bep42 import derive_node_id
from .contract.doubling_pause import DoublingPause
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
    RefreshLookup,
    SendQuery,
)
from .contract.saved_state import SavedContact
from .dht_parts import DhtParts
from .table.bucket import Entry
from .table.bucket_fill import EARLY
from .table.check import Check, check_query
from .table.naming_shares import ASKERS, OWN
from .table.offer import ADDED, CHALLENGE, CONTRADICTED, REFUSED
from .table.saved_contacts import ContactsExport

RETRY_OWN_LOOKUP_S: Final = 5.0
LONGEST_RETRY_S: Final = 300.0
"""The pause before the own ID is looked up again, while no lookup of it has been answered: the
first one, from which it doubles, and the longest.
"""
KEPT_WHEN_FEW: Final = ("silent", "errors")
"""Contacts that left for these reasons may be of use again, while there are hardly any others."""


class Dht:
    __slots__ = (
        "_config",
        "_own_lookup_running",
        "_retry_own_lookup",
        "family",
        "joined",
        "own_lookup_done",
        "parts",
        "table",
    )

    def __init__(self, family: Family, config: CoreConfig, parts: DhtParts) -> None:
        self.family = family
        self.parts = parts
        self.table = parts.table
        self.joined = False
        self.own_lookup_done = not config.defences.first_lookup_first
        self._config = config
        self._own_lookup_running = False
        self._retry_own_lookup = DoublingPause(RETRY_OWN_LOOKUP_S, LONGEST_RETRY_S)

    @property
    def own_id(self) -> NodeId:
        return self.table.own_id

    # --- datagrams of other nodes -----------------------------------------------------------------

    def queried(self, query: Query, source: Endpoint, now: float) -> Commands:
        """Takes note of a query. It proves nothing, not even its source address: it resets no
        failure count, moves no contact, and at most makes a candidate.
        """
        if self.received_from(source, now) or query.read_only:
            return NO_COMMANDS
        contact = Contact(query.sender, source)
        if self.parts.admits_unverified:
            return self._offer(contact, now, inbound=False, rtt_s=None, client=query.version)
        self._consider(contact, now, ASKERS)
        return NO_COMMANDS

    def received_from(self, source: Endpoint, now: float) -> bool:
        """Notes an unsolicited datagram: a NAT between the nodes has a mapping for a while. Returns
        whether the source needs no check: it is in the table, or has left the quarantine in vain.
        """
        entry = self.table.at(source)
        if entry is None:
            return not self.parts.quarantine.contacted_us(source, now)
        entry.traffic_at = now
        return True

    def suggest(self, contact: Contact, now: float) -> None:
        """Makes a contact that was reported elsewhere a candidate for a vacancy."""
        self._consider(contact, now)

    def contacts_in(self, pending: PendingQuery, reply: Reply) -> list[Contact]:
        """The usable contacts of this family in an answer: without those that must not be contacted
        on the word of its sender and, where the query says so, without those in the table.
        """
        raw = reply.nodes if self.family is IPV4 else reply.nodes6
        return self.parts.contacts_in(raw, self.family, pending) if raw else []

    def answered(self, pending: PendingQuery, reply: Reply, now: float) -> Commands:
        """Takes note of a matched reply, the only thing that liveness is learned from."""
        parts = self.parts
        source = pending.endpoint
        commands: list[Command] = []
        if source in parts.scopes.lan.guarded and self.table.at(source) is None:
            return commands
        if parts.link.answered(now):
            parts.refresh.own_lookup_after_silence(now)
            parts.candidates.forgive()
            commands.append(CameOnline(self.family))
        contact = Contact(reply.sender, source)
        if parts.places is not None:
            parts.places.answered(reply.sender, source, now)
        rtt_s = pending.rtt_s(now)
        incumbent = self.table.at(source)
        if incumbent is not None:
            incumbent.checking = False  # answered, no matter which component asked
        entry = self.table.confirm(
            contact, now, rtt_s=rtt_s, client=reply.version, proven=pending.proves_reachability
        )
        if entry is not None:
            parts.revalidation.answered(entry, now, was_check=type(pending.owner) is Check)
        elif incumbent is not None and type(pending.command.query) is not FindNode:
            commands += self._contradicted(incumbent, now)
        elif type(pending.command.query) is FindNode:
            # Also without contacts: jech/dht leaves them out while its table is empty.
            inbound = not pending.proves_reachability
            commands += self._offer(
                contact, now, inbound=inbound, rtt_s=rtt_s, client=reply.version
            )
        elif pending.command.learn_contact:
            self._consider(contact, now)
        if pending.contacts:
            for named in pending.contacts[: parts.candidates.names_per_answer]:
                self._consider(named, now, source)
        return commands

    def missed(self, pending: PendingQuery, now: float) -> Commands:
        """Takes note of a query that was not answered in time."""
        parts = self.parts
        entry = self.table.at(pending.endpoint)
        if entry is None or pending.command.expected_id not in (None, entry.id):
            return NO_COMMANDS
        commands = self._silent(entry, now)
        maintenance = self._config.maintenance
        if not parts.link.online:
            # The silence of the contact says nothing now. That the node is back online it learns by
            # one contact in turn, at its heartbeat.
            parts.revalidation.check_at(entry, now + maintenance.hour_check_s)
            return commands
        return [*commands, *self._failed(entry, "silent", now)]

    def refused(self, pending: PendingQuery, now: float) -> Commands:
        """Takes note of a find_node query that was answered with an error."""
        entry = self.table.at(pending.endpoint)
        if entry is None or pending.command.expected_id not in (None, entry.id):
            return NO_COMMANDS
        return self._failed(entry, "errors", now)

    def _failed(self, entry: Entry, reason: str, now: float) -> Commands:
        """A query to the entry failed: it was not answered, or with an error, or by another ID."""
        maintenance = self._config.maintenance
        at_once = entry.inbound and reason == "silent"
        removal = self.table.fail(
            entry,
            now,
            spacing_s=maintenance.retry_after_failure_s / 2,
            failures_to_evict=1 if at_once else maintenance.failures_to_evict,
        )
        if removal is not None:
            return self._removed(entry, reason, removal.promoted, now)
        self.parts.revalidation.plan(entry)
        return NO_COMMANDS

    def _contradicted(self, entry: Entry, now: float) -> Commands:
        """Another ID answered at the endpoint of the entry. At the first failure the entry is asked
        once more without delay, so that a restarted node is soon known under its new ID.
        """
        failures = entry.failures
        commands = self._failed(entry, "other-id", now)
        if not failures and entry.failures == 1 and not entry.checking:
            return [*commands, self._check(entry.contact, entry)]
        return commands

    def not_sent(self, endpoint: Endpoint, now: float) -> Commands:
        """Takes note that the system refused to send a query there. The fault is on this side, so
        the contact has not failed; but all of them being refused is how a link that is down shows.
        """
        entry = self.table.at(endpoint)
        return NO_COMMANDS if entry is None else self._silent(entry, now)

    def _silent(self, entry: Entry, now: float) -> list[Command]:
        went_offline, to_ask = self.parts.link.silent(entry, now)
        if went_offline:
            return [WentOffline(self.family)]
        return [self._check(each.contact, each) for each in to_ask]

    # --- the own address --------------------------------------------------------------------------

    def seen_as(self, own: Endpoint, source: Endpoint, now: float) -> Commands:
        """A matched reply from ``source`` says that this node is at the endpoint ``own``."""
        parts = self.parts
        if own == parts.address.unanimous:
            return NO_COMMANDS
        if (
            family_of(own) is not self.family
            or parts.scopes.of(own) is not PUBLIC
            or parts.scopes.of(source) is not PUBLIC
        ):
            return NO_COMMANDS
        verdict = parts.address.vote(parts.scopes.voter(source), ip_of(own), own[-2:], now)
        if verdict.changed:
            return self._moved(now)
        return self._ask_for_votes(verdict.probes) if verdict.probes else NO_COMMANDS

    def _ask_for_votes(self, netgroups: int) -> Commands:
        """Asks one contact of each of so many netgroups that have not voted in this count."""
        to_ask = self.parts.link.voters(netgroups, self.parts.address.has_voted)
        return [self._check(entry.contact, entry) for entry in to_ask]

    def _moved(self, now: float) -> Commands:
        """The own address was decided: the node ID follows it, and the contacts stay."""
        address = self.parts.address
        assert address.ip is not None
        commands: list[Command] = []
        if self.parts.public_key is not None:
            left_over = self.table.rebase(derive_node_id(self.parts.public_key, address.ip), now)
            for entry in left_over:
                commands += self._removed(entry, "moved", None, now)
            self.parts.refresh.own_lookup_soon(now)
        port = int.from_bytes(address.port, "big") if address.port else None
        changed = AddressChanged(self.family, address.ip, port, self.own_id, address.voters)
        return [changed, *commands]

    def drop_own_ids(self, now: float) -> Commands:
        """This node has a new ID, in this family or in another one: no contact may bear it."""
        gone = [self._removed(each, "own-id", None, now) for each in self.table.take_out_own()]
        return [command for commands in gone for command in commands]

    def drop_barred(self, now: float) -> Commands:
        """The operator excludes other addresses than before: no contact may have one of them."""
        gone = self.parts.take_out_barred()
        return [c for each in gone for c in self._removed(each.entry, "banned", each.promoted, now)]

    def network_changed(self, now: float) -> Commands:
        """The addresses or the link changed, or the machine slept: earlier evidence of being online
        and of the own address is void, and the own ID is looked up anew. Contacts stay.
        """
        self.parts.link.link_changed()
        self.parts.refresh.own_lookup_soon(now)
        return self._ask_for_votes(self.parts.address.network_changed(now))

    def socket_lost(self) -> Commands:
        """There is no socket any more: until an answer comes, no silence is a contact's fault."""
        return [WentOffline(self.family)] if self.parts.link.cut_off() else NO_COMMANDS

    # --- over a restart ---------------------------------------------------------------------------

    def begin_export(self, now: float) -> ContactsExport:
        return self.parts.saved_contacts.begin_export(self.parts.address, now)

    def restore(
        self, contacts: Sequence[SavedContact], now: float, ip: bytes | None = None
    ) -> None:
        """``ip``: the address that this node had in the run that the contacts are from."""
        if ip is not None:
            self.table.own_ids.had_at(ip)
        for contact in self.parts.saved_contacts.restore(contacts, now):
            if self.parts.may_be_candidate(contact):  # a reserve holds it back when it is drawn
                self.parts.add_candidate(contact, now, OWN)

    @property
    def has_contacts(self) -> bool:
        """Whether a lookup has a contact to begin with."""
        return self.parts.saved_contacts.has_contacts

    def first_contacts(self, target: NodeId, count: int, now: float) -> list[Contact]:
        """The contacts that a lookup of ``target`` begins with."""
        return self.parts.saved_contacts.first_contacts(target, count, now)

    # --- time -------------------------------------------------------------------------------------

    def tick(self, now: float) -> Commands:
        parts = self.parts
        commands: list[Command] = []
        # Nearly always one of them is due, and the others need not be asked.
        if parts.refresh.deadline <= now or parts.bucket_fill.deadline <= now:
            commands += [*parts.refresh.due(now), *parts.bucket_fill.due(now)]
        if parts.static_peers.deadline <= now:
            commands += [self._check_static(endpoint) for endpoint in parts.static_peers.due(now)]
        if not self.own_lookup_done:
            return commands
        for contact, source in parts.reserve.released(now):
            self._consider(contact, now, source)
        # Not before the first lookup of the own ID is done: otherwise the nodes that query this one
        # first would fill its empty table (eclipse attack on a restart).
        while (candidate := parts.candidates.draw(now, parts.wanted_now(now))) is not None:
            commands.append(self._check(candidate, None))
        entry = parts.revalidation.due(now) or parts.link.due(now)
        if entry is not None:
            commands.append(self._check(entry.contact, entry))
        if self._wants_to_join and now >= self._retry_own_lookup.free_at:
            parts.refresh.own_lookup_soon(now)
            commands += parts.refresh.due(now)
        return commands

    @property
    def _wants_to_join(self) -> bool:
        """Whether there are contacts, and no lookup of the own ID has been answered yet."""
        return not self.joined and len(self.table) > 0 and not self._own_lookup_running

    def next_deadline(self) -> float:
        # Without min(), because this is called after every datagram.
        parts = self.parts
        deadline = parts.refresh.deadline
        if (at := parts.bucket_fill.deadline) < deadline:
            deadline = at
        if (at := parts.static_peers.deadline) < deadline:
            deadline = at
        if not self.own_lookup_done:
            return deadline
        if (at := parts.candidates.deadline) < deadline:
            deadline = at
        if (at := parts.revalidation.deadline) < deadline:
            deadline = at
        if (at := parts.link.heartbeat_at) < deadline and len(self.table):
            deadline = at
        if not self.joined and self._wants_to_join and self._retry_own_lookup.free_at < deadline:
            deadline = self._retry_own_lookup.free_at
        return deadline

    # --- lookups for the table --------------------------------------------------------------------

    def refresh_started(self, refresh: RefreshLookup, now: float) -> None:
        if refresh.fills is not None:
            self.parts.bucket_fill.started(refresh.fills)
        else:
            self.parts.refresh.started()
        self._own_lookup_running = self._own_lookup_running or refresh.is_own_id
        if refresh.is_own_id and not self.joined:
            deepest = self.parts.saved_contacts.deepest_bucket(self.own_id)
            self.parts.bucket_fill.begin(deepest, now)

    def refresh_finished(self, refresh: RefreshLookup, outcome: Outcome, now: float) -> Commands:
        if refresh.fills is not None:
            self.parts.bucket_fill.finished(refresh.fills, now)
            return NO_COMMANDS
        self.parts.refresh.finished()
        if not refresh.is_own_id:
            return NO_COMMANDS
        self._own_lookup_running = False
        self._retry_own_lookup.used(now)
        if outcome in (Outcome.CANCELLED, Outcome.CLOSED):
            return NO_COMMANDS
        self.own_lookup_done = True
        if outcome is not Outcome.DONE or not len(self.table):
            return NO_COMMANDS
        self.parts.refresh.joined(now)
        self.parts.bucket_fill.joined(now)
        if self.joined:
            return NO_COMMANDS
        self.joined = True
        return [Joined(self.family, len(self.table))]

    def has_enough(self, bucket: int) -> bool:
        """Whether a bucket needs no more lookups to be filled."""
        return self.parts.bucket_fill.has_enough(bucket)

    # --- inside -----------------------------------------------------------------------------------

    def _consider(self, contact: Contact, now: float, source: bytes = OWN) -> None:
        parts = self.parts
        if not parts.may_be_candidate(contact):
            return
        if parts.reserve.ends_at <= now or not parts.holds_back(contact, now, source):
            parts.add_candidate(contact, now, source)

    def _check(self, contact: Contact, entry: Entry | None) -> SendQuery:
        if entry is not None:
            entry.checking = True
        candidates, reports = self.parts.candidates, self.parts.size_reports
        target = self.parts.bucket_fill.worth_asking(contact.id)
        query = FindNode(b"", self.own_id, reports.target(contact.id, target, entry))
        check, counters = Check(candidates, entry, reports), self.parts.counters
        is_doubtful = not entry.returnable if entry else candidates.is_doubtful(contact.endpoint)
        again = self.parts.link.online and not is_doubtful
        return check_query(contact.endpoint, contact.id, query, check, counters, retransmit=again)

    def _check_static(self, endpoint: Endpoint) -> SendQuery:
        query = FindNode(b"", self.own_id, self.own_id)
        check = Check(self.parts.candidates, None, self.parts.size_reports)
        return check_query(endpoint, None, query, check, self.parts.counters)

    def _offer(
        self,
        contact: Contact,
        now: float,
        *,
        inbound: bool,
        rtt_s: float | None,
        client: bytes | None,
    ) -> Commands:
        offer = self.table.offer(contact, now, inbound=inbound, rtt_s=rtt_s, client=client)
        commands: list[Command] = []
        for evicted in offer.evicted:
            commands += self._removed(evicted, "replaced", None, now)
        if offer.decision is ADDED and offer.entry is not None:
            commands += self._added(offer.entry)
        elif offer.decision is CHALLENGE and offer.entry is not None:
            commands.append(self._check(offer.entry.contact, offer.entry))
        elif offer.decision is CONTRADICTED and offer.entry is not None:
            commands += self._contradicted(offer.entry, now)
        elif offer.decision is REFUSED:
            self.parts.counters.refuse(offer.reason)
        return commands

    def _added(self, entry: Entry) -> Commands:
        self.parts.saved_contacts.entered_table(entry)
        self.parts.revalidation.plan(entry)
        if not self.joined and self._own_lookup_running:
            self.parts.bucket_fill.begin(EARLY, entry.verified_at)
        return [ContactAdded(entry.contact, entry.bucket)]

    def _removed(self, entry: Entry, reason: str, promoted: Entry | None, now: float) -> Commands:
        self.parts.revalidation.forget(entry)
        if entry.inbound and reason == "silent":
            self.parts.quarantine.fell(entry.contact.endpoint, now)
        if reason in KEPT_WHEN_FEW:
            self.parts.saved_contacts.left_table(entry, now)
        commands: list[Command] = [ContactRemoved(entry.contact, entry.bucket, reason)]
        if promoted is not None:
            commands += self._added(promoted)
            self.parts.revalidation.check_at(promoted, now)
        return commands
