"""Faults that were found and mended, put back one by one: the hunt must find each of them.

Where a switch turns the defence off, that is used; the others are put back by a patch of one
function.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from kadisc.core.contract.queries import NO_COMMANDS
from kadisc.core.dht import Dht
from kadisc.core.table.routing_table import RoutingTable
from kadisc.net.state.round_trip import reloaded
from kadisc.sim.hunt.plan import HuntChoices
from kadisc.sim.hunt.seeds import HuntSeed

SEEDS = 20


@dataclass(frozen=True)
class Reintroduced:
    """``oracles``: those that may find it. ``patches``: class, name of its method, and what stands
    in place of that.
    """

    what: str
    oracles: tuple[str, ...]
    without: tuple[str, ...] = ()
    patches: tuple[tuple[type, str, Any], ...] = ()

    def choices(self) -> HuntChoices:
        return HuntChoices(without=self.without)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        with ExitStack() as stack:
            for patch in self.patches:
                stack.enter_context(mock.patch.object(*patch))
            yield


REINTRODUCED = {
    "changing-ids": Reintroduced(
        "a contact that answers with changing IDs is asked again at once (finding 2)",
        ("spacing",),
        without=("spaced_maintenance",),
    ),
    "proven-without-budget": Reintroduced(
        "a proven endpoint has no budget (finding 4)",
        ("bytes",),
        without=("proven_budgets",),
    ),
    "store-first-come": Reintroduced(
        "the peer store is first come, first served (finding 5)",
        ("announces",),
        without=("store_shares",),
    ),
    "dead-names": Reintroduced(
        "dead names crowd out the others (finding 10)",
        ("dead-checks",),
        without=("candidate_shares",),
    ),
    "errors-alone": Reintroduced(
        "an error to find_node is no failure (finding 12)",
        ("unanswered",),
        patches=((Dht, "refused", lambda self, pending, now: NO_COMMANDS),),
    ),
    "crowded-netgroup": Reintroduced(
        "an entry beyond the soft cap of its netgroup gives way to nobody (finding 13)",
        ("crowding",),
        patches=((RoutingTable, "_surplus_before", lambda self, endpoint, bucket: None),),
    ),
}


def hunt(fault: Reintroduced, seeds: range = range(1, SEEDS + 1)) -> dict[str, Any] | None:
    """The record of the first seed that fails by an oracle that may find the fault."""
    with fault.in_place():
        for seed in seeds:
            record = HuntSeed(seed, fault.choices(), reloaded).record()
            if record.get("oracle") in fault.oracles:
                return record
    return None
