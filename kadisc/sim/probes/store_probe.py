"""Announces and puts of random targets by random nodes: the oracle tells which nodes should hold
them, and their stores which do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...core.contract.events import (
    AnnounceFinished,
    LookupFinished,
    LookupKind,
    OperationId,
    PutFinished,
)
from ...core.lookup.put import Draft
from ...endpoints import Endpoint
from ...ids import NodeId
from ..lab import Lab
from ..measure.oracle import SETTLED_S
from ..measure.statistics import Metrics, mean, share, spread
from ..model.host import Host
from .asker import settled_asker

LONGEST_S = 60.0
"""How long to wait for the last ones."""
JUDGED_AFTER_S = 1.0
"""So long after its end a store query may still arrive."""
WAYS = ("once", "twice")


@dataclass(slots=True)
class ProbedStore:
    """One announce or put. ``way``: *once*, by the operation alone, which looks the target up; or
    *twice*, with a lookup before it whose result it begins at, as a program does that passes
    endpoints on.
    """

    host: Host
    number: int
    way: str
    is_put: bool
    target: NodeId
    started_at: float
    ended: bool = False
    queries: int = 0
    elapsed_s: float = 0.0
    confirmed: int = 0
    wanted: int = 0
    held: int = 0


@dataclass(slots=True)
class StoreProbe:
    """Starts announces and puts at a steady rate, each way in turns."""

    lab: Lab
    k: int = field(init=False)
    stores: list[ProbedStore] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.k = self.lab.options.core.table.k

    def go_on_for(self, seconds: float, per_minute: float) -> None:
        """Starts them for so many seconds, and waits for the last."""
        lab, every_s = self.lab, 60.0 / per_minute
        for number in range(int(seconds / every_s)):
            lab.world.at(lab.world.now + number * every_s, self._start, number)
        lab.run(seconds)
        lab.run_while(
            lambda: any(not store.ended and store.host.up for store in self.stores), LONGEST_S
        )

    def metrics(self) -> Metrics:
        # One whose node left before its end does not count.
        counted = [store for store in self.stores if store.ended or store.host.up]
        metrics: Metrics = {"mrtt_ms": round(self.lab.mrtt_s * 1000, 1)}
        for way in WAYS:
            done = [store for store in counted if store.way == way]
            missing = [self._missing(store) for store in done]
            metrics |= {
                f"{way}_number": len(done),
                f"{way}_stored_at_all": share(missing.count(0), len(done)),
                f"{way}_most_missing": max(missing, default=None),
                f"{way}_missed_by_more_than_1": sum(lacking > 1 for lacking in missing),
                f"{way}_recall": share(
                    sum(store.held for store in done), sum(store.wanted for store in done)
                ),
                f"{way}_confirmed_mean": mean([store.confirmed for store in done], 3),
                f"{way}_queries_mean": mean([store.queries for store in done], 2),
                **spread(f"{way}_mrtt", [store.elapsed_s / self.lab.mrtt_s for store in done]),
            }
        return metrics

    def _missing(self, store: ProbedStore) -> int:
        return store.wanted - store.held if store.ended else self.k

    # --- one announce or put ----------------------------------------------------------------------

    def _start(self, number: int) -> None:
        lab = self.lab
        host = settled_asker(lab)
        if host is None:
            return
        is_put, way = bool(number % 2), WAYS[number // 2 % 2]
        draft = Draft(b"i%de" % lab.rng.getrandbits(62))
        target: NodeId = draft.target if is_put else lab.rng.getrandbits(160)
        store = ProbedStore(host, number, way, is_put, target, lab.world.now)
        self.stores.append(store)
        if way == "once":
            self._store(store, draft, ())
            return
        kind = LookupKind.GET if is_put else LookupKind.GET_PEERS
        operation: OperationId = lab.world.do(
            host, host.node.start_lookup, target, family=lab.family, kind=kind
        )

        def on_event(now: float, event: object) -> None:
            if isinstance(event, LookupFinished) and event.operation == operation:
                store.queries += event.result.queries
                seeds = [node.contact.endpoint for node in event.result.closest]
                lab.world.at(lab.world.now, self._store, store, draft, seeds)

        host.on_event = on_event

    def _store(self, store: ProbedStore, draft: Draft, seeds: Sequence[Endpoint]) -> None:
        lab, host = self.lab, store.host
        if not host.up:
            return
        operation: OperationId
        if store.is_put:
            operation = lab.world.do(host, host.node.put, draft, family=lab.family, seeds=seeds)
        else:
            operation = lab.world.do(
                host, host.node.announce, store.target, 7777, family=lab.family, seeds=seeds
            )

        def on_event(now: float, event: object) -> None:
            if isinstance(event, (AnnounceFinished, PutFinished)) and event.operation == operation:
                host.on_event = None
                store.queries += event.queries
                store.elapsed_s = lab.world.now - store.started_at
                store.confirmed = len(event.stored)
                reach = max((contact.id ^ store.target for contact in event.stored), default=0)
                is_full = len(event.stored) >= self.k
                lab.world.at(
                    lab.world.now + JUDGED_AFTER_S, self._judge, store, reach if is_full else None
                )

        host.on_event = on_event

    def _judge(self, store: ProbedStore, reach: int | None) -> None:
        """``reach``: the distance of the farthest node that confirmed it, if k did. A node that was
        up for less than 10 minutes may take the place of one that counts: a node farther than that
        is not missing.
        """
        lab = self.lab
        store.ended = True
        lasted_s = lab.world.now - store.started_at
        truth = lab.oracle.closest(
            store.target, self.k, besides=store.host, settled_s=SETTLED_S + lasted_s
        )
        wanted = [each for each in truth if reach is None or each.id ^ store.target <= reach]
        store.wanted = len(wanted)
        store.held = sum(self._holds(each, store) for each in wanted)

    def _holds(self, host: Host, store: ProbedStore) -> bool:
        now = self.lab.world.now + host.skew_s
        if store.is_put:
            return host.node.stored_item(store.target, now) is not None
        return bool(host.node.stored_peers(store.target, now))
