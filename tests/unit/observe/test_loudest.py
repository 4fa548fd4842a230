"""The loudest subnets: right without an attack, bounded in a flood of forged sources."""

from __future__ import annotations

from random import Random

from kadisc.core.contract.events import Datagram
from kadisc.endpoints import Endpoint, Family, make_endpoint
from kadisc.observe.loudest import PLACES, WINDOW_S, LoudestSubnets


def from_host(host: str, size: int = 100, count: int = 1) -> list[Datagram]:
    return [(bytes(size), make_endpoint(host, 6881))] * count


def forged(rng: Random, count: int) -> list[Datagram]:
    return [
        (bytes(60), Endpoint(bytes((rng.randrange(1, 224),)) + rng.randbytes(5)))
        for _ in range(count)
    ]


def test_subnets_are_ranked_by_what_they_send() -> None:
    loudest = LoudestSubnets(0.0)
    for second in range(30):
        loudest.note(from_host("45.1.2.3", 200), float(second))
        loudest.note(from_host("45.1.2.77", 200), float(second))
        loudest.note(from_host("45.9.9.9", 50), float(second))
        loudest.note([], float(second))
    loudest.note([(bytes(10), make_endpoint("2001:db8:1:2::3", 5))], 30.0)
    first, second, third = loudest.loudest(30.0)
    assert (first.subnet, first.datagrams_per_s, first.bytes_per_s) == ("45.1.2.0/24", 2.0, 400.0)
    assert (second.subnet, second.share) == ("45.9.9.0/24", 30 / 91)
    assert (third.subnet, third.family) == ("2001:db8:1::/48", Family.IPV6)


def test_one_datagram_stands_for_its_batch_and_all_have_their_turn() -> None:
    loudest = LoudestSubnets(0.0)
    for _ in range(1000):
        batch = from_host("45.1.1.1", count=48) + from_host("45.2.2.2", count=16)
        loudest.note(batch, 10.0)
    first, second = loudest.loudest(10.0)
    assert (first.subnet, second.subnet) == ("45.1.1.0/24", "45.2.2.0/24")
    assert abs(first.share - 0.75) < 0.01
    assert first.datagrams_per_s + second.datagrams_per_s == 6400.0


def test_what_was_long_ago_is_forgotten() -> None:
    loudest = LoudestSubnets(0.0)
    loudest.note(from_host("45.1.1.1"), 1.0)
    assert [each.subnet for each in loudest.loudest(WINDOW_S + 1.0)] == ["45.1.1.0/24"]
    assert loudest.loudest(3 * WINDOW_S) == ()
    loudest.note(from_host("45.2.2.2"), 10 * WINDOW_S)
    (only,) = loudest.loudest(10 * WINDOW_S + 1.0)
    assert (only.subnet, only.share) == ("45.2.2.0/24", 1.0)
    assert only.datagrams_per_s <= 1.0


def test_a_flood_of_forged_sources_takes_no_memory_and_hides_nobody() -> None:
    """Two thirds of all datagrams have made-up sources; a subnet that sends 4 % of all stays in the
    table, its rate is never told too high, and no forged subnet is told to be loud.
    """
    rng = Random(7)
    loudest = LoudestSubnets(0.0)
    for step in range(6000):
        now = step * 0.005
        if step % 3:
            loudest.note(forged(rng, 1), now)
        elif step % 24 == 0:
            loudest.note(from_host("45.66.77.88"), now)
        else:
            loudest.note(from_host("45.0.1.1"), now)
    told = loudest.loudest(30.0)
    assert len(told) <= PLACES
    heard = {each.subnet: each for each in told}
    assert heard["45.66.77.0/24"].datagrams_per_s <= 250 / 30.0
    assert heard["45.66.77.0/24"].datagrams_per_s >= 0.5 * 250 / 30.0
    forged_ones = [each for each in told if each.subnet not in ("45.66.77.0/24", "45.0.1.0/24")]
    assert all(each.datagrams_per_s < 0.2 for each in forged_ones)
