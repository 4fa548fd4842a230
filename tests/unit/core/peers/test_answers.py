"""Which peers an answer names: a choice of its own for each subnet that asks, from rings that are
kept up to date.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.answers import RANKED_FOR_S, FixedPeerSamples
from kadisc.core.peers.known_peers import KnownPeer
from kadisc.endpoints import Endpoint
from tests.support.peers import answering
from tests.support.world import address

HOUR_S = 3600.0
ASKER = address(999)


def samples() -> FixedPeerSamples:
    scopes = AddressPolicy(allow_private=False)
    return FixedPeerSamples(HOUR_S, random.Random(1), scopes, scopes.subnet)


def tier(numbers: Sequence[int]) -> list[KnownPeer]:
    endpoints = [address(number) for number in numbers]
    peers = [VerifiedPeer(each.ljust(32, b"\0"), each, 1, b"", 1, {}) for each in endpoints]
    return [KnownPeer(answering(each, 0), b"", each.endpoint, 4, True, False, 0) for each in peers]


def chosen(
    of: FixedPeerSamples, tiers: list[list[KnownPeer]], now: float, count: int = 12
) -> list[Endpoint]:
    found = of.choose(lambda: tiers, ASKER, count, now, lambda known: True)
    return [known.endpoint for known in found]


def test_peers_that_come_and_go_leave_the_choice_as_if_it_were_made_anew() -> None:
    kept, rng = samples(), random.Random(2)
    for step in range(30):
        now = 2 * RANKED_FOR_S * step
        known = rng.sample(range(40), 25)
        tiers = [tier(known[:10]), tier(known[10:])]
        assert chosen(kept, tiers, now) == chosen(samples(), tiers, now)
        assert set(chosen(kept, tiers, now, 100)) == {address(number) for number in known}


def test_the_choice_is_another_one_in_the_next_hour_and_the_same_within_one() -> None:
    tiers, peers = [tier(range(100))], samples()
    first = chosen(peers, tiers, 0.0)
    assert chosen(peers, tiers, HOUR_S / 2) == first
    assert chosen(peers, tiers, HOUR_S + 1) != first
    assert chosen(samples(), tiers, HOUR_S + 1) == chosen(peers, tiers, HOUR_S + 1)
