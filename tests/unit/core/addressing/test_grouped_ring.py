from __future__ import annotations

import random

from kadisc.core.addressing.grouped_ring import GroupedRing
from kadisc.endpoints import Endpoint, make_endpoint


def group_of(endpoint: Endpoint) -> bytes:
    return endpoint[:2]


def endpoints(count: int, groups: int) -> list[Endpoint]:
    return [
        make_endpoint(f"45.{number % groups}.{number // groups}.7", 6881) for number in range(count)
    ]


def ring_of(each: list[Endpoint], secret: bytes = b"secret") -> GroupedRing:
    ring = GroupedRing(secret)
    for endpoint in each:
        ring.add(endpoint, group_of(endpoint))
    return ring


def askers(count: int) -> list[bytes]:
    return [number.to_bytes(3, "big") for number in range(count)]


def test_the_choice_of_an_asker_is_fixed_and_that_of_another_is_another() -> None:
    ring = ring_of(endpoints(200, 50))
    chosen = [ring.choose(asker, 16) for asker in askers(2)]
    assert chosen[0] == ring.choose(askers(1)[0], 16)
    assert set(chosen[0]) != set(chosen[1])
    other = ring_of(endpoints(200, 50), b"other").choose(askers(1)[0], 16)
    assert set(other) != set(chosen[0]), "another secret, another order"


def test_each_group_gives_one_before_any_gives_two() -> None:
    crowd = [make_endpoint(f"80.80.{number}.7", 1) for number in range(150)]
    ring = ring_of(endpoints(60, 60) + crowd)
    for asker in askers(20):
        assert len({group_of(each) for each in ring.choose(asker, 40)}) == 40
        chosen = ring.choose(asker, 100)
        assert sum(each in crowd for each in chosen) == 40, "what 60 others do not fill"
        assert len(set(chosen)) == 100
    assert set(ring.choose(b"all", 1000)) == set(endpoints(60, 60) + crowd)


def test_different_askers_together_see_everything_about_equally_often() -> None:
    each = endpoints(100, 100)
    ring = ring_of(each)
    seen = dict.fromkeys(each, 0)
    for asker in askers(2000):
        for endpoint in ring.choose(asker, 16):
            seen[endpoint] += 1
    assert min(seen.values()) > 100, "320 on average"
    assert max(seen.values()) < 700


def test_members_of_one_group_take_turns_by_asker() -> None:
    ring = ring_of(endpoints(50, 1))
    assert len({ring.choose(asker, 1)[0] for asker in askers(500)}) > 40


def test_what_comes_and_goes_changes_little_of_a_choice() -> None:
    rng = random.Random(1)
    each = endpoints(300, 60)
    ring = ring_of(each)
    before = {asker: set(ring.choose(asker, 20)) for asker in askers(50)}
    gone = rng.sample(each, 15)
    for endpoint in gone:
        ring.remove(endpoint, group_of(endpoint))
    kept = sum(len(set(ring.choose(asker, 20)) & before[asker]) for asker in before)
    assert kept >= 0.85 * 20 * len(before)
    for endpoint in gone:
        ring.add(endpoint, group_of(endpoint))
    assert {asker: set(ring.choose(asker, 20)) for asker in before} == before


def test_a_choice_looks_at_no_more_than_it_takes() -> None:
    """However much is on the ring: the cost of an answer is that of what it holds."""
    looked_at: list[Endpoint] = []

    def accepts(endpoint: Endpoint) -> bool:
        looked_at.append(endpoint)
        return True

    for count in (50, 5000):
        looked_at.clear()
        ring_of(endpoints(count, 40)).choose(b"asker", 16, accepts)
        assert len(looked_at) == 16


def test_refused_endpoints_are_passed_over() -> None:
    each = endpoints(40, 8)
    ring = ring_of(each)
    fit = set(each[::4])
    assert set(ring.choose(b"asker", 40, fit.__contains__)) == fit
    assert ring_of([]).choose(b"asker", 5) == []
