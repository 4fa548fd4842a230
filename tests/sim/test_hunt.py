"""The hunt: a seed is the same run each time, is kept as a run of a sweep is, and finds faults that
are put back.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kadisc.config import Defences
from kadisc.errors import UsageError
from kadisc.net.state.round_trip import reloaded
from kadisc.sim.adversaries.registry import KINDS
from kadisc.sim.hunt.plan import FAULTS, KEPT_ON, HuntChoices, drawn
from kadisc.sim.hunt.seeds import HuntSeed, hunted
from kadisc.sim.lab import Lab
from kadisc.sim.model.faults import Faults
from tests.sim.hunted_faults import HUNTED, SEEDS, hunt
from tests.sim.support import options
from tests.terminal.commands import kadisc

TINY = HuntChoices(nodes=8, minutes=0.5)


def test_a_seed_gives_the_same_run_each_time() -> None:
    first, second = (HuntSeed(3, TINY, reloaded).record() for _ in range(2))
    assert "failed" not in first
    assert first["metrics"]["digest"] == second["metrics"]["digest"]
    assert first["command"] == "kadisc sim hunt --seed 3 --nodes 8 --minutes 0.5"
    assert first["run"] == second["run"] != HuntSeed(4, TINY, reloaded).key


def test_a_choice_changes_no_other_draw() -> None:
    plan, larger = drawn(5, HuntChoices()), drawn(5, HuntChoices(nodes=99))
    assert larger.options.nodes == 99
    assert larger.options.faults == plan.options.faults
    assert [group.kind for group in larger.groups] == [group.kind for group in plan.groups]
    assert drawn(5, HuntChoices(settings=("faults.drop=0.5",))).options.faults.drop == 0.5


def test_every_kind_and_every_fault_is_drawn_soon() -> None:
    plans = [drawn(seed, HuntChoices()) for seed in range(1, 61)]
    assert {group.kind for plan in plans[:SEEDS] for group in plan.groups} == set(KINDS)
    for name in FAULTS:
        assert len({getattr(plan.options.faults, name) for plan in plans}) > 10, name
    assert {plan.options.family for plan in plans} == {"ipv4", "ipv6"}
    off = [plan for plan in plans if plan.asserted != Defences()]
    assert 10 < len(off) < 50
    assert all(getattr(plan.asserted, name) for plan in plans for name in KEPT_ON)
    assert all(plan.options.core.defences == plan.asserted for plan in plans)


def test_a_defence_that_is_turned_off_by_hand_is_relied_on() -> None:
    plan = drawn(1, HuntChoices(without=("store_shares",)))
    assert not plan.options.core.defences.store_shares
    assert plan.asserted.store_shares


@pytest.mark.parametrize(
    "choices",
    [
        HuntChoices(without=("none",)),
        HuntChoices(adversaries=("nobody",)),
        HuntChoices(nodes=2),
        HuntChoices(minutes=0.0),
        HuntChoices(settings=("faults.none=1",)),
    ],
)
def test_impossible_choices_are_refused(choices: HuntChoices) -> None:
    with pytest.raises(UsageError):
        hunted([1], choices, None)


def test_faults_stop() -> None:
    lab = Lab(options("lookup", "nodes=10", "warmup_s=5", "faults.partitions_per_hour=3600"))
    lab.settle()
    assert lab.world.network.partitioned
    assert isinstance(lab.faults, Faults)
    lab.faults.stop()
    lab.run(60.0)
    assert not lab.world.network.partitioned


def test_a_host_whose_clock_has_jumped_sees_no_later_time_than_it_is() -> None:
    """A tick that is out of date was once given the time of the deadline that lay ahead."""
    lab = Lab(options("lookup", "nodes=10", "warmup_s=1", "faults.clock_jumps_per_hour=600"))
    told: list[tuple[float, float]] = []

    class Caller:
        def receive(self, host: object, payload: bytes, source: object, now: float) -> None:
            told.append((lab.world.now + host.skew_s, now))  # type: ignore[attr-defined]
            host.node.receive(payload, source, now)  # type: ignore[attr-defined]

        def tick(self, host: object, now: float) -> None:
            told.append((lab.world.now + host.skew_s, now))  # type: ignore[attr-defined]
            host.node.tick(now)  # type: ignore[attr-defined]

    lab.world.caller = Caller()  # type: ignore[assignment]
    lab.settle()
    lab.run(30.0)
    assert any(own > 1000.0 for own, _ in told)
    assert max(abs(own - now) for own, now in told) < 1e-5


def test_finished_seeds_are_kept_and_not_repeated(tmp_path: Path) -> None:
    words = ["--nodes", "6", "--minutes", "0.5", "--workers", "1", "--json"]
    path = tmp_path / "hunt.jsonl"
    first = kadisc("sim", "hunt", "--seeds", "1", *words, "--out", str(path))
    assert first.returncode == 0, first.stderr
    done = kadisc("sim", "hunt", "--seeds", "2", *words, "--out", str(path))
    document = json.loads(done.stdout)
    assert (document["seeds"], document["done"], document["already_done"]) == (2, 2, 1)
    assert document["failed"] == []
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["seed"] for record in records] == [1, 2]


def test_a_failure_names_the_command_that_repeats_it(tmp_path: Path) -> None:
    fault = HUNTED["changing-ids"]
    words = ["--seeds", "2,", "--without", *fault.without, "--workers", "1"]
    done = kadisc("sim", "hunt", *words, "--out", str(tmp_path / "hunt.jsonl"))
    assert done.returncode == 1
    assert "reproduce: kadisc sim hunt --seed 2 --without spaced_maintenance" in done.stdout
    replayed = kadisc("sim", "hunt", "--seed", "2", "--without", *fault.without, "--json")
    assert replayed.returncode == 1
    record = json.loads(replayed.stdout)
    assert record["oracle"] == "spacing"
    assert record["evidence"] in done.stdout


@pytest.mark.parametrize("name", ["store-first-come", "errors-alone"])
def test_a_fault_that_is_put_back_is_found(name: str) -> None:
    fault = HUNTED[name]
    assert hunt(fault, range(fault.found_by, fault.found_by + 1)) is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", HUNTED)
def test_each_fault_that_is_put_back_is_found_within_twenty_seeds(name: str) -> None:
    record = hunt(HUNTED[name])
    assert record is not None
    print(name, record["seed"], record["failed"], record["cpu_s"])
