"""Makes lookups: for callers, for the routing table and for the rendezvous of the own network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from ...config import DEFAULT_PORT, CoreConfig
from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...ids import NodeId
from ...wire.items import Item
from ..contract import purposes
from ..contract.events import LookupKind, LookupResult, OperationId, Outcome
from ..contract.queries import NO_COMMANDS, Commands, RefreshLookup, RendezvousLookup
from ..dht import Dht
from ..peers.network_api import RendezvousApi
from .announce import AnnounceOperation
from .closest import ClosestLookup
from .disjoint import DisjointLookup
from .item_collector import ItemCollector
from .join import BucketFilled, JoinOperation, RefreshOperation
from .network_size import NetworkSize
from .operation import (
    Continuation,
    LookupLike,
    LookupOperation,
    LookupOptions,
    PeersListener,
    StopRule,
)
from .operations import Operations
from .peer import LookupRules
from .put import Draft, PutOperation
from .region import NO_REGION, MakeRegion, RegionRule
from .wide import SEEDS_PER_K, WideLookup

StoredItem: TypeAlias = Callable[[NodeId, float], Item | None]
FirstHops: TypeAlias = Callable[[Family, int, float], Sequence[Contact]]


class RendezvousEnd:
    """What follows a rendezvous lookup: the listener is told, then ``then`` continues, if given."""

    def __init__(
        self,
        lookup: RendezvousLookup,
        operation: OperationId,
        listener: RendezvousApi,
        then: Continuation | None,
    ) -> None:
        self._lookup = lookup
        self._operation = operation
        self._listener = listener
        self._then = then

    def found(self, peers: Sequence[Endpoint], now: float) -> None:
        self._listener.rendezvous_found(self._lookup, peers, now)

    def lookup_ended(self, outcome: Outcome, result: LookupResult, now: float) -> Commands:
        stored = any(node.token is not None for node in result.closest)
        self._listener.rendezvous_finished(
            self._lookup, self._operation, result, now, stored=stored
        )
        return self._then.lookup_ended(outcome, result, now) if self._then else NO_COMMANDS


def _purpose_of(refresh: RefreshLookup) -> str:
    if refresh.fills is not None:
        return purposes.BUCKET_FILL
    return purposes.OWN_ID if refresh.is_own_id else purposes.REFRESH


def no_first_hops(family: Family, count: int, now: float) -> Sequence[Contact]:
    return ()


class LookupFactory:
    __slots__ = (
        "_config",
        "_dhts",
        "_first_hops",
        "_make_region",
        "_operations",
        "_rules",
        "_sizes",
        "_stored_item",
    )

    def __init__(
        self,
        config: CoreConfig,
        rules: LookupRules,
        dhts: Mapping[Family, Dht],
        operations: Operations,
        stored_item: StoredItem,
        make_region: MakeRegion,
        first_hops: FirstHops = no_first_hops,
    ) -> None:
        """``stored_item``: the item that this node stores under a target, because a lookup queries
        other nodes only. ``first_hops``: at most so many contacts to begin with that do not come
        from the routing table.
        """
        self._config = config
        self._rules = rules
        self._dhts = dhts
        self._operations = operations
        self._stored_item = stored_item
        self._first_hops = first_hops
        self._make_region = make_region
        self._sizes = {family: NetworkSize(dht.parts.size_reports) for family, dht in dhts.items()}

    def make(
        self,
        target: NodeId,
        options: LookupOptions,
        now: float,
        *,
        k: int | None = None,
        paths: int = 1,
        stop: StopRule | None = None,
        then: Continuation | None = None,
    ) -> LookupOperation:
        """A lookup for a caller. One of an immutable item ends when it is found."""
        collector = None
        if options.kind is LookupKind.GET:
            stop = collector = self._collector(target, options.salt, now)
        return self._operation(
            target, options, now, k=k, paths=paths, collector=collector, stop=stop, then=then
        )

    def for_join(self, operation: OperationId, family: Family, now: float) -> LookupOperation:
        """The lookup of the own ID as an operation of a caller, ended by JoinFinished."""
        dht = self._dhts[family]
        refresh = RefreshLookup(family, dht.own_id, is_own_id=True)

        def make_lookup(then: Continuation) -> LookupOperation:
            return self._refresh(refresh, now, then)

        join = JoinOperation(operation, dht, refresh, make_lookup)
        self._operations.started(operation, join)
        return join.lookup

    def for_announce(
        self,
        operation: OperationId,
        info_hash: NodeId,
        family: Family,
        now: float,
        *,
        port: int,
        implied_port: bool,
        paths: int = 1,
        rendezvous: tuple[RendezvousLookup, RendezvousApi] | None = None,
    ) -> LookupOperation:
        """The lookup after which this node is announced, ended by AnnounceFinished. ``rendezvous``:
        the command that it is made for, and the listener to tell of its result.
        """

        def make_lookup(then: Continuation) -> LookupOperation:
            if rendezvous is None:
                return self._get_peers(info_hash, family, now, paths, then, answers_of=operation)
            return self._for_tag(*rendezvous, now, then)

        own_id = self._dhts[family].own_id
        announce = AnnounceOperation(
            operation, make_lookup, own_id, port, implied_port=implied_port
        )
        self._operations.started(operation, announce)
        return announce.lookup

    def for_put(
        self, operation: OperationId, draft: Draft, family: Family, now: float
    ) -> LookupOperation:
        """The lookup after which an item is stored, ended by PutFinished."""
        options = LookupOptions(
            self._operations.new_id(own=True),
            LookupKind.GET,
            family,
            salt=draft.salt,
            answers_of=operation,
        )

        collector = self._collector(draft.target, draft.salt, now)

        def make_lookup(then: Continuation) -> LookupOperation:
            # It does not end at a node that stores the item already: the k closest are wanted.
            return self._operation(draft.target, options, now, collector=collector, then=then)

        put = PutOperation(operation, make_lookup, self._dhts[family].own_id, draft, collector)
        self._operations.started(operation, put)
        return put.lookup

    def for_rendezvous(
        self, command: RendezvousLookup, listener: RendezvousApi, now: float
    ) -> LookupOperation:
        """The lookup of an info-hash of the own network, followed by an announce if wanted."""
        if command.announces:
            return self.for_announce(
                self._operations.new_id(own=True),
                command.info_hash,
                command.family,
                now,
                port=command.port or DEFAULT_PORT,
                implied_port=command.implied_port,
                paths=command.paths,
                rendezvous=(command, listener),
            )
        return self._for_tag(command, listener, now, None)

    def for_table(self, refresh: RefreshLookup, now: float) -> LookupOperation:
        """A lookup for the routing table; the DHT is told of its start and of its end."""
        dht = self._dhts[refresh.family]
        return self._refresh(refresh, now, RefreshOperation(dht, refresh))

    def first_contacts(self, lookup: LookupOperation, now: float) -> Sequence[Contact]:
        """The contacts that a lookup begins with: from the table, and a share of them from
        elsewhere, so that a poisoned table alone does not decide where a lookup goes.
        """
        family = lookup.options.family
        count = SEEDS_PER_K * self._config.table.k
        contacts = self._dhts[family].first_contacts(lookup.target, count, now)
        share = self._config.gossip.lookup_share
        others = int(len(contacts) * share / (1.0 - share))
        return [*contacts, *self._first_hops(family, others, now)]

    # --- inside -----------------------------------------------------------------------------------

    def _operation(
        self,
        target: NodeId,
        options: LookupOptions,
        now: float,
        *,
        k: int | None = None,
        paths: int = 1,
        collector: ItemCollector | None = None,
        stop: StopRule | None = None,
        then: Continuation | None = None,
        listener: PeersListener | None = None,
    ) -> LookupOperation:
        table = self._dhts[options.family].table
        own_ids = table.own_ids.known
        config = self._config.lookup
        k = k or self._config.table.k
        size = self._sizes[options.family]
        known = partial(self._known, options.family)
        rules = replace(self._rules, tellers=self._rules.teller_memory.begin(now))

        def make_lookup(point: NodeId, k: int) -> LookupLike:
            region: RegionRule = NO_REGION
            if point == target and not options.is_for_table:
                most = max(config.region_nodes, 2 * k)
                region = self._make_region(size.reported, k, most, rules.bep42_valid)
            least = size.least_distances(k) if self._config.defences.bep42_ids else ()
            if paths > 1:
                return DisjointLookup(
                    point,
                    own_ids,
                    config,
                    rules,
                    k,
                    paths,
                    least_distances=least,
                    known=known,
                    region=region,
                )
            return ClosestLookup(
                point,
                own_ids,
                config,
                rules,
                k,
                eager=options.for_peers,
                least_distances=least,
                known=known,
                region=region,
            )

        lookup: LookupLike
        if k > self._config.table.k and options.kind is LookupKind.FIND_NODE and paths == 1:
            # No answer names more contacts than the k of the table.
            one_k = self._config.table.k
            lookup = WideLookup(target, k, one_k, lambda point: make_lookup(point, one_k), known)
        else:
            lookup = make_lookup(target, k)
        return LookupOperation(
            lookup,
            options,
            table.own_id,
            config,
            now,
            collector=collector,
            stop=stop,
            then=then,
            size=size,
            listener=listener,
            counters=self._dhts[options.family].parts.counters,
        )

    def _known(self, family: Family) -> list[Contact]:
        return [entry.contact for entry in self._dhts[family].table]

    def _collector(self, target: NodeId, salt: bytes, now: float) -> ItemCollector:
        return ItemCollector(target, salt, self._stored_item(target, now))

    def _for_tag(
        self,
        command: RendezvousLookup,
        listener: RendezvousApi,
        now: float,
        then: Continuation | None,
    ) -> LookupOperation:
        options = LookupOptions(
            self._operations.new_id(own=True),
            LookupKind.GET_PEERS,
            command.family,
            announces_answers=command.for_caller,
            for_peers=command.for_caller and command.paths == 1,
            peers_per_answer=self._config.rendezvous.peers_per_answer,
            purpose=purposes.CALLER if command.for_caller else purposes.RENDEZVOUS,
        )
        end = RendezvousEnd(command, options.operation, listener, then)
        return self._operation(
            command.info_hash, options, now, paths=command.paths, then=end, listener=end.found
        )

    def _get_peers(
        self,
        info_hash: NodeId,
        family: Family,
        now: float,
        paths: int,
        then: Continuation,
        *,
        answers_of: OperationId | None = None,
    ) -> LookupOperation:
        options = LookupOptions(
            self._operations.new_id(own=True),
            LookupKind.GET_PEERS,
            family,
            announces_answers=answers_of is not None,
            peers_per_answer=self._config.rendezvous.peers_per_answer,
            answers_of=answers_of,
        )
        return self._operation(info_hash, options, now, paths=paths, then=then)

    def _refresh(self, refresh: RefreshLookup, now: float, then: Continuation) -> LookupOperation:
        dht = self._dhts[refresh.family]
        options = LookupOptions(
            self._operations.new_id(own=True),
            LookupKind.FIND_NODE,
            refresh.family,
            announces_answers=False,
            is_for_table=True,
            purpose=_purpose_of(refresh),
        )
        stop = BucketFilled(dht, refresh.fills) if refresh.fills is not None else None
        lookup = self._operation(refresh.target, options, now, k=refresh.k, stop=stop, then=then)
        dht.refresh_started(refresh, now)
        return lookup
