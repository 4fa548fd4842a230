"""The votes on the external address: how many decide, what lies cost, how a change is followed."""

from __future__ import annotations

import random
from dataclasses import replace
from math import comb

import pytest

from kadisc.config import AddressConfig
from kadisc.core.addressing.external_address import Confidence, ExternalAddress
from kadisc.sim.measure.vote_count import wrong_move_probability, wrong_moves

CONFIG = AddressConfig()
TRUE, LIE, NEW, PORT = b"\x2d\1\1\1", b"\x42\6\6\6", b"\x2d\2\2\2", b"\x1a\xe1"


def netgroup(number: int) -> bytes:
    return number.to_bytes(2, "big")


def fresh() -> ExternalAddress:
    return ExternalAddress(CONFIG, None, None, Confidence.UNKNOWN)


def settled(ip: bytes = TRUE) -> ExternalAddress:
    address = fresh()
    for number in range(CONFIG.first_voters):
        address.vote(netgroup(number), ip, PORT, 0.0)
    assert (address.ip, address.confidence) == (ip, Confidence.VOTED)
    return address


def test_twelve_netgroups_must_agree() -> None:
    address = fresh()
    results = [
        address.vote(netgroup(number), TRUE, PORT, 0.0) for number in range(CONFIG.first_voters)
    ]
    assert [result.changed for result in results] == [False] * 11 + [True]
    assert (address.ip, address.port, address.confidence) == (TRUE, PORT, Confidence.VOTED)


def test_one_netgroup_has_one_vote() -> None:
    address = fresh()
    for _ in range(1000):
        assert not address.vote(netgroup(1), LIE, PORT, 0.0).changed
    assert (address.ip, address.voters) == (None, 1)


def test_without_three_quarters_the_address_is_not_decided() -> None:
    address = fresh()
    for number in range(40):
        address.vote(netgroup(number), TRUE if number % 3 else LIE, PORT, 0.0)
    assert (address.ip, address.confidence) == (None, Confidence.UNKNOWN)


def test_the_port_is_counted_separately() -> None:
    address = fresh()
    for number in range(30):
        address.vote(netgroup(number), TRUE, number.to_bytes(2, "big"), 0.0)
    assert (address.ip, address.port) == (TRUE, None)


def test_a_single_lie_costs_eight_probes_and_changes_nothing() -> None:
    address = settled()
    result = address.vote(netgroup(99), LIE, PORT, 100.0)
    assert (result.probes, result.changed) == (CONFIG.probes, False)
    for number in range(100, 108):
        assert address.vote(netgroup(number), TRUE, PORT, 100.5).probes == 0
    assert (address.ip, address.confidence) == (TRUE, Confidence.VOTED)


def test_a_series_of_lies_does_not_cause_a_series_of_probes() -> None:
    address = settled()
    probes = 0
    for second in range(60):
        probes += address.vote(netgroup(200 + second), LIE, PORT, 100.0 + second).probes
        for number in range(8):
            address.vote(netgroup(300 + 8 * second + number), TRUE, PORT, 100.5 + second)
    assert probes <= CONFIG.probes * 60 / CONFIG.recount_pause_s + CONFIG.probes
    assert address.ip == TRUE


def test_a_true_change_is_followed_after_a_recount() -> None:
    address = settled()
    asked, voters = 0, 0
    result = address.vote(netgroup(100), NEW, PORT, 1000.0)
    while not result.changed:
        asked += result.probes
        voters += 1
        assert voters < 2 * CONFIG.change_voters
        result = address.vote(netgroup(100 + voters), NEW, PORT, 1000.0)
    assert address.ip == NEW
    assert CONFIG.change_voters <= asked <= CONFIG.change_voters + 2 * CONFIG.probes


def test_a_remembered_address_changes_with_fewer_votes_than_a_voted_one() -> None:
    address = ExternalAddress(CONFIG, TRUE, PORT, Confidence.REMEMBERED)
    for number in range(CONFIG.first_voters):
        address.vote(netgroup(number), NEW, PORT, 0.0)
    assert (address.ip, address.confidence) == (NEW, Confidence.VOTED)
    confirmed = ExternalAddress(CONFIG, TRUE, PORT, Confidence.REMEMBERED)
    for number in range(CONFIG.first_voters):
        confirmed.vote(netgroup(number), TRUE, PORT, 0.0)
    assert (confirmed.ip, confirmed.confidence) == (TRUE, Confidence.VOTED)


def test_votes_do_not_change_a_configured_address() -> None:
    address = ExternalAddress(CONFIG, TRUE, PORT, Confidence.CONFIGURED)
    for number in range(100):
        assert not address.vote(netgroup(number), LIE, PORT, 0.0).changed
    assert (address.ip, address.confidence, address.agreement) == (TRUE, Confidence.CONFIGURED, 0.0)


def test_an_alternating_address_becomes_unstable_and_stays() -> None:
    address = settled()
    for change in range(6):
        for number in range(60):
            address.vote(
                netgroup(1000 * change + number),
                (NEW, TRUE)[change % 2],
                PORT,
                100.0 * (change + 1),
            )
    assert address.confidence is Confidence.UNSTABLE
    assert address.ip == (NEW, TRUE)[(CONFIG.unstable_after - 1) % 2]


def test_the_number_of_votes_is_bounded() -> None:
    address = settled()
    for number in range(20_000):
        address.vote(netgroup(number), TRUE, PORT, 0.0)
    assert address.voters == 2 * CONFIG.change_voters


def too_many_liars(voters: int, share: float = 0.25) -> float:
    """The probability that three quarters of ``voters`` random voters lie."""
    needed = -(-voters * 3 // 4)
    return sum(
        comb(voters, liars) * share**liars * (1 - share) ** (voters - liars)
        for liars in range(needed, voters + 1)
    )


def test_a_quarter_of_liars_wins_one_of_1000_first_decisions_and_one_of_a_million_changes() -> None:
    assert too_many_liars(CONFIG.first_voters) < 1e-3
    assert too_many_liars(CONFIG.change_voters) < 1e-6
    rng = random.Random(7)
    wrong = undecided = 0
    for _ in range(2000):
        address = fresh()
        for number in range(200):
            if address.vote(
                netgroup(number), LIE if rng.random() < 0.25 else TRUE, PORT, 0.0
            ).changed:
                break
        wrong += address.ip == LIE
        undecided += address.ip is None
    assert wrong <= 2
    assert undecided < 200, "three quarters of the voters are honest, exactly the threshold"


@pytest.mark.parametrize("seed", range(3))
def test_a_settled_address_withstands_a_quarter_of_liars_and_still_follows_a_true_change(
    seed: int,
) -> None:
    rng = random.Random(seed)
    address = settled()
    for number in range(20_000):
        assert not address.vote(
            netgroup(number % 60_000), LIE if rng.random() < 0.25 else TRUE, PORT, number * 0.5
        ).changed
    asked_at = 20_000.0
    for number in range(400):
        if address.vote(
            netgroup(number), LIE if rng.random() < 0.25 else NEW, PORT, asked_at + number
        ).changed:
            break
    assert address.ip == NEW


# --- A change of the own network ------------------------------------------------------------------


def test_after_a_change_of_network_twelve_voters_decide() -> None:
    address = settled()
    assert address.network_changed(100.0) == CONFIG.moved_probes == 16
    assert (address.ip, address.confidence) == (TRUE, Confidence.REMEMBERED)
    changed = [address.vote(netgroup(n), NEW, PORT, 100.0).changed for n in range(16)]
    assert changed.index(True) == CONFIG.first_voters - 1
    assert (address.ip, address.confidence) == (NEW, Confidence.VOTED)


def test_without_a_change_of_network_it_takes_twenty_eight() -> None:
    address = settled()
    changed = [address.vote(netgroup(n), NEW, PORT, 100.0).changed for n in range(30)]
    assert changed.index(True) == CONFIG.change_voters - 1


def test_an_address_that_stays_is_confirmed_and_the_port_is_counted_anew() -> None:
    address = settled()
    address.network_changed(100.0)
    probes = [address.vote(netgroup(n), TRUE, b"\x30\x39", 100.0).probes for n in range(16)]
    assert sum(probes) == 0
    assert (address.ip, address.port) == (TRUE, b"\x30\x39")
    assert address.confidence is Confidence.VOTED


def test_a_new_node_forgets_the_votes_of_its_former_network() -> None:
    address = fresh()
    for number in range(11):
        address.vote(netgroup(number), TRUE, PORT, 0.0)
    assert address.network_changed(1.0) == 16
    for number in range(11):
        address.vote(netgroup(number), NEW, PORT, 2.0)
    assert address.ip is None
    assert address.vote(netgroup(11), NEW, PORT, 2.0).changed
    assert address.ip == NEW


def test_a_configured_address_stays_whatever_the_network_does() -> None:
    address = ExternalAddress(CONFIG, TRUE, PORT, Confidence.CONFIGURED)
    assert address.network_changed(100.0) == 0
    assert (address.ip, address.confidence) == (TRUE, Confidence.CONFIGURED)


def test_networks_are_asked_once_in_ten_minutes() -> None:
    address = settled()
    asked = [address.network_changed(100.0 + second) for second in range(0, 3600, 5)]
    assert sum(asked) == 6 * CONFIG.moved_probes


def test_a_second_change_soon_after_is_made_up_for() -> None:
    """A node that knows too few netgroups for a full recount must not stay at the old address."""
    address = settled()
    address.network_changed(100.0)
    for number in range(16):
        address.vote(netgroup(number), NEW, PORT, 100.0)
    assert address.network_changed(200.0) == 0
    third = b"\x2d\3\3\3"
    for at in range(200, 690, 10):
        for number in range(16):  # it knows sixteen
            address.vote(netgroup(number), third, PORT, float(at))
    assert address.ip == NEW
    for number in range(16):
        address.vote(netgroup(number), third, PORT, 701.0)
    assert (address.ip, address.confidence) == (third, Confidence.VOTED)


def test_an_address_that_changes_with_the_network_is_not_unstable() -> None:
    address = settled()
    for move in range(1, 6):
        address.network_changed(move * 700.0)
        for number in range(16):
            address.vote(netgroup(number), bytes((45, 9, 9, move)), PORT, move * 700.0)
        assert (address.ip, address.confidence) == (bytes((45, 9, 9, move)), Confidence.VOTED)


def test_attack_by_liars_who_force_changes_of_network() -> None:
    """25 % liars, a change every 5 s: with the pause the address is wrong in 1 of 400 hours,
    without it in one of four.
    """
    assert 6 * wrong_move_probability(CONFIG, 0.25) < 0.0025
    # Counted with more liars, which costs less time.
    hours, rng = 20, random.Random(7)
    assert wrong_moves(CONFIG, 0.35, hours, rng, every_s=5.0) <= 3
    without = replace(CONFIG, moved_pause_s=0.0)
    assert wrong_moves(without, 0.35, hours, rng, every_s=5.0) >= 19


def _settled_address(votes: int = 40) -> ExternalAddress:
    address = ExternalAddress(AddressConfig(), None, None, Confidence.UNKNOWN)
    for number in range(votes):
        address.vote(number.to_bytes(2, "big"), TRUE, PORT, float(number))
    assert (address.ip, address.port) == (TRUE, PORT)
    return address


def test_another_port_is_followed_with_24_votes_that_are_asked_for() -> None:
    """A NAT that restarts gives another port; replies that come by themselves take minutes."""
    address, port = _settled_address(), b"\x30\x39"
    asked = address.vote(b"\1\0", TRUE, port, 100.0).probes
    assert asked == 8
    number = 0
    while asked:
        asked -= 1
        number += 1
        voter = b"\2" + bytes((number,))
        assert not address.has_voted(voter)
        asked += address.vote(voter, TRUE, port, 101.0).probes
        assert address.has_voted(voter) or address.port == port
    assert number <= 24
    assert (address.ip, address.port, address.confidence) == (TRUE, port, Confidence.VOTED)


def test_one_liar_costs_eight_queries_ever_more_seldom() -> None:
    address = _settled_address()
    costs: list[float] = []
    for second in range(100, 7300):
        asked = address.vote(b"\1\0", TRUE, b"\x66\x66", float(second)).probes
        if asked:
            costs.append(second)
        for number in range(asked):
            assert not address.vote(b"\2" + bytes((number,)), TRUE, PORT, second + 0.5).probes
        address.vote(b"\1\0", TRUE, PORT, second + 0.6)  # the others outvote it
    assert address.port == PORT
    assert len(costs) <= 8, costs


def test_a_node_that_asks_for_no_votes_follows_another_port_with_those_that_come() -> None:
    """``probes`` may be 0."""
    address = ExternalAddress(AddressConfig(probes=0), None, None, Confidence.UNKNOWN)
    for number in range(200):
        port = PORT if number < 40 else b"\x30\x39"
        assert address.vote(netgroup(number), TRUE, port, 10.0 * number).probes == 0
    assert (address.ip, address.confidence) == (TRUE, Confidence.VOTED)


def test_a_quarter_of_liars_does_not_move_the_port() -> None:
    rng, moved = random.Random(5), 0
    for _ in range(300):
        address = _settled_address()
        now, asked = 100.0, 0
        for number in range(1, 201):
            now += 0.05 if asked else 3.0
            asked = max(0, asked - 1)
            port = b"\x66\x66" if rng.random() < 0.25 else PORT
            asked += address.vote(number.to_bytes(3, "big"), TRUE, port, now).probes
        moved += address.port != PORT
    assert moved == 0


def test_each_vote_can_be_seen() -> None:
    address = settled()
    assert address.votes() == tuple((netgroup(at), TRUE) for at in range(CONFIG.first_voters))
    assert not address.is_recounting
    address.vote(netgroup(99), LIE, PORT, 100.0)
    assert address.votes() == ((netgroup(99), LIE),)
    assert address.is_recounting
