"""``--set`` changes any option by its dotted name, and reports a mistake in one line."""

from __future__ import annotations

import pytest

from kadisc.errors import UsageError
from kadisc.sim.option_rules import check_options
from kadisc.sim.options import SimOptions
from kadisc.sim.scenarios.registry import SCENARIOS
from kadisc.sim.settings import all_settings, with_settings


def test_each_kind_of_value_is_read() -> None:
    options = with_settings(
        SimOptions(),
        [
            "network.loss.mean=0.05",
            "core.table.k=20",
            "core.defences.diversity_caps=off",
            "core.table.bucket_sizes=8",
            "churn.profile=ipfs",
        ],
    )
    assert options.network.loss.mean == 0.05
    assert options.core.table.k == 20
    assert options.core.defences.diversity_caps is False
    assert options.core.table.bucket_sizes == (8,)
    assert options.churn.profile == "ipfs"


def test_every_option_can_be_set_to_its_own_value() -> None:
    settings = all_settings(SimOptions())
    assert len(settings) > 100
    words = [
        f"{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in settings.items()
    ]
    assert with_settings(SimOptions(), words) == SimOptions()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("nonsense", "OPTION=VALUE"),
        ("netwrk.loss.mean=1", "did you mean network?"),
        ("network.loss.men=1", "did you mean mean?"),
        ("network.loss=1", "a group of options"),
        ("nodes.x=1", "a single value"),
        ("nodes=many", "a whole number"),
        ("network.loss.mean=much", "a number"),
        ("core.read_only=perhaps", "on or off"),
        ("zzz=1", "known are seed, nodes"),
        ("core.table.per_unit=1", "this is now core.table.per_host"),
    ],
)
def test_a_mistake_is_reported_in_one_line_with_a_hint(setting: str, words: str) -> None:
    with pytest.raises(UsageError, match="--set") as caught:
        with_settings(SimOptions(), [setting])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("joins=0", "joins: a number above 0"),
        ("lookups_per_minute=0", "lookups_per_minute: a number above 0"),
        ("warmup_s=-1", "warmup_s: a number of at least 0"),
        ("crash=1.5", "crash: a share of at most 1"),
        ("network.loss.mean=nan", "network.loss.mean: a number of at least 0"),
        ("network.loss.mean=0.5", "less than network.loss.loss_in_burst"),
        ("network.loss.burst_packets=0", "network.loss.burst_packets: a number above 0"),
        ("network.latency.region_shares=1,2", "4 values"),
        ("network.latency.region_shares=0,0,0,0", "one of them above 0"),
        ("network.nat.timeouts_s=30,60", "as many values as in network.nat.timeout_shares"),
        ("population.autonomous_systems=0", "population.autonomous_systems: a number above 0"),
        ("core.table.k=0", "core.table.k: expected a number from 1 to 100"),
        ("core.table.bucket_sizes=", "core.table.bucket_sizes: expected a list"),
        ("attack.k=0", "attack.k: a number above 0"),
    ],
)
def test_impossible_values_are_refused_before_the_run(setting: str, words: str) -> None:
    with pytest.raises(ValueError, match=setting.partition("=")[0].split(".")[-1]) as caught:
        check_options(with_settings(SimOptions(), [setting]))
    assert words in str(caught.value)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_the_options_of_every_scenario_are_allowed(name: str) -> None:
    check_options(SCENARIOS[name].options())
