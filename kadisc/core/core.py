"""The node: turns the decisions of its components into datagrams and events. The contract is in the
public methods.

No socket, clock or task in here: every call takes ``now`` in seconds of one steady clock, every
answer comes out of ``drain_outbox`` and ``drain_events``. The same code runs on sockets and in a
simulation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from ..as_map import AsMap
from ..config import CoreConfig
from ..endpoints import Endpoint, Family, family_of
from ..errors import DecodeError, UsageError
from ..ids import NodeId
from ..wire import krpc
from ..wire.messages import AnnouncePeer, Error, Gossip, Ping, Put, Query, Reply
from . import assembly
from .addressing.contact_pool import ContactPool
from .addressing.external_address import ExternalAddress
from .addressing.policy import AddressPolicy
from .contract.counters import Counters
from .contract.events import Datagram, Event, Finished, LookupKind, OperationId, Outcome, PeersFound
from .contract.queries import (
    Command,
    Commands,
    PendingQuery,
    QueryFailure,
    RefreshLookup,
    RendezvousLookup,
    SendQuery,
)
from .contract.saved_state import SavedState
from .dht import Dht
from .limits_assembly import ends_for
from .lookup.factory import LookupFactory
from .lookup.operation import LookupOperation, LookupOptions
from .lookup.operations import Operations, PingOperation
from .lookup.put import Draft
from .network_assembly import peer_network_for
from .peers.answers import fitting
from .peers.network import PeerNetwork
from .peers.network_api import PeerNetworkApi
from .peers.no_network import NoPeerNetwork
from .peers.own_record import Membership
from .rpc.receiver import QUERY_NAMES
from .rpc.send_queue import SendQueue
from .rpc.transactions import Overdue
from .serving_assembly import responder_for
from .snapshot import OperationSnapshot, Snapshot, dht_snapshot, operation_snapshots

MAX_ROUNDS: Final = 200
"""What a tick starts can end at once, for want of contacts, and make the next thing due; there are
at most as many walks as buckets.
"""


class Core:
    def __init__(
        self,
        config: CoreConfig,
        rng: Random,
        own_ids: Mapping[Family, NodeId],
        now: float,
        *,
        public_key: bytes | None = None,
        addresses: Mapping[Family, ExternalAddress] | None = None,
        membership: Membership | None = None,
        pool: ContactPool | None = None,
        as_map: AsMap | None = None,
    ) -> None:
        """One overlay for each family in ``own_ids``. With a ``public_key`` (32 bytes) the own ID
        follows our address once the votes on it have decided; ``addresses`` says what is known of
        it already. With a ``membership``, which has the key, it keeps company with its own network.
        ``pool``: of contacts, for several nodes to share; ``as_map``: of the operator. Raises
        ValueError for a bad network in ``config``, UsageError for bad services.
        """
        self.config = config
        self.counters = Counters()
        self._scopes = AddressPolicy(
            config.allow_private, config.banned, config.restricted_to, as_map
        )
        public_key = membership.identity.public_key if membership is not None else public_key
        self._dhts = {
            family: assembly.dht_for(
                family,
                own_id,
                config,
                rng,
                self._scopes,
                self.counters,
                public_key,
                (addresses or {}).get(family),
                pool,
            )
            for family, own_id in own_ids.items()
        }
        self._queue = SendQueue(
            config,
            assembly.transactions_for(config, rng, next(iter(own_ids.values()))),
            assembly.pacer_for(config),
        )
        self._responder = responder_for(config, rng, self._dhts, self._scopes, self.counters, now)
        self._operations = Operations(config.lookup.max_operations)
        self._receiver, self._sender = ends_for(
            config, self._queue, self._responder, self._dhts, self._scopes, self.counters
        )
        self.peer_network = (
            peer_network_for(membership, config, rng, self._dhts, self._scopes, self.counters, now)
            if membership
            else None
        )
        self._network_api: PeerNetworkApi = self.peer_network or NoPeerNetwork(self._responder)
        lookup_rules, held = (
            assembly.lookup_rules_for(config, self._scopes),
            self._responder.items.store.get,
        )
        self._searches = LookupFactory(
            config, lookup_rules, self._dhts, self._operations, held, self._network_api.first_hops
        )
        self._parts: list[Dht | PeerNetwork] = [
            *self._dhts.values(),
            *filter(None, (self.peer_network,)),
        ]  # a loner waits for nothing
        self._events: list[Event] = []
        self._closed = False

    @property
    def own_ids(self) -> dict[Family, NodeId]:
        return {family: dht.own_id for family, dht in self._dhts.items()}

    @property
    def dhts(self) -> Mapping[Family, Dht]:
        return self._dhts

    # --- bytes and time go in ---------------------------------------------------------------------

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        """A datagram came. Never raises, whatever it holds: it is accepted or dropped, and counted
        as one of them.
        """
        if self._receiver.admits(payload, source, now):
            self._read(payload, source, self._dhts[family_of(source)], now)

    def tick(self, now: float) -> None:
        """Time has come to ``next_deadline``, or gone on."""
        if self._closed:
            return
        for pending, overdue in self._queue.transactions.due(now):
            self._overdue(pending, overdue, now)
        for command in self._queue.released(now):
            self._sender.send_query(command, now)
        for part in self._parts:
            for _ in range(MAX_ROUNDS):
                if part.next_deadline() > now:  # most ticks are for a query that is overdue
                    break
                self._carry_out(part.tick(now), now)
        self._responder.expire(now)

    def next_deadline(self) -> float:
        """When to call ``tick``: may be early, never late; inf when there is nothing to wait for."""
        if self._closed:
            return float("inf")
        # By hand, without min(): whoever drives the node asks after every datagram.
        deadline = self._queue.next_deadline()
        for store in self._responder.stores:
            if store.deadline < deadline:
                deadline = store.deadline
        for part in self._parts:
            if (of_part := part.next_deadline()) < deadline:
                deadline = of_part
        return deadline

    def send_failed(self, destination: Endpoint, now: float) -> None:
        """The system would not send there. That is our trouble, not the contact's: its failure
        count stays.
        """
        for pending in self._queue.transactions.forget(
            lambda pending: pending.endpoint == destination
        ):
            self.counters.refuse("send-failed")
            failed = pending.owner.failed(pending.command, QueryFailure.NOT_SENT, now)
            self._carry_out(failed, now)

    def drain_outbox(self) -> list[Datagram]:
        return self._sender.drain()

    def drain_events(self) -> list[Event]:
        drained, self._events = self._events, []
        return drained

    # --- operations: each returns an id at once and ends in exactly one terminal event ------------

    def ping(self, endpoint: Endpoint, now: float) -> OperationId:
        """Ends in PingFinished. Raises Busy or Closed."""
        operation = self._operations.new_id()
        ping = PingOperation(operation, endpoint)
        self._operations.started(operation, ping)
        if (dht := self._dhts.get(family_of(endpoint))) is None:
            self._carry_out(ping.end(Outcome.NO_CONTACTS, now), now)
        else:
            self._carry_out([SendQuery(endpoint, None, Ping(b"", dht.own_id), ping)], now)
        return operation

    def start_lookup(
        self,
        target: NodeId,
        now: float,
        *,
        family: Family,
        kind: LookupKind = LookupKind.FIND_NODE,
        k: int | None = None,
        paths: int = 1,
        first_value: bool = False,
        for_peers: bool = False,
        salt: bytes = b"",
        seeds: Sequence[Endpoint] = (),
    ) -> OperationId:
        """Ends in LookupFinished, with NodeAnswered and PeersFound on the way. ``salt``: of the
        mutable item that is looked up. ``seeds``: endpoints of unknown ID to begin with, beside the
        own table. ``for_peers``: the peers are wanted, and not the closest nodes. Raises Busy or
        Closed.
        """
        options = LookupOptions(
            self._operations.new_id(),
            kind,
            family,
            first_value=first_value,
            for_peers=for_peers,
            salt=salt,
        )
        return self._start_for_caller(
            self._searches.make(target, options, now, k=k, paths=paths),
            seeds,
            now,
            options.operation,
        )

    def join(self, endpoints: Sequence[Endpoint], now: float, *, family: Family) -> OperationId:
        """One attempt to join by these bootstrap nodes and the own table: a lookup of the own ID.
        Ends in JoinFinished.
        """
        operation = self._operations.new_id()
        return self._start(
            self._searches.for_join(operation, family, now), endpoints, now, operation
        )

    def announce(
        self,
        info_hash: NodeId,
        port: int,
        now: float,
        *,
        family: Family,
        implied_port: bool = False,
        seeds: Sequence[Endpoint] = (),
    ) -> OperationId:
        """Announces us as a peer at the nodes closest to ``info_hash`` (BEP 5), once. Ends in
        AnnounceFinished. Raises Busy or Closed.
        """
        operation = self._operations.new_id()
        search = self._searches.for_announce(
            operation, info_hash, family, now, port=port, implied_port=implied_port
        )
        return self._start_for_caller(search, seeds, now, operation)

    def put(
        self, draft: Draft, now: float, *, family: Family, seeds: Sequence[Endpoint] = ()
    ) -> OperationId:
        """Stores an item at the nodes closest to its target (BEP 44), once. Ends in PutFinished.
        Raises Busy or Closed.
        """
        operation = self._operations.new_id()
        return self._start_for_caller(
            self._searches.for_put(operation, draft, family, now), seeds, now, operation
        )

    def check_peer(self, endpoint: Endpoint, now: float) -> OperationId:
        """Asks whoever is there to prove that it is of our network. Ends in PeerChecked. Raises
        Busy, Closed, and UsageError for a loner.
        """
        if self.peer_network is None:
            raise UsageError("this node is of no network")
        operation = self._operations.new_id()
        exchange, commands = self.peer_network.check(endpoint, now, operation)
        self._operations.started(operation, exchange)
        self._carry_out(commands, now)
        return operation

    def cancel(self, operation: OperationId, now: float) -> None:
        """Ends it with CANCELLED; without effect once it has ended."""
        self._end(operation, Outcome.CANCELLED, now)

    def network_changed(self, now: float) -> None:
        """The link or the addresses changed, or the machine slept."""
        self._queue.stall_timer.reset()
        for dht in self._dhts.values():
            dht.network_changed(now)

    def close(self, now: float) -> None:
        """Ends every operation with CLOSED; nothing is taken in or started any more."""
        self._operations.close()
        for operation, _ in self._operations.items():
            self._end(operation, Outcome.CLOSED, now)
        self._queue.close()
        self._receiver.close()
        self._closed = True

    # --- keeping, and looking in ------------------------------------------------------------------

    def export_state(self, now: float) -> SavedState:
        return SavedState(
            tuple(each.export(now) for each in self._dhts.values()),
            self.peer_network.export(now) if self.peer_network else None,
        )

    def restore(self, state: SavedState, now: float) -> None:
        """Takes up what was exported: its contacts are where lookups begin, and come into the table
        once they have answered again.
        """
        for saved in state.dhts:
            if saved.family in self._dhts:
                self._dhts[saved.family].restore(saved.contacts, now)
        if self.peer_network is not None and state.peer_network is not None:
            self._carry_out(self.peer_network.restore(state.peer_network, now), now)

    def snapshot(self, now: float) -> Snapshot:
        dhts, stored = (
            tuple(dht_snapshot(each, now) for each in self._dhts.values()),
            self._responder.stored,
        )
        peer_network = self.peer_network.snapshot(now) if self.peer_network is not None else None
        return Snapshot(
            dhts,
            self.operations(),
            len(self._queue),
            *stored,
            self.counters.as_dict(),
            peer_network,
        )

    def stored_peers(self, info_hash: NodeId, now: float) -> list[Endpoint]:
        return self._responder.peers.held(info_hash, now)

    def operations(self) -> tuple[OperationSnapshot, ...]:
        return operation_snapshots(self._operations)

    @property
    def operations_in_flight(self) -> int:
        return len(self._operations)

    @property
    def queries_in_flight(self) -> int:
        return len(self._queue)

    # --- one datagram's way -----------------------------------------------------------------------

    def _read(self, payload: bytes, source: Endpoint, dht: Dht, now: float) -> None:
        try:
            message = self._receiver.decode(payload, source, now)
        except DecodeError as refusal:
            self.counters.drop(refusal.reason)
            if refusal.tid is not None and not self.config.read_only:
                self._sender.reply(
                    fitting(
                        self._responder.malformed(refusal.tid, refusal.code, refusal.text, source),
                        len(payload),
                    ),
                    source,
                    now,
                )
            return
        if isinstance(message, Reply):
            self._replied(message, source, dht, now)
        elif isinstance(message, Query):
            self._serve(message, source, dht, len(payload), now)
        else:
            self._refused(message, source, now)

    def _serve(
        self, query: Query, source: Endpoint, dht: Dht, query_bytes: int, now: float
    ) -> None:
        if self.config.read_only:
            self.counters.drop("read-only")
            return
        self.counters.accept(QUERY_NAMES[type(query)])
        self._network_api.query_received(source, now)
        if isinstance(query, Gossip):
            served = self._network_api.serve(query, source, query_bytes, now)
            if served.proven:
                self._sender.proved(source, now)
            self._sender.reply(served.payload, source, now)
            dht.heard_from(source, now)
        else:
            answer = self._responder.answer(query, source, now)
            if isinstance(query, (AnnouncePeer, Put)) and isinstance(answer, Reply):
                self._sender.proved(source, now)  # it has shown a token that was sent there
            self._sender.reply(krpc.encode(answer), source, now)
            self._carry_out(dht.queried(query, source, now), now)

    def _replied(self, reply: Reply, source: Endpoint, dht: Dht, now: float) -> None:
        if (pending := self._receiver.match(reply.tid, source, now)) is None:
            self.counters.drop("unmatched-reply")
            return
        self.counters.accept("reply")
        if (rtt_s := pending.rtt_s(now)) is not None:
            self._queue.measured(source, rtt_s, now)
        pending.contacts = dht.contacts_in(pending, reply)
        if reply.values:
            reply.values = [peer for peer in reply.values if self._scopes.may_take(peer, source)]
        # The table first: an operation that ends by this answer speaks of a table that has it.
        self._carry_out(dht.answered(pending, reply, now), now)
        self._network_api.answered(pending, reply, now)
        self._carry_out(pending.owner.answered(pending, reply, now), now)
        if reply.seen_as is not None and (commands := dht.seen_as(reply.seen_as, source, now)):
            self._carry_out(commands, now)

    def _refused(self, error: Error, source: Endpoint, now: float) -> None:
        if (pending := self._receiver.match(error.tid, source, now)) is None:
            self.counters.drop("unmatched-error")
            return
        self.counters.accept("error")
        if (
            error.seen_as is not None
        ):  # where all are strict about IDs (BEP 42), errors are the only way to learn what ours must be
            self._carry_out(self._dhts[family_of(source)].seen_as(error.seen_as, source, now), now)
        self._carry_out(pending.owner.failed(pending.command, error, now), now)

    def _overdue(self, pending: PendingQuery, overdue: Overdue, now: float) -> None:
        if overdue is Overdue.EXPIRED:
            expired = pending.owner.failed(pending.command, QueryFailure.TIMED_OUT, now)
            self._carry_out(expired, now)
            self._carry_out(self._dhts[family_of(pending.endpoint)].missed(pending, now), now)
            self._carry_out(self._network_api.missed(pending, now), now)
            return
        if overdue is Overdue.STALLED:
            self._sender.send_again(pending, now)
        self._carry_out(pending.owner.stalled(pending, now), now)

    # --- decisions become datagrams and events ----------------------------------------------------

    def _carry_out(self, commands: Commands, now: float) -> None:
        while commands:
            next_commands: list[Command] = []
            for command in commands:
                if isinstance(command, SendQuery):
                    next_commands += self._sender.submit(command, now)
                elif isinstance(command, RefreshLookup):
                    self._start(self._searches.for_table(command, now), (), now)
                elif isinstance(command, RendezvousLookup):
                    self._start(
                        self._searches.for_tag(command, self._network_api.rendezvous_finished, now),
                        (),
                        now,
                    )
                else:
                    if isinstance(command, Finished):
                        self._queue.drop_waiting(self._operations.finished(command))
                    if isinstance(command, (Finished, PeersFound)):
                        self._queue.join_yield.served(command.operation, now)
                    self._events.append(command)
                    next_commands += self._network_api.happened(command, now)
            commands = next_commands

    def _start_for_caller(
        self, search: LookupOperation, seeds: Sequence[Endpoint], now: float, operation: OperationId
    ) -> OperationId:
        self._queue.join_yield.searching(operation, now)
        return self._start(search, seeds, now, operation)

    def _start(
        self,
        search: LookupOperation,
        seeds: Sequence[Endpoint],
        now: float,
        operation: OperationId | None = None,
    ) -> OperationId:
        self._operations.started(search.options.operation, search)
        seeds = [seed for seed in seeds if family_of(seed) is search.options.family]
        self._carry_out(search.start(self._searches.first_contacts(search, now), seeds, now), now)
        return operation or search.options.operation

    def _end(self, operation: OperationId, outcome: Outcome, now: float) -> None:
        if (what := self._operations.get(operation)) is None:
            return
        self._carry_out(what.end(outcome, now), now)
        for owner in what.owners:
            self._queue.forget(owner)
