"""Attacks on the view of the network, each with its defence off, where it succeeds, and on."""

from __future__ import annotations

import random
from dataclasses import replace
from random import Random

import pytest

from kadisc.config import CoreConfig, GossipConfig
from kadisc.core.assembly import view_for
from kadisc.core.gossip_view import ViewRule
from kadisc.core.scopes import Scopes
from kadisc.endpoints import Endpoint
from kadisc.sim.options import SimOptions
from kadisc.sim.population import FIRST_BYTES, Population
from tests.support.gossip_model import GossipModel
from tests.support.peers import peer
from tests.support.world import address, without

SMALL = CoreConfig(gossip=GossipConfig(flat_slots=20, slots_from_8=2, slots_from_16=12, slots_from_24=6))


def flooded(config: CoreConfig, share: float, seed: int = 1) -> GossipModel:
    """A network of 150, of which that share pushes ten times as often as the others, after 20 rounds."""
    attackers = round(150 * share)
    model = GossipModel(
        [address(number) for number in range(150 - attackers)],
        [address(1000 + 7 * number) for number in range(attackers)],
        lambda rng: view_for(config, rng, Scopes(False)),
        seed=seed,
    )
    model.run(20)
    return model


def test_without_ranks_a_tenth_that_pushes_ten_times_as_often_captures_every_view() -> None:
    assert flooded(without("ranked_slots", config=SMALL), 0.1).share_of_slots() > 0.99


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_with_ranks_the_flood_has_about_its_share(share: float) -> None:
    models = [flooded(SMALL, share, seed) for seed in range(2)]
    mean = sum(model.share_of_slots() for model in models) / len(models)
    assert share * 0.8 < mean < share * 1.25, f"{mean:.3f}"
    assert sum(model.share_of_samples(20) for model in models) / len(models) < share * 1.25


# --- many addresses in few networks ------------------------------------------------------------------------------------------------------


def honest_addresses(seed: int, count: int = 500) -> list[Endpoint]:
    """Clustered as in the world: few large providers, many small ones."""
    population = Population(SimOptions(), random.Random(seed))
    return [population.settle().endpoint for _ in range(count)]


def where_it_hurts(honest: list[Endpoint], networks: int, hosts: int, rng: Random) -> list[Endpoint]:
    """The best places for that many /24s: each in a /8 where nobody is, or else in one of the thinnest."""
    crowd = {first: sum(each[0] == first for each in honest) for first in FIRST_BYTES}
    thinnest = sorted(FIRST_BYTES, key=lambda first: (crowd[first], first))[:networks]
    places = [bytes((first, rng.randrange(256), rng.randrange(256))) for first in thinnest]
    return [Endpoint(places[n % networks] + bytes((1 + n // networks,)) + b"\x1a\xe1") for n in range(hosts)]


def share_of_slots(config: CoreConfig, seed: int, *, hierarchical: bool) -> float:
    """The share that 500 attackers in 20 /24s have of one kind of slots, when everybody was offered."""
    honest = honest_addresses(seed)
    attackers = where_it_hurts(honest, 20, 500, random.Random(seed))
    view: ViewRule = view_for(config, random.Random(seed), Scopes(False))
    everybody = honest + attackers
    random.Random(seed).shuffle(everybody)
    bad, given, total = set(attackers), 0, 0
    for number, endpoint in enumerate(everybody):
        view.offer(peer(number, endpoint), 0)
    for _ in range(100):  # every slot once more, so that this is 200 of them
        view.round(0)
    kinds = None if not config.defences.hierarchical_slots else hierarchical
    for each in view.sample(100, 0, hierarchical=kinds):
        total += view.slots_of(each.endpoint) if kinds is None else 1
        given += (each.endpoint in bad) * (view.slots_of(each.endpoint) if kinds is None else 1)
    return given / total


def test_without_the_hierarchy_half_the_nodes_in_20_small_networks_have_half_of_the_slots() -> None:
    shares = [share_of_slots(without("hierarchical_slots"), seed, hierarchical=True) for seed in range(3)]
    assert sum(shares) / 3 > 0.4


def test_with_the_hierarchy_they_have_what_20_networks_are_worth_wherever_they_are() -> None:
    """The expectation, exactly: a slot goes to each /8 (/16, /24) with the same chance, so no sampling is needed to know it."""
    config = GossipConfig()
    expected = 0.0
    for seed in range(10):
        honest = honest_addresses(seed)
        bad = where_it_hurts(honest, 20, 500, random.Random(seed))
        levels = ((1, config.slots_from_8), (2, config.slots_from_16), (3, config.slots_from_24))
        slots = sum(count for _, count in levels)
        for length, count in levels:
            expected += count / slots * _value(bad, honest, length) / 10
    assert expected < 0.06
    measured = [share_of_slots(CoreConfig(), seed, hierarchical=True) for seed in range(8)]
    assert abs(sum(measured) / len(measured) - expected) < 0.025, f"{measured} where {expected:.4f} is expected"


def _value(bad: list[Endpoint], honest: list[Endpoint], length: int) -> float:
    """What slots that begin with prefixes of this length are worth to the attackers: each prefix the same, whoever shares one splits it by the
    next, longer one."""
    if length > 4:
        return float(bool(bad))
    prefixes = {each[:length] for each in bad + honest}
    value = 0.0
    for prefix in {each[:length] for each in bad}:
        theirs, ours = ([each for each in side if each[:length] == prefix] for side in (bad, honest))
        value += _value(theirs, ours, length + 1) if ours else 1.0
    return value / len(prefixes)


def test_a_tenth_of_the_slots_by_the_8_would_be_too_much_for_a_half() -> None:
    """Why few slots begin with the /8: were they all to, 20 thin /8s would be worth a tenth."""
    honest = honest_addresses(1)
    bad = where_it_hurts(honest, 20, 500, random.Random(1))
    assert _value(bad, honest, 1) > 0.09
    assert _value(bad, honest, 2) < 0.06


def test_pushing_again_and_again_wins_nothing() -> None:
    view = view_for(CoreConfig(), random.Random(1), Scopes(False))
    for number in range(200):
        view.offer(peer(number), 0)
    before = [view.slots_of(address(number)) for number in range(200)]
    for _ in range(20):
        for number in range(190, 200):
            view.offer(peer(number), 0)
    assert [view.slots_of(address(number)) for number in range(200)] == before


def test_many_keys_at_one_address_are_one_peer() -> None:
    """With the naive view they fill it, port by port."""
    for config, bound in ((without("ranked_slots"), 100), (CoreConfig(), 1)):
        view = view_for(config, random.Random(1), Scopes(False))
        for port in range(1, 301):
            view.offer(peer(port, address(5, port=port)), 0)
        assert len(view) == bound


def test_the_switches_choose_the_component_and_keep_the_number_of_slots() -> None:
    for config in (CoreConfig(), without("ranked_slots"), without("hierarchical_slots"), replace(CoreConfig(), allow_private=True)):
        assert view_for(config, random.Random(1), Scopes(False)).snapshot(0).slots == 100
