"""Reservoir of pushes: its bounds, and how it draws. What it defends against is shown in
`test_attacks_on_gossip.py`.
"""

from __future__ import annotations

import random

import pytest

from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.peers.push_reservoir import MAX_SEEN, Push, PushReservoir
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.wire.records import record_from
from tests.support.community import identity, record_fields
from tests.support.world import CONFIG, address

GOSSIP = CONFIG.gossip
SCOPES = AddressPolicy(False)
RECORD = record_from(record_fields(identity(1), None))


def reservoir(seed: int = 1) -> PushReservoir:
    return PushReservoir(GOSSIP, random.Random(seed), SCOPES.host, SCOPES.netgroup)


def push(endpoint: Endpoint) -> Push:
    return Push(endpoint, 5, RECORD)


def test_a_round_keeps_eight_pushes_one_a_netgroup_and_counts_one_an_address() -> None:
    pushes = reservoir()
    for number in range(100):
        assert pushes.offer(push(address(number))) is None
        assert pushes.offer(push(address(number, 7))) == "push-too-often"
        assert pushes.offer(push(make_endpoint(f"80.80.{number}.1", 5))) is None
    kept = pushes.drain()
    assert len(kept) == GOSSIP.reservoir
    assert sum(each.endpoint[:2] == bytes((80, 80)) for each in kept) <= 1
    assert pushes.drain() == []
    assert pushes.offer(push(address(1))) is None, "a new round"


def test_each_round_draws_anew_and_not_by_order() -> None:
    pushes = reservoir()
    seen: dict[Endpoint, int] = {}
    for _ in range(400):
        for number in range(40):
            pushes.offer(push(address(number)))
        for each in pushes.drain():
            seen[each.endpoint] = seen.get(each.endpoint, 0) + 1
    assert len(seen) == 40
    assert all(40 <= times <= 130 for times in seen.values()), "80 each, by chance"


def test_half_of_the_places_of_a_round_can_be_taken_early() -> None:
    pushes = reservoir()
    early = 0
    for number in range(100):
        pushes.offer(push(address(number)))
        early += pushes.take_early() is not None
    assert early == GOSSIP.reservoir // 2


@pytest.mark.parametrize("prefixes", [1, 12, 4096])
@pytest.mark.parametrize("wide", ["2c0f:1:{:x}:{:x}::1", "2c0f:{:x}:1:{:x}::1"])
def test_pushes_of_many_addresses_do_not_keep_out_those_of_another_netgroup(
    prefixes: int, wide: str
) -> None:
    """From so many /48s of one /32, and from so many /32s: a netgroup with more gives way."""
    pushes = reservoir()
    prefixes = min(prefixes, MAX_SEEN // 2)
    for number in range(MAX_SEEN + 50):
        pushes.offer(push(make_endpoint(wide.format(number % prefixes, number), 7)))
    for number in range(4):
        assert pushes.offer(push(make_endpoint(f"2a02:{number}::1", 6881))) is None
        assert pushes.offer(push(make_endpoint(f"2a02:{number}::1", 6882))) == "push-too-often"
    assert pushes.offer(push(make_endpoint("2a03:7::1", 6881))) is None
    kept = pushes.drain()
    netgroups = [SCOPES.netgroup(each.endpoint) for each in kept]
    assert len(set(netgroups)) == len(netgroups)
    assert pushes.offer(push(make_endpoint("2a02:1::1", 6881))) is None, "a new round"


def test_the_addresses_counted_in_a_round_are_bounded() -> None:
    pushes = reservoir()
    refused = [
        pushes.offer(push(make_endpoint(f"2c0f:1:0:{number:x}::1", 7)))
        for number in range(MAX_SEEN + 5)
    ]
    assert refused == [None] * MAX_SEEN + ["push-too-often"] * 5
