"""Every invariant holds under 200 random mixtures of faults in tiny worlds."""

from __future__ import annotations

import random

import pytest

from kadisc.endpoints import Family
from kadisc.sim.lab import Lab
from kadisc.sim.options import FaultOptions
from kadisc.sim.oracles.violation import Violation
from kadisc.sim.probes.lookup_probe import LookupProbe
from kadisc.sim.run import replay_command, run_scenario
from kadisc.sim.scenarios.scenario import Scenario
from tests.sim.support import options, run

FAULTS = {
    "drop": 0.3,
    "duplicate": 0.3,
    "reorder": 0.5,
    "reorder_s": 15.0,
    "corrupt": 0.3,
    "partitions_per_hour": 60.0,
    "rebindings_per_hour": 30.0,
    "clock_jumps_per_hour": 10.0,
    "stalls_per_hour": 20.0,
    "restarts_per_hour": 10.0,
}
SEEDS, GROUP = 200, 20


def mixture(seed: int) -> list[str]:
    """Each fault with a probability of one half, at random strength."""
    rng = random.Random(f"faults {seed}")
    return [
        f"faults.{name}={rng.random() * most:.4f}"
        for name, most in FAULTS.items()
        if rng.random() < 0.5
    ]


@pytest.mark.parametrize("first", range(0, SEEDS, GROUP))
def test_invariants_hold_under_random_faults(first: int) -> None:
    for seed in range(first, first + GROUP):
        # A violation names the command that reproduces it.
        result = run(
            "lookup",
            f"seed={seed}",
            "nodes=10",
            "minutes=0.5",
            "warmup_s=20",
            "lookups_per_minute=20",
            "population.reachable=0.8",
            *mixture(seed),
        )
        assert result.datagrams > 0


def test_every_fault_is_in_the_mixture() -> None:
    named = {
        name
        for seed in range(SEEDS)
        for name in (setting.partition("=")[0].removeprefix("faults.") for setting in mixture(seed))
    }
    assert named == set(FAULTS) <= set(FaultOptions.__dataclass_fields__)


def test_a_violation_names_the_command_that_reproduces_it() -> None:
    def broken(lab: Lab) -> dict[str, object]:
        lab.settle()
        raise Violation("host 1 at 2 s: something is wrong")

    chosen = options(
        "lookup", "nodes=10", "seed=77", "warmup_s=1", "faults.drop=0.25", "paranoid=on"
    )
    with pytest.raises(
        Violation,
        match="something is wrong; reproduce with: kadisc sim run lookup --seed 77 --nodes 10",
    ) as caught:
        run_scenario(Scenario("lookup", "", broken), chosen)
    assert "--set faults.drop=0.25 --paranoid" in str(caught.value)
    assert replay_command(Scenario("lookup", "", broken), chosen) in str(caught.value)


def test_a_bucket_over_its_capacity_is_a_violation() -> None:
    lab = Lab(options("lookup", "nodes=30", "paranoid=on", "warmup_s=1"))
    lab.settle()
    LookupProbe(lab)
    host = max(lab.live(), key=lambda host: len(host.node.dhts[Family.IPV4].table))
    bucket = host.node.dhts[Family.IPV4].table.buckets()[0]
    bucket.capacity = len(bucket.entries) - 1
    with pytest.raises(Violation, match="a bucket is over its capacity: 0 has"):
        lab.finish()
