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
class HuntedFault:
    """``oracles``: those that may find it. ``found_by``: the first seed that does. ``patches``:
    class, name of its method, and what stands in place of that.
    """

    what: str
    oracles: tuple[str, ...]
    found_by: int
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


HUNTED = {
    "changing-ids": HuntedFault(
        "a contact that answers with changing IDs is asked again at once (finding 2)",
        ("spacing",),
        2,
        without=("spaced_maintenance",),
    ),
    "proven-without-budget": HuntedFault(
        "a proven endpoint has no budget (finding 4)",
        ("bytes",),
        4,
        without=("proven_budgets",),
    ),
    "store-first-come": HuntedFault(
        "the peer store is first come, first served (finding 5)",
        ("announces",),
        6,
        without=("store_shares",),
    ),
    "dead-names": HuntedFault(
        "dead names crowd out the others (finding 10)",
        ("dead-checks",),
        12,
        without=("candidate_shares",),
    ),
    "errors-alone": HuntedFault(
        "an error to find_node is no failure (finding 12)",
        ("unanswered",),
        11,
        patches=((Dht, "refused", lambda self, pending, now: NO_COMMANDS),),
    ),
    "crowded-netgroup": HuntedFault(
        "an entry beyond the soft cap of its netgroup gives way to nobody (finding 13)",
        ("crowding",),
        15,
        patches=((RoutingTable, "_surplus_before", lambda self, endpoint, bucket: None),),
    ),
}


def hunt(fault: HuntedFault, seeds: range = range(1, SEEDS + 1)) -> dict[str, Any] | None:
    """The record of the first seed that fails by an oracle that may find the fault."""
    with fault.in_place():
        for seed in seeds:
            record = HuntSeed(seed, fault.choices(), reloaded).record()
            if record.get("oracle") in fault.oracles:
                return record
    return None
