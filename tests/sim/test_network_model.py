"""Each part of the network model has the distribution that its options define."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import pytest

from kadisc.endpoints import Endpoint, Scope, make_endpoint, scope_of
from kadisc.sim.model.churn import PROFILES, Churn
from kadisc.sim.model.host import Host
from kadisc.sim.model.latency import latency_model, mrtt_s, region_matrix
from kadisc.sim.model.nat import (
    STRANGER,
    BlockedNat,
    DependentNat,
    OpenNat,
    RestrictedNat,
    draw_nat,
)
from kadisc.sim.model.network import HEADER_BYTES, Network, corrupted
from kadisc.sim.model.population import Population
from kadisc.sim.options import (
    ChurnOptions,
    FaultOptions,
    LatencyOptions,
    LossOptions,
    NatOptions,
    NetworkOptions,
    SimOptions,
)
from tests.sim.support import bare_host

NAT = NatOptions()
INSIDE = make_endpoint("81.2.69.1", 4000)
CONTACTED = make_endpoint("9.9.9.9", 1)
OTHER = make_endpoint("8.8.8.8", 1)
CONTACTED_OTHER_PORT = make_endpoint("9.9.9.9", 2)


class Spot(NamedTuple):
    number: int
    region: int
    access_s: float


# --- Delay ----------------------------------------------------------------------------------------


def test_the_round_trip_time_is_that_between_the_regions_and_an_access_delay_on_each_side() -> None:
    model = latency_model(LatencyOptions())
    assert model.rtt_s(Spot(1, 0, 0.01), Spot(2, 1, 0.02)) == pytest.approx(0.130)
    assert model.rtt_s(Spot(1, 2, 0.0), Spot(2, 2, 0.0)) == 0.030
    matrix = region_matrix(LatencyOptions())
    assert all(matrix[a][b] == matrix[b][a] for a in range(4) for b in range(4))


def test_packet_factors_have_their_spread_and_their_spikes() -> None:
    options = LatencyOptions()
    factors = latency_model(options).factors
    assert statistics.median(factors) == pytest.approx(1.0, abs=0.01)
    assert sum(factor > 2.0 for factor in factors) / len(factors) == pytest.approx(
        options.spike_share, rel=0.05
    )
    assert statistics.stdev(
        math.log(factor) for factor in factors if factor < 2.0
    ) == pytest.approx(options.packet_sigma, rel=0.05)


def test_the_cross_check_gives_each_pair_its_own_lognormal_delay() -> None:
    options = LatencyOptions(profile="lognormal")
    model = latency_model(options)
    spots = [Spot(number, 0, 0.5) for number in range(300)]
    rtts = [model.rtt_s(a, b) for a in spots for b in spots if a.number < b.number]
    assert statistics.median(rtts) == pytest.approx(0.154, rel=0.03)
    assert statistics.stdev(map(math.log, rtts)) == pytest.approx(0.55, rel=0.05)
    assert model.rtt_s(spots[3], spots[8]) == model.rtt_s(spots[8], spots[3])
    assert mrtt_s(model, spots, random.Random(1)) == pytest.approx(0.154, rel=0.05)


# --- Loss, duplication, size ----------------------------------------------------------------------


@pytest.mark.parametrize("mean", [0.01, 0.05, 0.2])
def test_the_loss_rate_and_the_length_of_bursts(mean: float) -> None:
    network, sender, receiver = _network(NetworkOptions(loss=LossOptions(mean=mean)))
    arrived = [
        bool(list(network.send(sender, b"x", receiver.endpoint, 0.0))) for _ in range(200_000)
    ]
    assert 1 - sum(arrived) / len(arrived) == pytest.approx(mean, rel=0.08)
    after_loss = [arrived[i + 1] for i in range(len(arrived) - 1) if not arrived[i]]
    assert 1 - sum(after_loss) / len(after_loss) > 0.3, "losses come in bursts"


def test_duplicates_and_packets_beyond_the_mtu() -> None:
    network, sender, receiver = _network(
        NetworkOptions(loss=LossOptions(mean=0.0), duplication=0.01)
    )
    copies = sum(
        len(list(network.send(sender, b"x", receiver.endpoint, 0.0))) for _ in range(50_000)
    )
    assert copies / 50_000 == pytest.approx(1.01, abs=0.002)
    assert list(network.send(sender, b"x" * (1280 - HEADER_BYTES), receiver.endpoint, 0.0))
    assert not list(network.send(sender, b"x" * (1281 - HEADER_BYTES), receiver.endpoint, 0.0))
    assert network.lost["mtu"] == 1


def test_a_partition_lets_nothing_through_until_it_is_healed() -> None:
    network, sender, receiver = _network(NetworkOptions(loss=LossOptions(mean=0.0)))
    receiver.side, network.partitioned = 1, True
    assert not list(network.send(sender, b"x", receiver.endpoint, 0.0))
    network.partitioned = False
    assert list(network.send(sender, b"x", receiver.endpoint, 0.0))


def test_faults_of_packets() -> None:
    faults = FaultOptions(drop=0.2, duplicate=0.3, reorder=0.5, reorder_s=5.0, corrupt=0.5)
    network, sender, receiver = _network(NetworkOptions(loss=LossOptions(mean=0.0)), faults)
    sent = [list(network.send(sender, b"payload", receiver.endpoint, 0.0)) for _ in range(10_000)]
    arriving = [packet for packets in sent for packet in packets]
    assert sum(not packets for packets in sent) / 10_000 == pytest.approx(0.2, abs=0.02)
    assert sum(len(packets) == 2 for packets in sent) / 10_000 == pytest.approx(0.24, abs=0.02)
    assert sum(delay_s > 1.0 for delay_s, *_ in arriving) / len(arriving) == pytest.approx(
        0.5 * 0.84, abs=0.03
    )
    assert sum(payload != b"payload" for *_, payload in arriving) / len(arriving) == pytest.approx(
        0.5, abs=0.03
    )
    assert corrupted(b"", random.Random(1)) == b""


def _network(
    options: NetworkOptions, faults: FaultOptions | None = None
) -> tuple[Network, Host, Host]:
    network = Network(
        options, faults or FaultOptions(), latency_model(options.latency), random.Random(1)
    )
    sender, receiver = bare_host(1), bare_host(2)
    network.attach(sender)
    network.attach(receiver)
    return network, sender, receiver


# --- NAT: each kind admits exactly what it should -------------------------------------------------


def test_an_open_nat_admits_any_packet_while_its_mapping_lives() -> None:
    nat = OpenNat(INSIDE, 60.0, NAT)
    assert not nat.admits(OTHER, INSIDE, 0.0)
    assert nat.outbound(CONTACTED, 0.0) == INSIDE
    assert nat.admits(OTHER, INSIDE, 59.0)
    assert nat.admits(OTHER, INSIDE, 118.0), "an inbound packet keeps it alive"
    assert not nat.admits(OTHER, INSIDE, 179.0)
    assert not OpenNat(INSIDE, 60.0, NAT).lets_in(STRANGER, INSIDE, 0.0)


def test_a_restricted_nat_admits_only_endpoints_that_the_host_sent_to() -> None:
    nat = RestrictedNat(INSIDE, 60.0, replace(NAT, inbound_refreshes=False))
    assert nat.outbound(CONTACTED, 0.0) == nat.outbound(OTHER, 0.0) == INSIDE
    assert nat.admits(CONTACTED, INSIDE, 60.0)
    assert not nat.admits(CONTACTED_OTHER_PORT, INSIDE, 1.0)
    assert not nat.admits(CONTACTED, INSIDE, 60.5)
    nat.outbound(CONTACTED, 100.0)
    assert not nat.admits(OTHER, INSIDE, 100.0)
    assert nat.admits(CONTACTED, INSIDE, 101.0)


def test_a_dependent_nat_has_another_port_for_each_destination() -> None:
    nat = DependentNat(INSIDE, 60.0, NAT)
    to_contacted, to_other = nat.outbound(CONTACTED, 0.0), nat.outbound(OTHER, 0.0)
    assert to_contacted is not None
    assert to_other is not None
    assert to_contacted != to_other
    assert nat.outbound(CONTACTED, 30.0) == to_contacted
    assert nat.admits(CONTACTED, to_contacted, 31.0)
    assert not nat.admits(CONTACTED, to_other, 31.0)
    assert not nat.admits(OTHER, to_contacted, 31.0)
    assert nat.outbound(CONTACTED, 200.0) != to_contacted, "a new mapping after the time-out"


def test_a_blocked_host_neither_sends_nor_receives() -> None:
    nat = BlockedNat(INSIDE, 60.0, NAT)
    assert nat.outbound(CONTACTED, 0.0) is None
    assert not nat.admits(CONTACTED, INSIDE, 0.0)


@pytest.mark.parametrize("kind", [OpenNat, RestrictedNat, DependentNat])
def test_rebinding_drops_mappings(kind: type[OpenNat | RestrictedNat | DependentNat]) -> None:
    nat = kind(INSIDE, 60.0, NAT)
    before = nat.outbound(CONTACTED, 0.0)
    assert before is not None
    nat.rebind(INSIDE[:4], random.Random(1))
    assert not nat.admits(CONTACTED, before, 1.0)
    assert nat.outbound(CONTACTED, 2.0) != before


def test_kinds_and_time_outs_have_their_shares() -> None:
    rng = random.Random(3)
    kinds = [type(draw_nat(INSIDE, NAT, rng)) for _ in range(20_000)]
    for kind, share in (
        (OpenNat, 0.12),
        (RestrictedNat, 0.64),
        (DependentNat, 0.22),
        (BlockedNat, 0.02),
    ):
        assert kinds.count(kind) / 20_000 == pytest.approx(share, abs=0.01)


# --- Population and churn -------------------------------------------------------------------------


def test_addresses_are_public_unique_and_clustered() -> None:
    population = Population(SimOptions(), random.Random(1))
    residences = [population.settle() for _ in range(5000)]
    endpoints = [residence.endpoint for residence in residences]
    assert all(scope_of(endpoint) is Scope.PUBLIC for endpoint in endpoints)
    assert len({endpoint[:4] for endpoint in endpoints}) == 5000
    assert len({endpoint[:3] for endpoint in endpoints}) > 4500
    assert 1000 < len({endpoint[:2] for endpoint in endpoints}) < 4000
    systems = [residence.system.number for residence in residences]
    assert systems.count(1) > 100 > systems.count(50) > 0
    assert statistics.median(residence.access_s for residence in residences) == pytest.approx(
        0.008, rel=0.05
    )


def test_an_address_can_be_used_again() -> None:
    population = Population(SimOptions(), random.Random(1))
    endpoint: Endpoint = population.settle().endpoint
    population.move_out(endpoint)
    population.move_in(endpoint)


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_sessions_in_the_steady_state_follow_renewal_theory(profile: str) -> None:
    """The mean remaining time of a session seen at random is E[X^2] / 2E[X], and the rate of
    leaving 1 / E[X].
    """
    shape, scale_s = PROFILES[profile]
    churn = Churn(ChurnOptions(profile=profile, permanent=0.0), random.Random(5))
    mean_s = scale_s * math.gamma(1 + 1 / shape)
    leaving_within = 0.02 * mean_s
    stays = [churn.random_stay() for _ in range(40_000)]
    expected = _integral(lambda x: math.exp(-((x / scale_s) ** shape)) / mean_s, leaving_within)
    assert sum(stay.left_s < leaving_within for stay in stays) / len(stays) == pytest.approx(
        expected, rel=0.1
    )
    assert sum(stay.age_s < leaving_within for stay in stays) / len(stays) == pytest.approx(
        expected, rel=0.1
    )
    new_stays = [churn.new_stay().left_s for _ in range(40_000)]
    assert statistics.median(new_stays) == pytest.approx(
        scale_s * math.log(2) ** (1 / shape), rel=0.06
    )


def test_one_tenth_of_the_nodes_never_leaves() -> None:
    churn = Churn(ChurnOptions(), random.Random(5))
    assert sum(
        churn.random_stay().left_s == math.inf for _ in range(10_000)
    ) / 10_000 == pytest.approx(0.1, abs=0.01)


def _integral(function: Callable[[float], float], end: float, steps: int = 2000) -> float:
    width = end / steps
    return sum(function((step + 0.5) * width) for step in range(steps)) * width
