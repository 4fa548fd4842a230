"""Makes lookups: for callers, and for the table's own sake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from ...config import DEFAULT_PORT, CoreConfig
from ...contacts import Contact
from ...endpoints import Endpoint, Family
from ...ids import NodeId
from ...wire.items import Item
from ..contract.events import LookupKind, LookupResult, OperationId, Outcome
from ..contract.queries import NO_COMMANDS, Commands, RefreshLookup, RendezvousLookup
from ..dht import Dht
from .announce import AnnounceOperation
from .closest import ClosestLookup, LookupRules
from .disjoint import DisjointLookup
from .item_collector import ItemCollector
from .operation import LookupLike, LookupOperation, LookupOptions
from .operations import JoinOperation, Operations
from .put import Draft, PutOperation

HeldItems: TypeAlias = Callable[[NodeId, float], Item | None]
FirstHops: TypeAlias = Callable[[Family, int, float], Sequence[Contact]]

SEEDS_PER_K: Final = 2
"""A lookup starts from so many times k contacts."""


class RendezvousLookupOperation(Protocol):
    def __call__(
        self, search: RendezvousLookup, peers: Sequence[Endpoint], now: float, *, stored: bool
    ) -> None: ...


def nobody(family: Family, count: int, now: float) -> Sequence[Contact]:
    return ()


class LookupFactory:
    __slots__ = ("_config", "_dhts", "_first_hops", "_held", "_operations", "_rules")

    def __init__(
        self,
        config: CoreConfig,
        rules: LookupRules,
        dhts: Mapping[Family, Dht],
        operations: Operations,
        held: HeldItems,
        first_hops: FirstHops = nobody,
    ) -> None:
        """``held``: the item that is kept here under a target, of which a lookup asks only others.
        ``first_hops``: peers to begin with from elsewhere than the table, at most so many.
        """
        self._config = config
        self._rules = rules
        self._dhts = dhts
        self._operations = operations
        self._held = held
        self._first_hops = first_hops

    def make(
        self,
        target: NodeId,
        options: LookupOptions,
        now: float,
        *,
        k: int | None = None,
        paths: int = 1,
    ) -> LookupOperation:
        own_id, wanted = self._dhts[options.family].own_id, k or self._config.table.k
        lookup: LookupLike = (
            DisjointLookup(target, own_id, self._config.lookup, self._rules, wanted, paths)
            if paths > 1
            else ClosestLookup(
                target, own_id, self._config.lookup, self._rules, wanted, eager=options.for_peers
            )
        )
        search = LookupOperation(lookup, options, own_id, self._config.lookup, now)
        if options.kind is LookupKind.GET:
            item_collector = search.item_collector = ItemCollector(
                target, options.salt, self._held(target, now)
            )
            search.is_enough = lambda: item_collector.is_final
        return search

    def for_join(self, operation: OperationId, family: Family, now: float) -> LookupOperation:
        """The lookup of the own ID as an operation of a caller's, ended by JoinFinished."""
        dht = self._dhts[family]
        search = self.for_table(RefreshLookup(family, dht.own_id, is_own_id=True), now)
        join = JoinOperation(operation, family, search)
        self._operations.started(operation, join)
        look_around = search.when_finished
        assert look_around is not None

        def joined(outcome: Outcome, result: LookupResult, now: float) -> Commands:
            commands = look_around(outcome, result, now)
            return [*commands, join.finished(outcome, len(dht.table))]

        search.when_finished = joined
        return search

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
    ) -> LookupOperation:
        """The lookup after which we are announced, ended by AnnounceFinished."""
        search = self._get_peers(info_hash, family, now, paths)
        announce = AnnounceOperation(
            operation, search, self._dhts[family].own_id, port, implied_port=implied_port
        )
        self._operations.started(operation, announce)
        search.when_finished = lambda outcome, result, now: announce.looked_up(outcome, result)
        return search

    def for_put(
        self, operation: OperationId, draft: Draft, family: Family, now: float
    ) -> LookupOperation:
        """The lookup after which an item is stored, ended by PutFinished."""
        options = LookupOptions(
            self._operations.new_id(own=True),
            LookupKind.GET,
            family,
            announces_answers=False,
            salt=draft.salt,
        )
        search = self.make(draft.target, options, now)
        search.is_enough = None  # whoever has it already leads on to others
        put = PutOperation(operation, search, self._dhts[family].own_id, draft)
        self._operations.started(operation, put)
        search.when_finished = lambda outcome, result, now: put.looked_up(outcome, result)
        return search

    def for_tag(
        self, tag: RendezvousLookup, searched: RendezvousLookupOperation, now: float
    ) -> LookupOperation:
        """The lookup of a tag, with an announce where that is wanted; whoever wanted it hears who
        is there.
        """
        if tag.announces:
            operation, port = self._operations.new_id(own=True), tag.port or DEFAULT_PORT
            search = self.for_announce(
                operation,
                tag.info_hash,
                tag.family,
                now,
                port=port,
                implied_port=True,
                paths=tag.paths,
            )
        else:
            search = self._get_peers(tag.info_hash, tag.family, now, tag.paths)
        announced = search.when_finished

        def finished(outcome: Outcome, result: LookupResult, now: float) -> Commands:
            searched(
                tag,
                result.peers,
                now,
                stored=any(node.token is not None for node in result.closest),
            )
            return announced(outcome, result, now) if announced is not None else NO_COMMANDS

        search.when_finished = finished
        return search

    def _get_peers(
        self, info_hash: NodeId, family: Family, now: float, paths: int
    ) -> LookupOperation:
        operation = self._operations.new_id(own=True)
        return self.make(
            info_hash,
            LookupOptions(operation, LookupKind.GET_PEERS, family, announces_answers=False),
            now,
            paths=paths,
        )

    def for_table(self, walk: RefreshLookup, now: float) -> LookupOperation:
        """The overlay hears of its start and of its end."""
        dht = self._dhts[walk.family]
        options = LookupOptions(
            self._operations.new_id(own=True),
            LookupKind.FIND_NODE,
            walk.family,
            announces_answers=False,
            is_for_table=True,
        )
        search = self.make(walk.target, options, now, k=walk.k)

        def finished(outcome: Outcome, result: LookupResult, now: float) -> Commands:
            return dht.walk_finished(walk, outcome, now)

        search.when_finished = finished
        if (bucket := walk.fills) is not None:
            search.is_enough = lambda: dht.parts.bucket_fill.has_enough(bucket)
        dht.walk_started(walk, now)
        return search

    def first_contacts(self, search: LookupOperation, now: float) -> Sequence[Contact]:
        """From the table, and a part of them from elsewhere, so that a poisoned table alone does
        not decide where a lookup goes.
        """
        family = search.options.family
        contacts = self._dhts[family].reunion.first_contacts(
            search.target, SEEDS_PER_K * self._config.table.k, now
        )
        share = self._config.gossip.lookup_share
        return [
            *contacts,
            *self._first_hops(family, int(len(contacts) * share / (1.0 - share)), now),
        ]
