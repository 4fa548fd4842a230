"""What proven endpoints may use: each of them, by network and together, in portions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.limits.budget import GRANTED, HOST, NETGROUP, SUBNET, TOTAL, CellHash, Rate
from kadisc.core.limits.proven_budget import (
    ENDPOINT,
    FREE_SHARE,
    NETGROUP_RESERVE,
    RESERVE,
    ProvenBudget,
    ProvenRates,
    proven_terms,
)
from kadisc.endpoints import Endpoint, make_endpoint
from tests.support.world import address

RATES = ProvenRates(80.0, 200.0, 400.0, 4000.0)
FREE = FREE_SHARE * RATES.host
SCOPES = AddressPolicy(False)


def budget_for(
    rates: ProvenRates = RATES, *, portion: float = 1.0, max_portions: int = 100
) -> ProvenBudget:
    terms = proven_terms(rates, 1.0, portion, max_portions)
    return ProvenBudget(terms, CellHash(bytes(16), 16, SCOPES))


def use(budget: ProvenBudget, endpoint: Endpoint, now: float, amount: float = 1.0) -> int:
    if budget.use_portion(endpoint, amount):
        return GRANTED
    return budget.lacking(endpoint, amount, now, lasting=True)


def granted(budget: ProvenBudget, endpoints: list[Endpoint], count: int, now: float) -> int:
    """Of ``count`` uses of one unit, in turns."""
    return sum(
        use(budget, endpoints[number % len(endpoints)], now) == GRANTED for number in range(count)
    )


def all_ports() -> list[Endpoint]:
    return [make_endpoint("45.1.1.1", 1 + number) for number in range(1000)]


def all_hosts() -> list[Endpoint]:
    return [make_endpoint(f"45.1.1.{number}", 7) for number in range(250)]


def all_subnets() -> list[Endpoint]:
    return [make_endpoint(f"45.1.{number}.7", 7) for number in range(250)]


def sixth_of(family: str) -> list[Endpoint]:
    """Hosts of one /64, /48s of one /32."""
    if family == "host":
        return [make_endpoint(f"2a01:1:1:1::{number:x}", 7) for number in range(1, 250)]
    if family == "subnet":
        return [make_endpoint(f"2a01:1:1:{number:x}::1", 7) for number in range(1, 250)]
    return [make_endpoint(f"2a01:1:{number:x}::1", 7) for number in range(1, 250)]


@pytest.mark.parametrize(
    ("endpoints", "level", "rate"),
    [
        (all_ports(), HOST, RATES.host),
        (all_hosts(), SUBNET, RATES.subnet),
        (all_subnets(), NETGROUP, RATES.netgroup),
        (sixth_of("host"), HOST, RATES.host),
        (sixth_of("subnet"), SUBNET, RATES.subnet),
        (sixth_of("netgroup"), NETGROUP, RATES.netgroup),
    ],
)
@pytest.mark.parametrize("portion", [1.0, 4.0])
def test_endpoints_of_one_network_share_its_budget(
    endpoints: list[Endpoint], level: int, rate: float, portion: float
) -> None:
    budget = budget_for(portion=portion)
    seconds = 10
    taken = sum(granted(budget, endpoints, 1000, now / 2) for now in range(2 * seconds))
    assert use(budget, endpoints[0], seconds - 0.5) in (level, GRANTED)
    assert 0.8 * rate * seconds <= taken <= (rate + FREE) * (seconds + 1)


def test_all_together_have_a_budget() -> None:
    budget = budget_for()
    everywhere = [address(number) for number in range(10_000)]
    taken = sum(granted(budget, everywhere, 10_000, float(now)) for now in range(10))
    assert taken <= (RATES.total + FREE) * 11
    assert budget.lacking(everywhere[5], 1.0, 9.0, lasting=True) == TOTAL


def test_an_endpoint_has_a_budget_of_its_own_beside() -> None:
    budget = budget_for(replace(RATES, endpoint=Rate(20.0, 20.0)))
    one, other = all_ports()[:2]
    assert granted(budget, [one], 100, 0.0) == FREE + 20
    assert budget.lacking(one, 1.0, 0.0, lasting=True) == ENDPOINT
    assert granted(budget, [other], 100, 0.0) == 20


def test_netgroups_that_flood_leave_the_reserve_to_others() -> None:
    """Twenty netgroups ask for all that there is, and one that asks for a little gets it."""
    budget = budget_for()
    flooding = [
        make_endpoint(f"45.{netgroup}.{number}.7", 7)
        for number in range(8)
        for netgroup in range(20)
    ]
    quiet, answered, asked = make_endpoint("62.1.1.1", 7), 0, 0
    for step in range(200):
        now = step / 10
        granted(budget, flooding, 1000, now)
        asked += 1
        answered += use(budget, quiet, now) == GRANTED
    assert budget.lacking(flooding[0], 1.0, 19.9, lasting=True) in (NETGROUP, TOTAL)
    assert answered >= 0.95 * asked
    assert 20 * NETGROUP_RESERVE < RESERVE


def test_a_node_at_rest_keeps_no_state() -> None:
    budget = budget_for(portion=16.0)
    for number in range(1000):
        assert use(budget, address(number % 40), number / (0.9 * FREE)) == GRANTED
    assert len(budget) == 0


def test_a_portion_is_used_up_before_another_is_taken() -> None:
    budget = budget_for(replace(RATES, host=32.0), portion=16.0)
    one = address(1)
    granted(budget, [address(2)], 4, 0.0)  # the free part
    assert budget.lacking(one, 1.0, 0.0, lasting=True) == GRANTED
    assert [budget.use_portion(one, 1.0) for _ in range(16)] == [True] * 15 + [False]
    assert granted(budget, [one], 100, 0.0) == 16


def test_a_proof_that_does_not_last_leaves_no_portion() -> None:
    budget = budget_for(portion=16.0)
    granted(budget, [address(2)], int(FREE), 0.0)
    portions = len(budget)
    assert budget.lacking(address(1), 1.0, 0.0, lasting=False) == GRANTED
    assert not budget.use_portion(address(1), 1.0)
    assert len(budget) == portions


def test_where_no_whole_portion_is_left_the_amount_alone_is_taken() -> None:
    budget = budget_for(replace(RATES, host=20.0), portion=16.0)
    granted(budget, [address(2)], 4, 0.0)
    assert granted(budget, [address(1)], 100, 0.0) == 20


def test_the_number_of_portions_is_bounded() -> None:
    budget = budget_for(replace(RATES, total=1e6, netgroup=1e6), portion=4.0, max_portions=10)
    for number in range(1000):
        use(budget, address(number), 0.0)
        assert len(budget) <= 10
