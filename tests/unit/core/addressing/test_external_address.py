"""The votes on our own address: how many it takes, what lies cost, how a change is followed."""

from __future__ import annotations

import random
from math import comb

import pytest

from kadisc.config import AddressConfig
from kadisc.core.addressing.external_address import Confidence, ExternalAddress

CONFIG = AddressConfig()
TRUE, LIE, NEW, PORT = b"\x2d\1\1\1", b"\x42\6\6\6", b"\x2d\2\2\2", b"\x1a\xe1"


def network(number: int) -> bytes:
    return number.to_bytes(2, "big")


def fresh() -> ExternalAddress:
    return ExternalAddress(CONFIG, None, None, Confidence.UNKNOWN)


def settled(ip: bytes = TRUE) -> ExternalAddress:
    address = fresh()
    for number in range(CONFIG.first_voters):
        address.vote(network(number), ip, PORT, 0.0)
    assert (address.ip, address.confidence) == (ip, Confidence.VOTED)
    return address


def test_twelve_networks_must_agree() -> None:
    address = fresh()
    verdicts = [
        address.vote(network(number), TRUE, PORT, 0.0) for number in range(CONFIG.first_voters)
    ]
    assert [verdict.changed for verdict in verdicts] == [False] * 11 + [True]
    assert (address.ip, address.port, address.confidence) == (TRUE, PORT, Confidence.VOTED)


def test_one_network_has_one_vote() -> None:
    address = fresh()
    for _ in range(1000):
        assert not address.vote(network(1), LIE, PORT, 0.0).changed
    assert (address.ip, address.voters) == (None, 1)


def test_without_three_quarters_nothing_is_decided() -> None:
    address = fresh()
    for number in range(40):
        address.vote(network(number), TRUE if number % 3 else LIE, PORT, 0.0)
    assert (address.ip, address.confidence) == (None, Confidence.UNKNOWN)


def test_the_port_is_counted_apart() -> None:
    address = fresh()
    for number in range(30):
        address.vote(network(number), TRUE, number.to_bytes(2, "big"), 0.0)
    assert (address.ip, address.port) == (TRUE, None)


def test_a_single_lie_costs_eight_probes_and_changes_nothing() -> None:
    address = settled()
    verdict = address.vote(network(99), LIE, PORT, 100.0)
    assert (verdict.probes, verdict.changed) == (CONFIG.probes, False)
    for number in range(100, 108):
        assert address.vote(network(number), TRUE, PORT, 100.5).probes == 0
    assert (address.ip, address.confidence) == (TRUE, Confidence.VOTED)


def test_dissents_in_a_row_do_not_buy_probes_in_a_row() -> None:
    address = settled()
    probes = 0
    for second in range(60):
        probes += address.vote(network(200 + second), LIE, PORT, 100.0 + second).probes
        for number in range(8):
            address.vote(network(300 + 8 * second + number), TRUE, PORT, 100.5 + second)
    assert probes <= CONFIG.probes * 60 / CONFIG.recount_pause_s + CONFIG.probes
    assert address.ip == TRUE


def test_a_true_change_is_followed_by_recount() -> None:
    address = settled()
    asked, voters = 0, 0
    verdict = address.vote(network(100), NEW, PORT, 1000.0)
    while not verdict.changed:
        asked += verdict.probes
        voters += 1
        assert voters < 2 * CONFIG.change_voters
        verdict = address.vote(network(100 + voters), NEW, PORT, 1000.0)
    assert address.ip == NEW
    assert CONFIG.change_voters <= asked <= CONFIG.change_voters + 2 * CONFIG.probes


def test_what_was_remembered_falls_more_easily_than_what_was_voted() -> None:
    address = ExternalAddress(CONFIG, TRUE, PORT, Confidence.REMEMBERED)
    for number in range(CONFIG.first_voters):
        address.vote(network(number), NEW, PORT, 0.0)
    assert (address.ip, address.confidence) == (NEW, Confidence.VOTED)
    confirmed = ExternalAddress(CONFIG, TRUE, PORT, Confidence.REMEMBERED)
    for number in range(CONFIG.first_voters):
        confirmed.vote(network(number), TRUE, PORT, 0.0)
    assert (confirmed.ip, confirmed.confidence) == (TRUE, Confidence.VOTED)


def test_what_was_configured_is_not_put_to_the_vote() -> None:
    address = ExternalAddress(CONFIG, TRUE, PORT, Confidence.CONFIGURED)
    for number in range(100):
        assert not address.vote(network(number), LIE, PORT, 0.0).changed
    assert (address.ip, address.confidence, address.agreement) == (TRUE, Confidence.CONFIGURED, 0.0)


def test_an_address_that_alternates_is_unstable_and_stays() -> None:
    address = settled()
    for change in range(6):
        for number in range(60):
            address.vote(
                network(1000 * change + number), (NEW, TRUE)[change % 2], PORT, 100.0 * (change + 1)
            )
    assert address.confidence is Confidence.UNSTABLE
    assert address.ip == (NEW, TRUE)[(CONFIG.unstable_after - 1) % 2]


def test_votes_are_bounded() -> None:
    address = settled()
    for number in range(20_000):
        address.vote(network(number), TRUE, PORT, 0.0)
    assert address.voters == 2 * CONFIG.change_voters


def too_many_liars(voters: int, share: float = 0.25) -> float:
    """The probability that ``agreement`` of so many random voters lie."""
    needed = -(-voters * 3 // 4)
    return sum(
        comb(voters, liars) * share**liars * (1 - share) ** (voters - liars)
        for liars in range(needed, voters + 1)
    )


def test_a_quarter_of_liars_is_believed_in_one_of_1000_first_decisions_and_one_of_a_million_changes() -> (
    None
):
    assert too_many_liars(CONFIG.first_voters) < 1e-3
    assert too_many_liars(CONFIG.change_voters) < 1e-6
    rng = random.Random(7)
    wrong = undecided = 0
    for _ in range(2000):
        address = fresh()
        for number in range(200):
            if address.vote(
                network(number), LIE if rng.random() < 0.25 else TRUE, PORT, 0.0
            ).changed:
                break
        wrong += address.ip == LIE
        undecided += address.ip is None
    assert wrong <= 2
    assert undecided < 200, "with three quarters of honest voters, the threshold itself"


@pytest.mark.parametrize("seed", range(3))
def test_a_settled_address_withstands_a_quarter_of_liars_and_still_follows_a_true_change(
    seed: int,
) -> None:
    rng = random.Random(seed)
    address = settled()
    for number in range(20_000):
        assert not address.vote(
            network(number % 60_000), LIE if rng.random() < 0.25 else TRUE, PORT, number * 0.5
        ).changed
    asked_at = 20_000.0
    for number in range(400):
        if address.vote(
            network(number), LIE if rng.random() < 0.25 else NEW, PORT, asked_at + number
        ).changed:
            break
    assert address.ip == NEW
