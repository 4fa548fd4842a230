"""The engine of a node: it takes datagrams and time to the components of the core, and carries out
the commands that they return. `core.py` adds what callers can ask for.

It has no socket, clock or task: every call takes ``now``, in seconds of one steady clock, and the
results come out of ``drain_outbox`` and ``drain_events``, on sockets as in a simulation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from random import Random
from typing import Final

from ..as_map import AsMap
from ..config import CoreConfig
from ..endpoints import Endpoint, Family, family_of
from ..errors import DecodeError
from ..ids import NodeId
from ..wire import krpc
from ..wire.messages import (
    AnnouncePeer,
    Error,
    FindNode,
    Gossip,
    Knock,
    Ping,
    Put,
    Query,
    Reach,
    Reply,
)
from . import assembly, peers_assembly, serving_assembly
from .addressing.bep42_places import SubnetPlaces
from .addressing.contact_pool import ContactPool
from .addressing.external_address import ExternalAddress
from .addressing.own_ids import OwnIds
from .addressing.policy import AddressPolicy
from .contract.conduct import Conduct
from .contract.counters import Counters
from .contract.events import (
    AddressChanged,
    Datagram,
    Event,
    Finished,
    OperationId,
    Outcome,
    PeersFound,
)
from .contract.queries import (
    Command,
    Commands,
    PendingQuery,
    QueryFailure,
    RefreshLookup,
    RendezvousLookup,
    SendQuery,
    SendReply,
)
from .dht import Dht
from .lookup.factory import LookupFactory
from .lookup.operation import LookupOperation
from .lookup.operations import Operations
from .peers.network import PeerNetwork
from .peers.network_api import PeerNetworkApi
from .peers.no_network import NoPeerNetwork
from .peers.own_record import Membership
from .reach.helping import HelpRule, NoHelp
from .rpc.receiver import QUERY_NAMES
from .rpc.transactions import EXPIRED, STALLED, Overdue
from .serving.fitting import fitting

MAX_ROUNDS: Final = 200
"""How often one component is asked in one tick. What a tick starts can end at once, for want of
contacts, and make the next thing due; there are at most as many lookups as buckets."""


class Engine:
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
        """One DHT for each family in ``own_ids``.

        ``public_key`` (32 bytes): the own ID follows the own address once the votes on it have
        decided. ``addresses``: what is known of that address already. ``membership``: the own
        network of the application, with the key. ``pool``: of contacts, to be shared by several
        cores. ``as_map``: of the operator. Raises ValueError for a bad subnet in ``config``,
        UsageError for services that no record can hold.
        """
        self.config = config
        self.counters = Counters()
        self._scopes = AddressPolicy(config.allow_private, config.ban, config.netrestrict, as_map)
        public_key = membership.identity.public_key if membership is not None else public_key
        own = OwnIds(public_key)
        places = SubnetPlaces(self._scopes)
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
                own,
                places,
            )
            for family, own_id in own_ids.items()
        }
        transactions = assembly.transactions_for(config, rng, next(iter(own_ids.values())))
        tokens = assembly.tokens_for(config, rng, now)
        announces = membership is None or membership.reachable
        conducts = {
            family: Conduct(read_only=config.read_only, announces=announces)
            for family in self._dhts
        }
        self._queue = assembly.send_queue_for(config, transactions, tokens, conducts)
        cell_hash = assembly.cell_hash_for(config, tokens, self._scopes)
        tables = {family: dht.table for family, dht in self._dhts.items()}
        self._responder = serving_assembly.responder_for(
            config, rng, tables, self._scopes, self.counters, tokens, cell_hash
        )
        self._operations = Operations(config.lookup.max_operations, config.lookup.max_paths)
        self._contacted = assembly.contacted_for(config, tokens)
        self._probes = assembly.probe_lane_for(config)
        self._receiver, self._sender = assembly.receiver_and_sender_for(
            config,
            self._queue,
            self._dhts,
            self._scopes,
            self.counters,
            cell_hash,
            tokens,
            self._contacted,
            self._probes,
        )
        extra_places = assembly.extra_places_of(self._dhts)
        self.peer_network: PeerNetwork | None = None
        self._network_api: PeerNetworkApi = NoPeerNetwork(self._responder)
        self._helping: HelpRule = NoHelp()
        self._parts: list[Dht | PeerNetwork] = [*self._dhts.values()]
        if membership is not None:
            self.peer_network = peers_assembly.peer_network_for(
                membership,
                config,
                rng,
                self._dhts,
                self._scopes,
                self.counters,
                cell_hash,
                now,
                conducts,
                self._contacted,
                self._probes,
                extra_places,
            )
            self._network_api = self.peer_network
            self._helping = self.peer_network.reach.helping
            self._parts.append(self.peer_network)
        self._lookups = LookupFactory(
            config,
            assembly.lookup_rules_for(config, self._scopes, places, extra_places),
            self._dhts,
            self._operations,
            self._responder.items.store.get,
            assembly.make_region_for(config),
            self._network_api.first_hops,
        )
        self._events: list[Event] = []
        self._closed = False

    @property
    def own_ids(self) -> dict[Family, NodeId]:
        return {family: dht.own_id for family, dht in self._dhts.items()}

    @property
    def dhts(self) -> Mapping[Family, Dht]:
        return self._dhts

    # --- datagrams and time go in -----------------------------------------------------------------

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        """Takes a datagram in. Never raises, whatever it holds: it is accepted or dropped, and
        counted as one of the two.
        """
        if self._receiver.admits(payload, source, now):
            self._read(payload, source, self._dhts[family_of(source)], now)

    def tick(self, now: float) -> None:
        """Does what is due; to be called at ``next_deadline`` or later."""
        if self._closed:
            return
        for pending, overdue in self._queue.transactions.due(now):
            self._overdue(pending, overdue, now)
        for command in self._queue.released(now):
            self._carry_out(self._sender.send_query(command, now), now)
        for part in self._parts:
            for _ in range(MAX_ROUNDS):
                if part.next_deadline() > now:  # most ticks are for an overdue query
                    break
                self._carry_out(part.tick(now), now)
        self._responder.expire(now)

    def next_deadline(self) -> float:
        """When to call ``tick``: may be early, never late; inf when nothing will be due."""
        if self._closed:
            return inf
        # Without min(), because this is called after every datagram.
        deadline = self._queue.next_deadline()
        for store in self._responder.stores:
            if store.deadline < deadline:
                deadline = store.deadline
        for part in self._parts:
            if (of_part := part.next_deadline()) < deadline:
                deadline = of_part
        return deadline

    def send_failed(self, destination: Endpoint, now: float) -> None:
        """The system refused to send there. The fault is on this side, so the failure count of the
        contact stays.
        """
        if self._withdraw(lambda pending: pending.endpoint == destination, now):
            dht = self._dhts[family_of(destination)]
            self._carry_out(dht.not_sent(destination, now), now)

    def _withdraw(self, unwanted: Callable[[PendingQuery], bool], now: float) -> bool:
        """Ends the queries that this side cannot have sent, or answered. Returns whether there were
        any.
        """
        forgotten = self._queue.transactions.forget(unwanted)
        for pending in forgotten:
            self.counters.refuse("send-failed")
            self._carry_out(pending.owner.failed(pending.command, QueryFailure.NOT_SENT, now), now)
        return bool(forgotten)

    def drain_outbox(self) -> list[Datagram]:
        return self._sender.drain()

    def drain_events(self) -> list[Event]:
        drained, self._events = self._events, []
        return drained

    # --- the way of one datagram ------------------------------------------------------------------

    def _read(self, payload: bytes, source: Endpoint, dht: Dht, now: float) -> None:
        try:
            message = self._receiver.decode(payload, source, now)
        except DecodeError as refusal:
            self._receiver.drop(refusal.reason, source, now)
            if refusal.tid is not None and not self.config.read_only:
                answer = self._responder.malformed(refusal.tid, refusal.code, refusal.text, source)
                self._sender.reply(fitting(answer, len(payload)), source, now)
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
            self._receiver.drop("read-only", source, now)
            return
        kind = type(query)
        is_frequent = kind is FindNode or kind is Ping
        if (
            not is_frequent
            and (cost_s := self._responder.answering_s(query))
            and not self._receiver.charges(cost_s, source, now)
        ):
            return
        self.counters.accept(QUERY_NAMES[kind])
        if kind is Ping and isinstance(query, Ping) and query.nonce is not None:
            self._serve_probe(query, query.nonce, source, dht, now)
            return
        if commands := self._network_api.query_received(source, now):
            self._carry_out(commands, now)
        if is_frequent:
            answer = self._responder.answer(query, source, now)
            if query.asker_token is not None:
                self._receiver.add_asker_token(answer, query, source, now)
        elif isinstance(query, (Gossip, Reach, Knock)):
            if isinstance(query, Gossip):
                served = self._network_api.serve(query, source, query_bytes, now)
            else:
                served = self._helping.serve(query, source, query_bytes, now)
            if served.proven:
                self._sender.proved(source, now)
            self._sender.reply(served.payload, source, now)
            dht.received_from(source, now)
            if served.commands:
                self._carry_out(served.commands, now)
            return
        else:
            answer = self._responder.answer(query, source, now)
            if isinstance(query, (AnnouncePeer, Put)) and isinstance(answer, Reply):
                self._sender.proved(source, now)  # it has shown a token that was sent there
        self._sender.reply(krpc.encode(answer), source, now)
        if commands := dht.queried(query, source, now):
            self._carry_out(commands, now)

    def _serve_probe(
        self, query: Ping, nonce: bytes, source: Endpoint, dht: Dht, now: float
    ) -> None:
        """The ping of a witness: whether it is a stranger is seen before the answer is sent."""
        commands = self._network_api.ping_received(nonce, source, now)
        payload = krpc.encode(self._responder.answer(query, source, now))
        if self._probes.answers(nonce):
            self._sender.reply_to_probe(payload, source, now)
        else:
            self._sender.reply(payload, source, now)
        self._carry_out([*commands, *dht.queried(query, source, now)], now)

    def _replied(self, reply: Reply, source: Endpoint, dht: Dht, now: float) -> None:
        if (pending := self._receiver.match(reply.tid, source, now)) is None:
            self._receiver.drop("unmatched-reply", source, now)
            return
        self.counters.accept("reply")
        if (rtt_s := pending.rtt_s(now)) is not None:
            self._queue.measured(source, rtt_s, now)
        pending.contacts = dht.contacts_in(pending, reply)
        if reply.values:
            reply.values = [peer for peer in reply.values if self._scopes.may_take(peer, source)]
        # The table first: an operation that ends by this answer finds the contact in the table.
        if commands := dht.answered(pending, reply, now):
            self._carry_out(commands, now)
        if reply.version is not None and dht.table.holds(source):
            self._queue.keep_asker_token(pending, reply)
        if commands := self._network_api.answered(pending, reply, now):
            self._carry_out(commands, now)
        if commands := pending.owner.answered(pending, reply, now):
            self._carry_out(commands, now)
        vote = reply.seen_as if pending.command.tells_of_node else None
        if vote is not None and (commands := dht.seen_as(vote, source, now)):
            self._carry_out(commands, now)

    def _refused(self, error: Error, source: Endpoint, now: float) -> None:
        if (pending := self._receiver.match(error.tid, source, now)) is None:
            self._receiver.drop("unmatched-error", source, now)
            return
        self.counters.accept("error")
        dht = self._dhts[family_of(source)]
        if error.seen_as is not None and pending.command.tells_of_node:
            # Where all nodes are strict about IDs (BEP 42), errors are the only way to learn the
            # own address, which the own ID must follow.
            self._carry_out(dht.seen_as(error.seen_as, source, now), now)
        self._carry_out(pending.owner.failed(pending.command, error, now), now)
        if type(pending.command.query) is FindNode:
            # Every node of the DHT can answer that (BEP 5), so an error is as bad as silence. Other
            # methods are unknown to old nodes, or have their token, and their errors, from us.
            self._carry_out(dht.refused(pending, now), now)
            self._carry_out(self._network_api.missed(pending, now), now)

    def _overdue(self, pending: PendingQuery, overdue: Overdue, now: float) -> None:
        if overdue is EXPIRED:
            self._carry_out(pending.owner.failed(pending.command, QueryFailure.TIMED_OUT, now), now)
            if not pending.command.tells_of_node:
                return
            dht = self._dhts[family_of(pending.endpoint)]
            self._carry_out(dht.missed(pending, now), now)
            self._carry_out(self._network_api.missed(pending, now), now)
            return
        if overdue is STALLED:
            self._sender.send_again(pending, now)
        self._carry_out(pending.owner.stalled(pending, now), now)

    # --- commands become datagrams and events -----------------------------------------------------

    def _carry_out(self, commands: Commands, now: float) -> None:
        while commands:
            following: list[Command] = []
            for command in commands:
                if isinstance(command, SendQuery):
                    following += self._sender.submit(command, now)
                elif isinstance(command, SendReply):
                    self._sender.reply(command.payload, command.destination, now)
                elif isinstance(command, RefreshLookup):
                    self._start(self._lookups.for_table(command, now), (), now)
                elif isinstance(command, RendezvousLookup):
                    self._start_rendezvous(command, now)
                else:
                    following += self._happened(command, now)
            commands = following

    def _happened(self, event: Event, now: float) -> Commands:
        if isinstance(event, Finished):
            self._queue.drop_waiting(self._operations.finished(event))
        if isinstance(event, (Finished, PeersFound)):
            self._queue.join_yield.served(event.operation, now, ended=isinstance(event, Finished))
        self._events.append(event)
        if isinstance(event, AddressChanged):  # no contact of another family may bear the new ID
            for dht in self._dhts.values():
                self._carry_out(dht.drop_own_ids(now), now)
        return self._network_api.happened(event, now)

    def _start_rendezvous(self, command: RendezvousLookup, now: float) -> None:
        api = self._network_api.rendezvous
        lookup = self._lookups.for_rendezvous(command, api, now)
        if not command.for_caller:
            self._start(lookup, (), now)
            return
        operation = lookup.options.operation
        api.rendezvous_started(command, operation)
        self._queue.join_yield.searching(operation, now, to_its_end=True)
        self._start(lookup, command.seeds, now, operation)

    def _start_for_caller(
        self,
        lookup: LookupOperation,
        seeds: Sequence[Endpoint],
        now: float,
        operation: OperationId,
    ) -> OperationId:
        self._queue.join_yield.searching(operation, now, to_its_end=False)
        return self._start(lookup, seeds, now, operation)

    def _start(
        self,
        lookup: LookupOperation,
        seeds: Sequence[Endpoint],
        now: float,
        operation: OperationId | None = None,
    ) -> OperationId:
        self._operations.started(lookup.options.operation, lookup)
        seeds = [seed for seed in seeds if family_of(seed) is lookup.options.family]
        contacts = self._lookups.first_contacts(lookup, now)
        self._carry_out(lookup.start(contacts, seeds, now), now)
        return operation or lookup.options.operation

    def _end(self, operation: OperationId, outcome: Outcome, now: float) -> None:
        if (what := self._operations.get(operation)) is None:
            return
        self._carry_out(what.end(outcome, now), now)
        for owner in what.owners:
            self._queue.forget(owner)
