"""Attacks on the view: each succeeds with its defence off and fails with it on."""

from __future__ import annotations

import random
from dataclasses import replace
from random import Random

import pytest

from kadisc.config import CoreConfig, GossipConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.peers.slot_ranking import FLAT
from kadisc.core.peers.view import GossipView
from kadisc.core.peers_assembly import view_for
from kadisc.endpoints import Endpoint
from kadisc.sim.model.population import FIRST_BYTES, Population
from kadisc.sim.options import SimOptions
from tests.support.contacts import address6
from tests.support.gossip_model import GossipModel
from tests.support.peers import answering, peer
from tests.support.world import address, without

SMALL = CoreConfig(
    gossip=GossipConfig(
        flat_slots=10, slots_from_8=1, slots_from_16=6, slots_from_24=3, reseed_slots=1
    )
)


def anywhere(rng: Random) -> Endpoint:
    return Endpoint(
        bytes(
            (rng.choice(FIRST_BYTES), rng.randrange(256), rng.randrange(256), rng.randrange(1, 255))
        )
        + b"\x1a\xe1"
    )


def flooded(config: CoreConfig, share: float, rounds: int, *, remember: bool = True) -> GossipModel:
    """A network of 200 addresses. Attackers have that share of them, five identities at each
    address, and push ten times as often as the others.
    """
    rng = random.Random(1)
    attackers = [anywhere(rng) for _ in range(round(200 * share))]
    identities = [Endpoint(each[:4] + bytes((26, port))) for each in attackers for port in range(5)]
    honest = [anywhere(rng) for _ in range(200 - len(attackers))]
    model = GossipModel(
        honest,
        identities,
        lambda rng: view_for(config, rng, AddressPolicy(False)),
        pushes=2,
        remember=remember,
    )
    model.run(rounds)
    return model


def test_without_ranks_a_tenth_that_pushes_ten_times_as_often_captures_all_views() -> None:
    """Within 20 rounds. One of twenty places is left to honest peers: the last push has it."""
    assert flooded(without("ranked_slots", config=SMALL), 0.1, 20).share_of_samples(20) > 0.9


@pytest.mark.parametrize(
    ("share", "rounds"), [(0.1, 40), pytest.param(0.3, 60, marks=pytest.mark.slow)]
)
def test_with_ranks_the_flood_has_about_its_share(share: float, rounds: int) -> None:
    """After more than 20 rounds: until then a node has learned of all attackers, and only of half
    of the others.
    """
    model = flooded(SMALL, share, rounds)
    assert share * 0.7 < model.share_of_samples(20) < share * 1.25
    assert share * 0.7 < model.share_of_slots() < share * 1.25


# --- many addresses in few networks ---------------------------------------------------------------


def honest_addresses(seed: int, count: int = 500) -> list[Endpoint]:
    """Clustered as in the world: few large providers, many small ones."""
    population = Population(SimOptions(), random.Random(seed))
    return [population.settle().endpoint for _ in range(count)]


def best_places(honest: list[Endpoint], networks: int, hosts: int, rng: Random) -> list[Endpoint]:
    """The best places for that many /24s: each in a /8 without honest hosts, or else in one with
    the fewest.
    """
    crowd = {first: sum(each[0] == first for each in honest) for first in FIRST_BYTES}
    thinnest = sorted(FIRST_BYTES, key=lambda first: (crowd[first], first))[:networks]
    places = [bytes((first, rng.randrange(256), rng.randrange(256))) for first in thinnest]
    return [
        Endpoint(places[n % networks] + bytes((1 + n // networks,)) + b"\x1a\xe1")
        for n in range(hosts)
    ]


def share_of_slots(config: CoreConfig, seed: int) -> float:
    """The share that 500 attackers in 20 /24s have of the hierarchical slots (of all slots where
    none are hierarchical) when all peers were offered.
    """
    honest = honest_addresses(seed)
    attackers = best_places(honest, 20, 500, random.Random(seed))
    view = view_for(config, random.Random(seed), AddressPolicy(False))
    offered = honest + attackers
    random.Random(seed).shuffle(offered)
    for number, endpoint in enumerate(offered):
        view.offer(answering(peer(number, endpoint), 0), 0)
    assert isinstance(view, GossipView)
    holders = [
        slot.holder.peer.endpoint
        for slot in view.slots
        if slot.holder and (slot.seat.begins != FLAT or not config.defences.hierarchical_slots)
    ]
    return sum(endpoint in set(attackers) for endpoint in holders) / len(holders)


def test_without_the_hierarchy_half_the_nodes_in_20_small_networks_have_half_of_the_slots() -> None:
    shares = [share_of_slots(without("hierarchical_slots"), seed) for seed in range(3)]
    assert sum(shares) / 3 > 0.4


def test_with_the_hierarchy_they_have_what_20_networks_are_worth_in_any_place() -> None:
    """The expectation, exactly: a slot goes to each /8 (/16, /24) with the same chance, so no
    sampling is needed to know it.
    """
    config = GossipConfig()
    expected = 0.0
    for seed in range(10):
        honest = honest_addresses(seed)
        bad = best_places(honest, 20, 500, random.Random(seed))
        levels = ((1, config.slots_from_8), (2, config.slots_from_16), (3, config.slots_from_24))
        slots = sum(count for _, count in levels)
        for length, count in levels:
            expected += count / slots * _value(bad, honest, length) / 10
    assert expected < 0.06
    measured = [share_of_slots(CoreConfig(), seed) for seed in range(16)]
    assert abs(sum(measured) / len(measured) - expected) < 0.02, (
        f"{measured} where {expected:.4f} is expected"
    )


def _value(bad: list[Endpoint], honest: list[Endpoint], length: int) -> float:
    """What slots that begin with prefixes of this length are worth to the attackers: each prefix is
    worth the same; where both sides share one, the next longer prefix splits it.
    """
    if length > 4:
        return float(bool(bad))
    prefixes = {each[:length] for each in bad + honest}
    value = 0.0
    for prefix in {each[:length] for each in bad}:
        theirs, ours = (
            [each for each in side if each[:length] == prefix] for side in (bad, honest)
        )
        value += _value(theirs, ours, length + 1) if ours else 1.0
    return value / len(prefixes)


def test_slots_that_all_begin_with_the_8_would_give_half_of_the_nodes_too_much() -> None:
    """Why few slots begin with the /8: if all did, 20 sparse /8s would be worth a tenth."""
    honest = honest_addresses(1)
    bad = best_places(honest, 20, 500, random.Random(1))
    assert _value(bad, honest, 1) > 0.09
    assert _value(bad, honest, 2) < 0.06


# --- IPv6: many subnets of one operator -----------------------------------------------------------


def in_32(prefix: bytes, subnet: int, host: int) -> Endpoint:
    """The host-th /64 of a /48 of a /32."""
    address = prefix + subnet.to_bytes(2, "big") + host.to_bytes(2, "big") + bytes(7) + b"\1"
    return Endpoint(address + b"\x1a\xe1")


def share_of_flat_slots(
    config: CoreConfig, subnets: int, seed: int = 1, honest: list[Endpoint] | None = None
) -> float:
    """The share that 3,000 attackers in so many /48s of one /32 have of the flat slots, when all
    peers were offered. The ``honest`` ones: 300 in /32s of their own, or those given.
    """
    honest = honest or [address6(number) for number in range(300)]
    attackers = {in_32(b"\x26\0\1\2", n % subnets, n // subnets) for n in range(3000)}
    offered = [*honest, *attackers]
    rng = random.Random(seed)
    offered.sort()
    rng.shuffle(offered)
    view = view_for(config, rng, AddressPolicy(False))
    for number, endpoint in enumerate(offered):
        view.offer(answering(peer(number, endpoint), 0), 0)
    assert isinstance(view, GossipView)
    flat = [slot.holder for slot in view.slots if slot.holder and slot.seat.begins == FLAT]
    return sum(held.peer.endpoint in attackers for held in flat) / len(flat)


@pytest.mark.parametrize("subnets", [8, 64, 3000])
def test_the_subnets_of_one_ipv6_operator_hold_few_flat_slots(subnets: int) -> None:
    """With 300 honest peers at most 16 of 316 shares are the attacker's, 5 %."""
    shares = [share_of_flat_slots(CoreConfig(), subnets, seed) for seed in range(5)]
    assert sum(shares) / 5 < 0.1
    assert max(shares) <= 0.15


@pytest.mark.parametrize("subnets", [8, 64, 3000])
def test_without_ipv6_shares_it_holds_nearly_all_of_them(subnets: int) -> None:
    assert share_of_flat_slots(without("ipv6_shares"), subnets) > 0.75


def test_the_peers_of_a_large_ipv6_provider_keep_their_part_of_the_slots() -> None:
    """Half of 200 honest peers are customers of one provider, in /56s of 50 of its /48s. An
    attacker has 3,000 /64s of one other customer's /48. Each slot has a holder, many customers hold
    some, and where all peers are of one provider the view is as full as ever.
    """
    provider = b"\x2a\2\3\4"
    customers = [in_32(provider, n % 50, 256 * (1 + n // 50)) for n in range(100)]
    others = [address6(number) for number in range(100)]
    greedy = [in_32(provider, 77, number) for number in range(3000)]

    def holders(offered: list[Endpoint]) -> list[Endpoint]:
        rng = random.Random(1)
        rng.shuffle(offered)
        view = view_for(CoreConfig(), rng, AddressPolicy(False))
        for number, endpoint in enumerate(offered):
            view.offer(answering(peer(number, endpoint), 0), 0)
        assert isinstance(view, GossipView)
        return [slot.holder.peer.endpoint for slot in view.slots if slot.holder]

    mixed = holders([*customers, *others, *greedy])
    assert len(mixed) == 100
    assert len(set(mixed) & set(customers)) >= 6
    assert len(set(mixed) & set(others)) >= 40
    assert sum(each in set(greedy) for each in mixed) <= 4
    alone = holders(list(customers))
    assert len(alone) == 100
    assert len(set(alone)) >= 30


def test_repeated_pushes_win_nothing() -> None:
    view = view_for(CoreConfig(), random.Random(1), AddressPolicy(False))
    for number in range(200):
        view.offer(answering(peer(number), 0), 0)
    before = [view.slots_of(address(number)) for number in range(200)]
    for _ in range(20):
        for number in range(190, 200):
            view.offer(answering(peer(number), 0), 0)
    assert [view.slots_of(address(number)) for number in range(200)] == before


def test_many_keys_at_one_address_are_one_peer() -> None:
    """They fill the naive view, one port after the other."""
    for config, bound in ((without("ranked_slots"), 100), (CoreConfig(), 1)):
        view = view_for(config, random.Random(1), AddressPolicy(False))
        for port in range(1, 301):
            view.offer(answering(peer(port, address(5, port=port)), 0), 0)
        assert len(view) == bound


def test_the_switches_choose_the_component_and_keep_the_number_of_slots() -> None:
    for config in (
        CoreConfig(),
        without("ranked_slots"),
        without("hierarchical_slots"),
        replace(CoreConfig(), allow_private=True),
    ):
        assert view_for(config, random.Random(1), AddressPolicy(False)).snapshot(0).slots == 100
