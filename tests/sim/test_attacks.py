"""Each attack on a small network succeeds with its defence off and fails with it on, and lookups
still work.
"""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from kadisc.config import AddressConfig, Defences
from kadisc.errors import UsageError
from kadisc.sim.adversaries.unresponsive import UnresponsiveNode
from kadisc.sim.attacks.ablation import ALL_OFF, PAPER, variants
from kadisc.sim.lab import Lab
from kadisc.sim.measure.vote_count import (
    first_decisions,
    wrong_first_probability,
    wrong_recount_probability,
    wrong_recounts,
)
from kadisc.wire.messages import Reply
from tests.sim.support import options, run

SMALL = ("nodes=120", "warmup_s=20", "minutes=1", "attack.lookups=40")
ALONE = (*SMALL, "attack.ablations=off")
ECLIPSE = (
    *ALONE,
    "attack.addresses=64",
    "attack.prefixes=4",
    "attack.victims=2",
    "attack.interval_s=10",
    "attack.forged_per_s=20",
)


def measured(name: str, *settings: str) -> dict[str, Any]:
    return dict(run(name, *settings).metrics)


@pytest.fixture(scope="module")
def eclipse() -> dict[str, Any]:
    return measured("eclipse-flood", *ECLIPSE)


def test_a_flood_from_few_subnets_gets_few_table_entries(eclipse: dict[str, Any]) -> None:
    """At most two entries a /24: 8 of 4 subnets, in tables of some 80."""
    assert eclipse["running_sybil_share"] <= 0.15
    assert eclipse["restarted_sybil_share"] <= 0.15
    assert eclipse["displaced_incumbents"] == 0
    assert eclipse["running_found"] >= 0.95
    assert eclipse["restarted_found"] >= 0.95
    undefended = measured("eclipse-flood", *ECLIPSE, "core.defences.diversity_caps=off")
    assert undefended["running_sybil_share"] > 0.35
    assert undefended["restarted_sybil_share"] > 0.35


def test_forged_sources_fill_a_table_without_verified_admission(eclipse: dict[str, Any]) -> None:
    undefended = measured("eclipse-flood", *ECLIPSE, "core.defences.verified_admission=off")
    assert eclipse["running_unused_share"] < 0.1
    assert undefended["running_unused_share"] > 0.5
    assert undefended["restarted_unused_share"] > 0.5


@pytest.mark.real
def test_unsolicited_answers_do_not_place_sybils_near_the_victim(
    eclipse: dict[str, Any],
) -> None:
    """Eight neighbours each of a few victims: one seed says little. Sybils answer when they are
    checked, so that some of them get in with the defence too.
    """
    name = "running_sybil_neighbours"
    # Lookups of the victims' own IDs ask on among so many Sybils, which helps without matching too.
    off = "core.defences.exact_matching=off", "core.defences.region_lookups=off"
    defended = [
        eclipse[name],
        *(measured("eclipse-flood", *ECLIPSE, f"seed={seed}")[name] for seed in (2, 3)),
    ]
    undefended = [
        measured("eclipse-flood", *ECLIPSE, *off, f"seed={seed}")[name] for seed in (1, 2, 3)
    ]
    assert sum(defended) / 3 < 0.5
    assert sum(undefended) / 3 >= 0.55


def test_without_defences_live_entries_are_displaced(eclipse: dict[str, Any]) -> None:
    off = [f"core.defences.{name}=off" for name in ("ping_before_evict", "verified_admission")]
    # One seed has some 110 entries, so that the share of a seed varies by a tenth.
    undefended = [measured("eclipse-flood", *ECLIPSE, f"seed={seed}", *off) for seed in (1, 2)]
    assert eclipse["displaced_incumbents"] == 0
    assert all(each["displaced_incumbents"] > 30 for each in undefended)
    assert sum(each["kept"] for each in undefended) / 2 < eclipse["kept"] - 0.1


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_one_operator_holds_two_of_the_k_closest(family: str) -> None:
    """With 800 addresses in 8 subnets, and a valid ID beside any target."""
    settings = (
        *("nodes=100", "warmup_s=20", "minutes=0.5", "attack.lookups=20", f"family={family}"),
        *("attack.addresses=800", "attack.prefixes=8", "attack.ablations=off"),
    )
    defended = measured("one-operator", *settings)
    assert defended["attackers_most"] <= 2
    assert defended["returned"] >= 0.95
    undefended = measured(
        "one-operator",
        *settings,
        "core.defences.lookup_caps=off",
        "core.defences.bep42_ids=off",
        "core.defences.region_lookups=off",
    )
    assert undefended["attackers_mean"] > 5
    assert undefended["returned"] < 0.7


def test_in_ipv6_a_flood_from_the_subnets_of_one_operator_gets_few_table_entries() -> None:
    eclipse = measured("eclipse-flood", *ECLIPSE, "family=ipv6")
    assert eclipse["running_sybil_share"] <= 0.15
    assert eclipse["restarted_sybil_share"] <= 0.15
    assert eclipse["displaced_incumbents"] == 0
    assert eclipse["running_found"] >= 0.95
    assert eclipse["restarted_found"] >= 0.95


@pytest.mark.real
def test_caps_have_no_effect_on_a_botnet() -> None:
    settings = (*ALONE, "attack.addresses=64", "attack.victims=2")
    capped = measured("botnet", *settings)
    uncapped = measured("botnet", *settings, "core.defences.diversity_caps=off")
    assert capped["running_sybil_share"] > 0.3
    assert capped["running_sybil_share"] == pytest.approx(uncapped["running_sybil_share"], abs=0.15)
    assert capped["displaced_incumbents"] == 0


def test_colluders_in_few_subnets_cannot_fill_an_answer() -> None:
    settings = (
        *ALONE,
        "attack.prefixes=3",
        "attack.share=0.3",
        "core.defences.bep42_ids=off",
        "core.defences.region_lookups=off",
    )
    capped = measured("colluders", *settings)
    uncapped = measured("colluders", *settings, "core.defences.lookup_caps=off")
    assert capped["found"] >= 0.95
    assert capped["captured"] <= 0.05
    assert uncapped["captured"] >= 0.3


@pytest.mark.real
def test_disjoint_paths_find_the_closest_honest_node() -> None:
    """The addresses of colluders are spread like those of honest nodes, so no cap applies."""
    settings = (
        *ALONE,
        "nodes=250",
        "attack.lookups=80",
        "attack.share=0.5",
        "core.defences.bep42_ids=off",
        "core.defences.region_lookups=off",
    )
    one = measured("colluders", *settings)
    many = measured("colluders", *settings, "attack.paths=8", "attack.k=16")
    assert many["found"] >= 0.95
    assert many["found"] >= one["found"]
    honest_ids = measured(
        "colluders", *settings, "attack.fabricate=off", "attack.paths=8", "attack.k=16"
    )
    assert honest_ids["returned"] >= 0.95


def test_forged_ids_near_the_target_take_at_most_half_of_a_result() -> None:
    settings = (
        *ALONE,
        "nodes=150",
        "attack.lookups=50",
        "attack.share=0.3",
        "population.bep42_ids=1",
        "core.defences.region_lookups=off",
    )
    bep42_valid = measured("colluders", *settings)
    bep42_invalid = measured("colluders", *settings, "core.defences.bep42_ids=off")
    assert (bep42_valid["captured"], bep42_invalid["captured"] >= 0.5) == (0.0, True)
    assert bep42_valid["returned"] >= 0.95
    assert bep42_invalid["returned"] <= 0.5


@pytest.mark.real
def test_lookups_among_colluders_are_suspicious_and_ask_on_in_the_region_of_the_target() -> None:
    """IDs brute-forced within BEP 42, by half of the nodes; nearly all lookups meet them."""
    settings = (*ALONE, "nodes=200", "attack.lookups=100", "attack.share=0.5", "attack.grind=on")
    without = measured("colluders", *settings, "core.defences.region_lookups=off")
    assert without["returned"] <= 0.75
    assert without["alarms"] == 0.0
    defended = measured("colluders", *settings)
    assert defended["alarms"] >= 0.85
    assert defended["false_alarms"] <= 0.05
    assert defended["found"] >= without["found"]
    assert defended["returned"] >= without["returned"] + 0.1
    assert defended["queries_suspicious_mean"] <= 40


def test_what_is_stored_among_colluders_is_found() -> None:
    settings = (*ALONE, "attack.lookups=30", "attack.share=0.5")
    defended = measured("hidden-store", *settings)
    assert defended["announces_found"] == defended["puts_found"] == 1.0
    off = ("core.defences.region_lookups=off", "core.defences.bep42_ids=off")
    undefended = measured("hidden-store", *settings, *off)
    assert undefended["announces_found"] <= 0.8


def test_honest_networks_raise_no_alarm() -> None:
    """Of 50 nodes, some 24 of which can be asked, none may; of 120 one in a thousand."""
    for nodes in (50, 120):
        settings = (f"nodes={nodes}", "warmup_s=20", "minutes=0.5", "lookups_per_minute=400")
        assert measured("lookup", *settings)["alarms"] == 0.0


def test_a_node_that_answers_only_pings_gets_no_table_entry() -> None:
    settings = (*ALONE, "minutes=2", "attack.interval_s=2")
    defended = measured("silent", *settings)
    assert (defended["silent_entries"], defended["silent_handed_out"]) == (0.0, 0.0)
    assert defended["found"] >= 0.95
    undefended = measured("silent", *settings, "core.defences.verified_admission=off")
    assert undefended["silent_entries"] > 0.03
    assert undefended["silent_handed_out"] > 0.02


LIES = (*ALONE, "nodes=100", "attack.movers=6", "attack.trials=0")


def test_lies_and_forged_answers_are_not_believed_and_a_true_change_is() -> None:
    metrics = measured("spoofed-votes", *LIES, "attack.share=0.2")
    assert (metrics["first_wrong"], metrics["settled_wrong"]) == (0, 0)
    assert metrics["decided"] >= 0.8
    assert metrics["followed_within_60_s"] >= 0.6


def test_forged_answers_change_the_address_if_replies_are_not_matched() -> None:
    """Without liars: all answers are true except forged ones, which match no query."""
    settings = (
        *LIES,
        "nodes=80",
        "attack.movers=8",
        "attack.share=0",
        "attack.forged_per_s=40",
        "minutes=0.5",
    )
    matched = measured("spoofed-votes", *settings)
    assert (matched["first_wrong"], matched["settled_wrong"], matched["followed_within_60_s"]) == (
        0,
        0,
        1.0,
    )
    believed = measured("spoofed-votes", *settings, "core.defences.exact_matching=off")
    assert believed["first_wrong"] + believed["settled_wrong"] > 0
    assert believed["followed_within_60_s"] < 1.0


def test_liars_change_the_address_if_the_first_vote_decides() -> None:
    metrics = measured(
        "spoofed-votes", *LIES, "core.address.first_voters=1", "core.address.change_voters=1"
    )
    assert metrics["first_wrong"] + metrics["settled_wrong"] >= 6


@pytest.mark.parametrize("liars", [0.4, 0.5])
def test_counted_and_computed_shares_of_wrong_decisions_agree(liars: float) -> None:
    config = replace(AddressConfig(), first_voters=8, change_voters=10)
    trials, rng = 4000, Random(1)
    wrong, _ = first_decisions(config, liars, trials, rng)
    first = wrong_first_probability(config, liars)
    recount = wrong_recount_probability(config, liars)
    assert wrong / trials == pytest.approx(first, abs=4 * math.sqrt(first / trials))
    assert wrong_recounts(config, liars, trials, rng) / trials == pytest.approx(
        recount, abs=4 * math.sqrt(recount / trials)
    )


def test_a_quarter_of_liars_hardly_ever_wins() -> None:
    assert wrong_first_probability(AddressConfig(), 0.25) <= 1e-3
    assert wrong_recount_probability(AddressConfig(), 0.25) <= 1e-6


@pytest.mark.real
def test_nodes_notice_a_change_of_address_and_are_found_again() -> None:
    metrics = measured(
        "address-change", "nodes=80", "warmup_s=20", "attack.movers=6", "population.reachable=0.8"
    )
    assert metrics["decided"] == metrics["followed"] == metrics["followed_within_60_s"] == 1.0
    assert metrics["found_before"] >= 0.8
    assert metrics["found_after_660_s"] >= 0.8
    assert metrics["contacts_kept"] >= 0.8


def test_an_attack_with_ablations_is_deterministic() -> None:
    settings = ("nodes=60", "warmup_s=5", "minutes=0.2", "attack.lookups=10")
    first, again = run("colluders", *settings), run("colluders", *settings)
    assert (first.digest, first.metrics, first.datagrams) == (
        again.digest,
        again.metrics,
        again.datagrams,
    )
    rows = first.metrics["ablations"]
    assert isinstance(rows, list)
    assert [rows[0]["defences"], rows[-1]["defences"]] == ["all on", "all off"]
    alone = run("colluders", *settings, "attack.ablations=off")
    assert alone.digest != first.digest
    assert alone.datagrams < first.datagrams
    assert alone.metrics["ablations"] == rows[:1]


def test_an_eclipse_attack_is_deterministic() -> None:
    settings = (
        *ECLIPSE,
        "nodes=60",
        "minutes=0.2",
        "attack.lookups=10",
        "attack.restart_after_s=3",
        "attack.victims=1",
    )
    first, again = run("eclipse-flood", *settings), run("eclipse-flood", *settings)
    assert (first.digest, first.metrics) == (again.digest, again.metrics)


def test_variants_differ_only_in_their_defences() -> None:
    chosen = variants(options("eclipse-flood"), ("diversity_caps",))
    assert [variant.name for variant in chosen] == [
        "all on",
        "no diversity caps",
        "paper",
        "all off",
    ]
    assert [variant.options.core.defences for variant in chosen] == [
        Defences(),
        replace(Defences(), diversity_caps=False),
        PAPER,
        ALL_OFF,
    ]
    assert (
        len({replace(variant.options, core=options("eclipse-flood").core) for variant in chosen})
        == 1
    )
    given = variants(options("eclipse-flood", "core.defences.lookup_caps=off"), ())
    assert given[0].name == "as set"


@pytest.mark.parametrize(
    ("name", "setting", "words"),
    [
        ("eclipse-flood", "attack.addresses=6000", "do not fit"),
        ("eclipse-flood", "attack.prefixes=0", "do not fit"),
        ("colluders", "attack.share=1", "attack.share"),
        ("silent", "attack.share=-0.1", "attack.share"),
        ("silent", "attack.interval_s=0", "attack.interval_s"),
        ("spoofed-votes", "attack.forged_per_s=-1", "attack.forged_per_s"),
        ("spoofed-votes", "attack.movers=-1", "attack.movers"),
        ("colluders", "attack.paths=0", "attack.paths"),
    ],
)
def test_impossible_options_of_an_attack_are_refused(name: str, setting: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        run(name, *SMALL, setting)


@pytest.mark.parametrize("own_id", [1, 2])
def test_invariants_do_not_apply_to_adversaries(own_id: int) -> None:
    """An adversary sends a datagram above every bound, and chooses its ID: no invariant fails, and
    it is not counted as an honest host.
    """
    lab = Lab(options("lookup", "nodes=20", "paranoid=on", "churn.profile=none"))
    unresponsive = UnresponsiveNode(own_id, Random(1), 1.0)
    host = lab.new_adversary(unresponsive)
    lab.settle(warmup_s=1.0, adversaries=[host])
    assert (host.id, host.honest) == (own_id, False)
    assert host not in lab.live()
    assert host not in lab.oracle.closest(own_id, 50)
    honest = lab.acceptors()[0]
    unresponsive.send(Reply(b"aa", own_id, token=b"x" * 1150), honest.outside)
    unresponsive.query([honest.outside], lab.world.now)
    before = honest.node.counters.received
    lab.world.flush(host)
    lab.run(5.0)
    lab.finish()
    assert honest.node.counters.received >= before + 4
