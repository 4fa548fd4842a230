"""Attack: contacts that have behaved for long name endpoints without a node, right beside the
target of each lookup. What doubted nodes name is asked last; honest nodes that name crashed ones do
no harm.
"""

from __future__ import annotations

from random import Random
from statistics import mean

import pytest

from kadisc.config import CoreConfig
from kadisc.core.lookup.tellers import (
    DOUBTED_S,
    MAX_DOUBTED,
    SILENT_NAMES,
    TellerMemory,
    TellerRule,
)
from kadisc.sim.adversaries.dead_names import DeadNames, DeadNamesNode
from kadisc.sim.options import SimOptions
from tests.support.world import CONFIG, World, address, lookups, synthetic, true_closest, without

DOUBTS_OFF = without("teller_doubts")


def attacked(config: CoreConfig, number: int = 60) -> tuple[list[int], list[float], list[bool]]:
    """Lookups of one node of 80, a tenth of which has turned: how many queries and seconds each
    took, and whether it found the closest honest node.
    """
    world = World(3, one_way_s=0.05)
    hosts = synthetic(world, 80, config)
    group = DeadNames(SimOptions(), Random(1))
    group.turns_at = 0.0
    turned, honest = hosts[::10], [host for host in hosts if host not in hosts[::10]]
    for host in turned:
        host.node = DeadNamesNode(host.node, group)  # type: ignore[assignment]
    asker = honest[0]
    done = lookups(world, [asker], number, spacing_s=2.0)
    found = []
    for _, event in done:
        [closest] = true_closest(honest, event.result.target, 1, asker)
        found.append(closest in [node.contact.id for node in event.result.closest])
    results = [event.result for _, event in done]
    return [each.queries for each in results], [each.elapsed_s for each in results], found


def test_dead_names_beside_the_target_hold_up_few_lookups() -> None:
    queries, elapsed_s, found = attacked(CONFIG)
    undefended_queries, undefended_s, _ = attacked(DOUBTS_OFF)
    assert mean(undefended_queries) > 2.5 * mean(queries)
    assert mean(undefended_s) > 2 * mean(elapsed_s)
    assert mean(queries[20:]) < 14, "once each of them is known, lookups cost what they cost before"
    assert all(found)


@pytest.mark.parametrize("dead", [pytest.param(0.2, marks=pytest.mark.slow), 0.5])
def test_nodes_that_name_crashed_ones_do_no_harm(dead: float) -> None:
    """Right after a crash, when each honest node names nodes that are not there any more."""

    def recall(config: CoreConfig) -> float:
        world = World(5, one_way_s=0.05, loss=0.01)
        hosts = synthetic(world, 120, config, dead=dead)
        found = wanted = 0
        for asker, event in lookups(world, hosts, 60, spacing_s=0.5):
            truth = true_closest(hosts, event.result.target, 8, asker)
            closest = {node.contact.id for node in event.result.closest}
            found, wanted = found + len(closest.intersection(truth)), wanted + len(truth)
        return found / wanted

    assert recall(CONFIG) >= recall(DOUBTS_OFF) - 0.005


# --- the component --------------------------------------------------------------------------------

TELLER, OTHER = address(1), address(2)
NAMES = [address(number) for number in range(10, 30)]


def told(memory: TellerMemory, now: float = 0.0, names: int = len(NAMES)) -> TellerRule:
    tellers = memory.begin(now)
    for endpoint in NAMES[:names]:
        tellers.named(endpoint, TELLER)
    return tellers


def test_a_node_is_doubted_once_three_of_its_names_were_silent() -> None:
    tellers = told(TellerMemory())
    for endpoint in NAMES[: SILENT_NAMES - 1]:
        tellers.silent(endpoint)
        tellers.silent(endpoint)
    assert not tellers.any_doubted
    tellers.silent(NAMES[SILENT_NAMES - 1])
    assert tellers.is_doubtful(NAMES[9])
    assert not tellers.is_doubtful(TELLER), "nobody named it"


def test_names_that_answer_speak_for_it() -> None:
    tellers = told(TellerMemory())
    tellers.answered(NAMES[0])
    for endpoint in NAMES[1 : 2 * SILENT_NAMES]:
        tellers.silent(endpoint)
    assert not tellers.any_doubted
    tellers.silent(NAMES[2 * SILENT_NAMES])
    assert tellers.any_doubted
    tellers.answered(NAMES[1])  # late
    assert not tellers.any_doubted


def test_a_name_that_another_node_gives_too_is_not_doubtful() -> None:
    tellers = told(TellerMemory())
    for endpoint in NAMES[:SILENT_NAMES]:
        tellers.silent(endpoint)
    tellers.named(NAMES[9], OTHER)
    assert not tellers.is_doubtful(NAMES[9])
    tellers.answered(NAMES[0])
    assert tellers.any_doubted is False


def test_later_lookups_doubt_it_too_for_ten_minutes() -> None:
    memory = TellerMemory()
    tellers = told(memory)
    for endpoint in NAMES[:SILENT_NAMES]:
        tellers.silent(endpoint)
    assert told(memory, DOUBTED_S - 1.0).is_doubtful(NAMES[9])
    assert not told(memory, DOUBTED_S).is_doubtful(NAMES[9])


def test_few_nodes_are_kept_in_mind() -> None:
    memory = TellerMemory()
    for number in range(2 * MAX_DOUBTED):
        tellers = memory.begin(0.0)
        for endpoint in NAMES[:SILENT_NAMES]:
            tellers.named(endpoint, address(1000 + number))
            tellers.silent(endpoint)
    assert len(memory.doubted) == MAX_DOUBTED
