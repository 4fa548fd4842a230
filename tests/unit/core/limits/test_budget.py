"""Budgets in cells: what each level allows, and that a flood neither grows nor resets them."""

from __future__ import annotations

import random
from collections import Counter
from math import inf

import pytest

from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.limits.budget import (
    HOST,
    NETGROUP,
    NETGROUP_CELLS,
    SUBNET,
    SUBNET_CELLS,
    TOTAL,
    Budget,
    CellHash,
    Cells,
    Rate,
)
from kadisc.endpoints import Endpoint, make_endpoint, parse_endpoint

PLENTY = Rate(1e9, 1e9)


def at(host: int, subnet: int = 1, netgroup: int = 1) -> Cells:
    return host, subnet | SUBNET_CELLS, netgroup | NETGROUP_CELLS


def test_a_burst_and_then_a_steady_rate() -> None:
    budget = Budget(host=Rate(2.0, 5.0), subnet=PLENTY, total=PLENTY)
    assert [budget.lacking(at(1), 1.0, 0.0) for _ in range(7)] == [0] * 5 + [1] * 2
    assert [budget.lacking(at(1), 1.0, now) for now in (0.4, 0.5, 0.5)] == [1, 0, 1]
    assert sum(
        not budget.lacking(at(1), 1.0, 0.5 + command / 100) for command in range(1001)
    ) == pytest.approx(20, abs=1)


@pytest.mark.parametrize("level", [HOST, SUBNET, NETGROUP, TOTAL])
def test_what_one_level_lacks_is_not_taken_from_the_others(level: int) -> None:
    small, large = Rate(1.0, 2.0), Rate(1.0, 5.0)
    host, subnet, netgroup, total = (
        small if each == level else large for each in (HOST, SUBNET, NETGROUP, TOTAL)
    )
    budget = Budget(host=host, subnet=subnet, netgroup=netgroup, total=total)
    assert [budget.lacking(at(1), 1.0, 0.0) for _ in range(9)] == [0, 0] + [level] * 7
    elsewhere = at(*(2 if level >= each else 1 for each in (HOST, SUBNET, NETGROUP)))
    others = [budget.lacking(elsewhere, 1.0, 0.0) for _ in range(3)]
    assert others == ([0, 0, level] if level < TOTAL else [TOTAL] * 3)


def test_a_level_without_a_rate_takes_no_cell_and_refuses_nothing() -> None:
    budget = Budget(subnet=Rate(1.0, 2.0))
    assert [budget.lacking(at(host), 1.0, 0.0) for host in range(4)] == [0, 0, SUBNET, SUBNET]
    assert len(budget) == 1


def test_hosts_of_one_subnet_share_its_budget() -> None:
    budget = Budget(host=PLENTY, subnet=Rate(1.0, 10.0))
    assert sum(not budget.lacking(at(address, 7), 1.0, 0.0) for address in range(256)) == 10
    assert not budget.lacking(at(3, 8), 1.0, 0.0)


def test_subnets_of_one_netgroup_share_its_budget() -> None:
    budget = Budget(host=PLENTY, subnet=PLENTY, netgroup=Rate(1.0, 10.0))
    assert sum(not budget.lacking(at(each, each, 7), 1.0, 0.0) for each in range(256)) == 10
    assert not budget.lacking(at(3, 3, 8), 1.0, 0.0)


def test_a_million_forged_sources_take_no_more_memory_than_the_cells_do() -> None:
    bits = 8
    cells, rng = CellHash(bytes(range(16)), bits, AddressPolicy(False)).cells, random.Random(1)
    budget = Budget(host=Rate(1.0, 4.0), subnet=Rate(1.0, 4.0), netgroup=Rate(1.0, 4.0))
    most = 0
    for number in range(1_000_000):
        budget.lacking(cells(Endpoint(rng.randbytes(6))), 1.0, number / 100_000)
        if number % 1000 == 0:
            most = max(most, len(budget))
    assert 3 * 2**bits <= most <= 6 * 2**bits


def test_nothing_is_forgotten_during_a_flood() -> None:
    """A limiter that evicts the prefix that was unused for longest forgets here what it must hold
    back: the flood has ten times as many prefixes as there are cells.
    """
    budget = Budget(host=Rate(0.001, 3.0), subnet=Rate(0.001, 3.0))
    cells = CellHash(bytes(range(16)), 12, AddressPolicy(False)).cells
    held_back = make_endpoint("80.1.2.3", 7)
    assert [budget.lacking(cells(held_back), 1.0, 0.0) for _ in range(4)] == [0, 0, 0, HOST]
    for number in range(40_960):
        forged = Endpoint(b"\x51" + number.to_bytes(3, "big") + b"\x1a\xe1")
        budget.lacking(cells(forged), 1.0, number / 100)
    assert budget.lacking(cells(held_back), 1.0, 410.0) == HOST
    assert budget.lacking(cells(held_back), 1.0, 1000.0) == 0, "one was repaid"
    assert budget.lacking(cells(held_back), 1.0, 1000.0) == HOST


def test_cells_are_forgotten_only_when_their_budget_is_full_again() -> None:
    budget = Budget(host=Rate(1.0, 3.0), subnet=Rate(1.0, 3.0), total=PLENTY)
    for command in range(200):
        now = 4.0 * command  # each pause is longer than the burst takes to come back
        assert [budget.lacking(at(1), 1.0, now) for _ in range(4)] == [0, 0, 0, 1]
    budget.lacking(at(2, 2), 1.0, 1e6)
    assert len(budget) == 2


def test_cells_are_used_evenly_and_differ_with_the_secret() -> None:
    endpoints = [make_endpoint(f"11.{a}.{b}.7", 6881) for a in range(64) for b in range(64)]
    for level in range(2):
        counts = Counter(
            CellHash(b"0123456789abcdef", 6, AddressPolicy(False)).cells(each)[level]
            for each in endpoints
        )
        assert len(counts) == 64
        assert max(counts.values()) < 3 * 64
        collisions = []
        for secret in range(40):
            cells = CellHash(random.Random(secret).randbytes(16), 6, AddressPolicy(False)).cells
            collisions.append(
                {each for each in endpoints[1:] if cells(each)[level] == cells(endpoints[0])[level]}
            )
        assert not set.intersection(*collisions), "no two endpoints collide with every secret"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("80.1.2.3:1", "80.1.2.3:2", (True, True, True)),
        ("80.1.2.3:1", "80.1.2.4:1", (False, True, True)),
        ("80.1.2.3:1", "80.1.3.3:1", (False, False, True)),
        ("80.1.2.3:1", "80.2.2.3:1", (False, False, False)),
        ("[2a00:1:2:3::1]:1", "[2a00:1:2:3:4::1]:2", (True, True, True)),
        ("[2a00:1:2:3::1]:1", "[2a00:1:2:4::1]:1", (False, True, True)),
        ("[2a00:1:2:3::1]:1", "[2a00:1:2:ff::1]:1", (False, True, True)),
        ("[2a00:1:2:3::1]:1", "[2a00:1:3:3::1]:1", (False, False, True)),
        ("[2a00:1:2:3::1]:1", "[2a00:2:2:3::1]:1", (False, False, False)),
        ("127.0.0.1:1", "127.0.0.1:2", (False, False, False)),
        ("[fe80::1]:1", "[fe80::1]:2", (False, False, False)),
    ],
)
def test_which_endpoints_share_a_budget(one: str, other: str, same: tuple[bool, ...]) -> None:
    """An IPv6 customer has at least a /64 and often a /56 or /48; addresses that are not public
    count by endpoint.
    """
    cells = CellHash(bytes(range(100, 116)), 16, AddressPolicy(False)).cells
    assert (
        tuple(
            a == b
            for a, b in zip(cells(parse_endpoint(one)), cells(parse_endpoint(other)), strict=True)
        )
        == same
    )


def test_a_full_budget_grants_its_whole_burst_at_any_time() -> None:
    """Although sums of times are rounded."""
    rng = random.Random(1)
    for _ in range(2000):
        budget, now = Budget(host=Rate(20.0, 40.0), total=Rate(1 / 3, 40.0)), rng.uniform(0, 1e8)
        assert [budget.lacking(at(1), 1.0, now) for _ in range(41)] == [0] * 40 + [HOST]


def test_a_new_budget_is_full_at_any_time() -> None:
    one = Rate(1.0, 1.0)
    assert Budget(host=one, subnet=one, netgroup=one, total=one).lacking(at(0), 1.0, -1e9) == 0
    assert Budget(host=one, subnet=one, netgroup=one, total=one).lacking(at(0), inf, 0.0) == HOST


def test_the_cells_of_an_endpoint_do_not_depend_on_other_prefixes() -> None:
    """Two nodes, one of which has hashed longer prefixes before, find the same cells."""
    one = CellHash(bytes(range(16)), 14, AddressPolicy(False))
    other = CellHash(bytes(range(16)), 14, AddressPolicy(False))
    others = [
        other.cells(parse_endpoint(each))
        for each in ("10.1.2.3:1", "[2a00:1:2:3::1]:1", "[fe80::1]:1")
    ]
    public = parse_endpoint("80.1.2.3:1")
    assert one.cells(public) == other.cells(public)
    assert others == [
        one.cells(parse_endpoint(each))
        for each in ("10.1.2.3:1", "[2a00:1:2:3::1]:1", "[fe80::1]:1")
    ]
