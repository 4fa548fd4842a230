"""Attack: thousands of addresses in one /16 (IPv6 /32), all of which answer, take most of a table
before others come. Its surplus gives way to whoever comes later; a network that is all in one /16
fills the table.
"""

from __future__ import annotations

import random

import pytest

from kadisc.config import CoreConfig, TableConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.assembly import diversity_for
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Endpoint, Family, family_of, make_endpoint, netgroup_prefix
from kadisc.ids import random_id
from kadisc.wire.messages import Reply
from tests.support.attack import known, query, started
from tests.support.contacts import address6
from tests.support.scripted import put_scripted
from tests.support.world import CONFIG, World, address, without

CAP = TableConfig().per_netgroup_in_table


def table_for(family: Family, config: CoreConfig, *, allow_private: bool = False) -> RoutingTable:
    policy = AddressPolicy(allow_private)
    return RoutingTable(family, 1 << 159, config.table, policy, diversity_for(config, policy))


def of_one_netgroup(family: Family, number: int) -> Endpoint:
    """Each in a /24 (/48) of its own, as long as there are enough of them."""
    if family is Family.IPV4:
        return make_endpoint(f"80.80.{number % 250}.{number // 250 + 1}", 6881)
    return make_endpoint(f"2a0c:80:{number:x}::1", 6881)


def elsewhere(family: Family, number: int) -> Endpoint:
    return address(number) if family is Family.IPV4 else address6(number)


def fill(table: RoutingTable, endpoints: list[Endpoint], rng: random.Random, now: float) -> float:
    for endpoint in endpoints:
        now += 1.0
        table.offer(Contact(random_id(rng), endpoint), now)
    return now


def held(table: RoutingTable, endpoints: list[Endpoint]) -> int:
    return sum(table.holds(endpoint) for endpoint in endpoints)


def vacancies(table: RoutingTable) -> int:
    return sum(bucket.capacity - len(bucket.entries) for bucket in table.buckets())


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("defended", [True, False])
@pytest.mark.parametrize("order", ["honest last", "honest first", "mixed"])
def test_one_netgroup_keeps_its_cap_and_vacancies(
    family: Family, defended: bool, order: str
) -> None:
    rng = random.Random(4)
    table = table_for(family, CONFIG if defended else without("diversity_caps"))
    attackers = [of_one_netgroup(family, number) for number in range(3000)]
    honest = [elsewhere(family, number) for number in range(1000)]
    everybody = attackers + honest if order == "honest last" else honest + attackers
    if order == "mixed":
        rng.shuffle(everybody)
    now = fill(table, everybody, rng, 0.0)
    taken = held(table, attackers)
    if not defended:
        assert order == "honest first" or taken > len(table) / 2
        return
    wide = [bucket for bucket in table.buckets() if bucket.index < 5]
    in_wide = [
        entry
        for bucket in wide
        for entry in bucket.entries
        if netgroup_prefix(entry.contact.endpoint) == netgroup_prefix(attackers[0])
    ]
    assert all(bucket.is_full for bucket in wide)
    assert len(in_wide) <= CAP, "where there are enough honest ones"
    assert taken <= CAP + vacancies(table) + sum(
        len(bucket.entries) for bucket in table.buckets() if bucket.index >= 5
    )
    more = [elsewhere(family, number) for number in range(1000, 1400)]
    for endpoint in more:
        assert table.offer(Contact(random_id(rng), endpoint), now).decision.value != "refused"
    assert len(table) >= sum(bucket.capacity for bucket in wide)


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("allow_private", [False, True])
def test_a_network_that_is_all_in_one_netgroup_fills_the_table(
    family: Family, allow_private: bool
) -> None:
    rng = random.Random(5)
    table = table_for(family, CONFIG, allow_private=allow_private)
    if allow_private and family is Family.IPV4:
        everybody = [make_endpoint(f"10.1.{n % 250}.{n // 250 + 1}", 6881) for n in range(3000)]
    else:
        everybody = [of_one_netgroup(family, number) for number in range(3000)]
    assert {family_of(each) for each in everybody} == {family}
    fill(table, everybody, rng, 0.0)
    before = set(table)
    assert all(bucket.is_full for bucket in table.buckets() if bucket.index < 3)
    fill(table, everybody, rng, 5000.0)
    assert set(table) >= before, "nobody gives way to one of the same netgroup"


def test_a_pinned_contact_never_gives_way() -> None:
    rng = random.Random(6)
    table = table_for(Family.IPV4, CONFIG)
    attackers = [of_one_netgroup(Family.IPV4, number) for number in range(3000)]
    fill(table, attackers, rng, 0.0)
    pinned = [entry.contact.endpoint for entry in list(table)[:40]]
    for endpoint in pinned:
        table.pin(endpoint)
    fill(table, [address(number) for number in range(2000)], rng, 5000.0)
    assert held(table, pinned) == len(pinned)


def test_after_a_change_of_the_own_id_one_netgroup_has_no_more_than_before() -> None:
    rng = random.Random(7)
    table = table_for(Family.IPV4, CONFIG)
    fill(table, [address(number) for number in range(300)], rng, 0.0)
    attackers = [of_one_netgroup(Family.IPV4, number) for number in range(3000)]
    fill(table, attackers, rng, 1000.0)  # verified later: by time alone they would come first
    honest = sum(netgroup_prefix(e.contact.endpoint) != b"\x50\x50" for e in table)
    table.rebase(random_id(rng), 9000.0)
    left = sum(netgroup_prefix(e.contact.endpoint) != b"\x50\x50" for e in table)
    assert left >= 0.9 * honest


def peer(world: World, endpoint: Endpoint) -> Contact:
    """A node that answers every query and knows no other."""
    own_id = random_id(world.rng)
    put_scripted(world, endpoint, lambda asked: Reply(asked.tid, own_id, nodes=b""))
    return Contact(own_id, endpoint)


@pytest.mark.parametrize("defended", [True, False])
def test_honest_nodes_that_ask_last_are_verified_and_win_their_places(defended: bool) -> None:
    """The whole node: a full bucket with surplus entries is a reason to check who asks."""
    world = World(seed=10)
    config = CONFIG if defended else without("diversity_caps", "checks_in_flight_caps")
    victim = started(world, config)
    for number in range(1000):
        attacker = peer(world, of_one_netgroup(Family.IPV4, number))
        victim.node.dhts[Family.IPV4].table.offer(attacker, world.now)
    honest = [peer(world, address(number)) for number in range(1, 120)]
    for contact in honest:
        world.inject(victim, contact.endpoint, query(contact.id))
        world.run(0.5)
    world.run(30.0)
    far = {contact for contact in honest if (contact.id ^ victim.id) >> 159}
    taken = far & known(victim)
    if defended:
        assert len(taken) >= 0.9 * len(far)
    else:
        assert not taken
