"""The core of a node: the operations that callers can start, and the state that can be saved and
looked at. Datagrams and time go in by the `Engine` that it extends.

Every call takes ``now``, in seconds of one steady clock. Every operation returns its ID at once and
ends in exactly one terminal event, which comes out of ``drain_events``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from ..endpoints import Endpoint, Family, family_of
from ..errors import UsageError
from ..ids import NodeId
from ..networks import NetworkSet
from ..service_values import ServiceValue
from ..wire.items import Item
from ..wire.messages import Ping
from . import self_check
from .contract.dropped import Dropped
from .contract.events import (
    ContactRemoved,
    DialOutcome,
    LookupKind,
    OperationId,
    Outcome,
    PeerLost,
)
from .contract.queries import Command, PendingQuery, SendQuery
from .contract.saved_state import SavedState
from .contract.service_filter import EVERY_PEER, ServiceFilter
from .contract.verified_peer import VerifiedPeer
from .engine import Engine
from .lookup.operation import LookupOptions
from .lookup.operations import PingOperation
from .lookup.put import Draft
from .peers.finder import PeerFinder
from .peers.network import PeerNetwork
from .snapshot import OperationSnapshot, Snapshot, dht_snapshot, operation_snapshots
from .state_export import StateExport


class Core(Engine):
    # --- operations: each returns an ID at once and ends in exactly one terminal event ------------

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
        """Ends in LookupFinished, after NodeAnswered and PeersFound events. ``salt``: of the
        mutable item that is looked up. ``seeds``: endpoints of unknown ID to begin with, beside the
        own table. ``for_peers``: the peers are wanted and not the closest nodes. Raises Busy or
        Closed.
        """
        options = LookupOptions(
            self._operations.new_id(paths=paths),
            kind,
            family,
            first_value=first_value,
            for_peers=for_peers,
            salt=salt,
        )
        lookup = self._lookups.make(target, options, now, k=k, paths=paths)
        return self._start_for_caller(lookup, seeds, now, options.operation)

    def join(self, endpoints: Sequence[Endpoint], now: float, *, family: Family) -> OperationId:
        """One attempt to join through these bootstrap nodes and the own table: a lookup of the own
        ID. Ends in JoinFinished.
        """
        operation = self._operations.new_id()
        lookup = self._lookups.for_join(operation, family, now)
        if self.peer_network is not None:
            self._carry_out(self.peer_network.search.seeded(family, endpoints, now), now)
        return self._start(lookup, endpoints, now, operation)

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
        """Announces this node as a peer at the nodes closest to ``info_hash`` (BEP 5), once. Ends
        in AnnounceFinished. Raises Busy or Closed.
        """
        operation = self._operations.new_id()
        lookup = self._lookups.for_announce(
            operation, info_hash, family, now, port=port, implied_port=implied_port
        )
        return self._start_for_caller(lookup, seeds, now, operation)

    def put(
        self, draft: Draft, now: float, *, family: Family, seeds: Sequence[Endpoint] = ()
    ) -> OperationId:
        """Stores an item at the nodes closest to its target (BEP 44), once. Ends in PutFinished.
        Raises Busy or Closed.
        """
        operation = self._operations.new_id()
        lookup = self._lookups.for_put(operation, draft, family, now)
        return self._start_for_caller(lookup, seeds, now, operation)

    def check_peer(self, endpoint: Endpoint, now: float) -> OperationId:
        """Asks the node at ``endpoint`` to prove that it is a peer of the own network. Ends in
        PeerChecked. Raises Busy, Closed, and UsageError for a node that is of no network.
        """
        if self.peer_network is None:
            raise UsageError("this node is of no network")
        operation = self._operations.new_id()
        exchange, commands = self.peer_network.check(endpoint, now, operation)
        self._operations.started(operation, exchange)
        self._carry_out(commands, now)
        return operation

    def finder(
        self,
        *,
        offering: ServiceFilter = EVERY_PEER,
        verified_within_s: float,
        again_after_s: float,
    ) -> PeerFinder:
        """What an application asks for peers by, with `next_peer`. Raises UsageError for a node
        that is of no network.
        """
        return PeerFinder(
            self._network(),
            offering=offering,
            verified_within_s=verified_within_s,
            again_after_s=again_after_s,
        )

    def next_peer(self, finder: PeerFinder, now: float) -> VerifiedPeer | None:
        """A peer that has answered lately. Where there is none, None; then the node begins to look
        for some, and each that is found is told by PeerVerified or PeerChecked.
        """
        network = self._network()
        peer = finder.next(now)
        if peer is not None:
            network.search.given()
            return peer
        for each in finder.to_check(now):
            operation = self._operations.new_id(own=True)
            exchange, commands = network.recheck(each, now, operation)
            self._operations.started(operation, exchange)
            self._carry_out(commands, now)
        if not finder.is_waiting(now):
            self._carry_out(network.search.wanted(now), now)
        return None

    def search_from(self, endpoints: Sequence[Endpoint], now: float, *, family: Family) -> None:
        """Lookups for an application that waits for peers begin at these endpoints too, while no
        node has answered.
        """
        search = self._network().search
        self._carry_out(search.seeded(family, endpoints, now), now)
        self._carry_out(search.wanted(now), now)

    def _network(self) -> PeerNetwork:
        if self.peer_network is None:
            raise UsageError("this node is of no network")
        return self.peer_network

    def cancel(self, operation: OperationId, now: float) -> None:
        """Ends the operation with CANCELLED; without effect once it has ended."""
        self._end(operation, Outcome.CANCELLED, now)

    def has_addresses(self, family: Family, ips: frozenset[bytes]) -> None:
        """The interfaces of this machine have these addresses, 4 or 16 bytes each. Without the
        address that other nodes see there is a NAT.
        """
        if self.peer_network is not None and family in self.peer_network.reach.families:
            self.peer_network.reach.families[family].local_ips = ips

    def router_is_private(self, family: Family, is_private: bool, now: float) -> None:
        """Whether the router of this machine says that it has no public address itself."""
        if self.peer_network is not None and family in self.peer_network.reach.families:
            reach = self.peer_network.reach.families[family]
            self._carry_out(reach.router_told(is_private, now), now)

    def ended_on_this_port(self, family: Family, ago_s: float, now: float) -> None:
        """The last run of this node ended so many seconds ago, on the port of this one."""
        if self.peer_network is not None and family in self.peer_network.reach.families:
            self.peer_network.reach.families[family].ended_on_this_port(ago_s, now)

    def tcp_dialled(self, dial: int, outcome: DialOutcome, now: float) -> None:
        """What came of the TCP connection that `TcpDialWanted` asked for."""
        self._carry_out(self._helping.dialled(dial, outcome, now), now)

    def mapped(self, family: Family, endpoint: Endpoint | None, now: float) -> None:
        """The router maps this endpoint to the node's socket of that family; None: no longer."""
        if self.peer_network is not None:
            self._carry_out(self.peer_network.reach.mapped(family, endpoint, now), now)

    def set_services(self, services: Mapping[str, ServiceValue], now: float) -> None:
        """What the own record offers: name -> port or short bytes. Without effect for a node that
        is of no network. Raises UsageError for what no record can hold, and then changes nothing.
        """
        if self.peer_network is not None:
            self._carry_out(self.peer_network.set_services(services, now), now)

    def network_changed(self, now: float, *, families: Collection[Family] | None = None) -> None:
        """The link or the addresses changed, or the machine slept. ``families``: that it concerns;
        all where it is None.
        """
        self._queue.stall_timer.reset()
        for family, dht in self._dhts.items():
            if families is None or family in families:
                self._carry_out(dht.network_changed(now), now)
                if self.peer_network is not None:
                    self._carry_out(self.peer_network.reach.network_changed(family, now), now)

    def socket_lost(self, family: Family, now: float) -> None:
        """The node has no socket of that family any more. What waits for an answer there ends, and
        no contact and no peer is blamed for it.
        """
        if (dht := self._dhts.get(family)) is None:
            return
        self._carry_out(dht.socket_lost(), now)
        self._withdraw(lambda pending: family_of(pending.endpoint) is family, now)

    def add_static_peer(self, endpoint: Endpoint, now: float) -> None:
        """Keeps a peer as a contact, also while it is silent, if its family is served."""
        dht = self._dhts.get(family_of(endpoint))
        if dht is not None:
            dht.parts.static_peers.add(endpoint, now)

    def lan_found(
        self, endpoint: Endpoint, now: float, *, is_member: bool, is_guarded: bool = True
    ) -> None:
        """A node on a link of this machine sent a beacon; ``is_member``: it says that it is of the
        own network; ``is_guarded``: see `addressing/lan_contacts.py`.
        """
        if self.peer_network is not None:
            lan = self.peer_network.lan
            found = lan.found(endpoint, now, is_member=is_member, is_guarded=is_guarded)
            self._carry_out(found, now)

    def lan_lost(self, endpoint: Endpoint, now: float) -> None:
        """A node that `lan_found` told of has left the link."""
        if self.peer_network is not None:
            self._carry_out(self.peer_network.lan.lost(endpoint), now)

    def set_lan_endpoints(self, endpoints: Collection[Endpoint]) -> None:
        """The endpoints of this node on its links: private addresses, with its port. It proves its
        key there to nodes of the link.
        """
        self._scopes.lan.set_own(endpoints)

    def remove_static_peer(self, endpoint: Endpoint) -> None:
        dht = self._dhts.get(family_of(endpoint))
        if dht is not None:
            dht.parts.static_peers.remove(endpoint)

    def set_bars(self, banned: NetworkSet, restricted_to: NetworkSet, now: float) -> Dropped:
        """From now on this node neither contacts nor answers addresses in ``banned``, nor any
        outside of ``restricted_to`` where that is not empty. What it knows of them is dropped.
        """
        self._scopes.set_bars(banned, restricted_to)
        is_barred = self._scopes.is_barred
        self._withdraw(lambda pending: is_barred(pending.endpoint), now)
        events: list[Command] = []
        booked = 0
        if self.peer_network is not None:
            lost, booked = self.peer_network.drop_barred()
            events += lost
        for dht in self._dhts.values():
            events += dht.drop_barred(now)
        self._carry_out(events, now)
        return Dropped(
            sum(isinstance(each, ContactRemoved) for each in events),
            sum(isinstance(each, PeerLost) for each in events),
            booked,
        )

    def leave(self, now: float) -> None:
        """Says goodbye to peers of the own network: to some of them only when they have answered
        with a token, see ``awaits_tokens``. Call `close` next.
        """
        if self.peer_network is not None:
            for query in self.peer_network.leave(now):
                self._carry_out(self._sender.send_query(query, now), now)

    @property
    def awaits_tokens(self) -> bool:
        """Whether a goodbye still waits for the token of the peer that it is for."""
        return self.peer_network is not None and self.peer_network.goodbyes.awaits_tokens

    def close(self, now: float) -> None:
        """Ends every operation with CLOSED; afterwards nothing is taken in or started."""
        self._operations.close()
        for operation, _ in self._operations.items():
            self._end(operation, Outcome.CLOSED, now)
        self._queue.close()
        self._receiver.close()
        self._closed = True

    # --- state and pictures of the node -----------------------------------------------------------

    def has_contacts(self, family: Family) -> bool:
        """Whether a lookup in that family has a contact to begin with."""
        return self._dhts[family].has_contacts

    def export_state(self, now: float) -> SavedState:
        """What to keep for the next run, with ages in place of times."""
        export = self.begin_export()
        while (state := export.step(now)) is None:
            pass
        return state

    def begin_export(self) -> StateExport:
        """The same in slices, for a node that must go on meanwhile."""
        return StateExport(self._dhts, self.peer_network)

    def restore(self, state: SavedState, now: float) -> None:
        """Takes up an exported state. Lookups begin with its contacts, which enter the table once
        they have answered again.
        """
        for saved in state.dhts:
            if saved.family in self._dhts:
                self._dhts[saved.family].restore(saved.contacts, now, saved.ip)
        if self.peer_network is not None and state.peer_network is not None:
            self._carry_out(self.peer_network.restore(state.peer_network, now), now)

    def snapshot(self, now: float) -> Snapshot:
        peers_stored, items_stored = self._responder.stored
        network = self.peer_network
        return Snapshot(
            tuple(dht_snapshot(each, now) for each in self._dhts.values()),
            self.operations(now),
            len(self._queue),
            peers_stored,
            items_stored,
            self.counters.as_dict(),
            network.snapshot(now) if network is not None else None,
            network.reach.snapshots(now) if network is not None else (),
            network.reach.services() if network is not None else (),
        )

    def inconsistencies(self, now: float) -> Iterator[str]:
        """What contradicts itself in this core, in words: nothing, unless this program has a
        fault. Costs a pass through all that is stored (`self_check.py`).
        """
        config = self.config
        own_ids = set(self.own_ids.values())
        for dht in self._dhts.values():
            yield from self_check.of_dht(dht, own_ids, config)
        queries, bound = len(self._queue), config.query.max_outstanding + config.query.max_waiting
        if queries > bound:
            yield f"too many queries are in flight: {queries}; the bound is {bound}"
        yield from self_check.of_stores(self._responder)
        yield from self_check.of_counters(self.counters)
        if self.peer_network is not None:
            yield from self_check.of_network(self.peer_network, config, now)

    def contact_count(self, family: Family) -> int:
        """Contacts in the routing table of a family."""
        return len(self._dhts[family].table)

    def stored_peers(self, info_hash: NodeId, now: float) -> list[Endpoint]:
        """The peers that other nodes have announced here under an info-hash."""
        return self._responder.peers.held(info_hash, now)

    def stored_item(self, target: NodeId, now: float) -> Item | None:
        """The item that other nodes have put here under a target."""
        return self._responder.items.store.get(target, now)

    def operations(self, now: float) -> tuple[OperationSnapshot, ...]:
        return operation_snapshots(self._operations, now)

    @property
    def operations_in_flight(self) -> int:
        return len(self._operations)

    @property
    def queries_in_flight(self) -> int:
        return len(self._queue)

    def query_in_flight(self, tid: bytes) -> PendingQuery | None:
        """The query that waits for an answer with that transaction ID."""
        return self._queue.transactions.in_flight(tid)
