"""Rendezvous: the info-hashes of a network, when to announce under them, and when to look up."""

from __future__ import annotations

import hashlib
import random
from itertools import pairwise

from kadisc.config import RendezvousConfig
from kadisc.core.contract.conduct import Conduct
from kadisc.core.contract.queries import RendezvousLookup
from kadisc.core.contract.times import FOREVER
from kadisc.core.peers.rendezvous import (
    INFO_HASHES,
    RendezvousSchedule,
    info_hashes,
    network_tag,
)
from kadisc.endpoints import Family

CONFIG = RendezvousConfig()
TAG = network_tag("testnet")


def schedule(*, announces: bool = True) -> RendezvousSchedule:
    conduct = Conduct(announces=announces)
    return RendezvousSchedule(CONFIG, Family.IPV4, TAG, random.Random(1), conduct)


def run(
    rendezvous: RendezvousSchedule,
    start: float,
    end: float,
    *,
    enough: bool,
    stored: bool = True,
    contacts: int = 1000,
) -> list[tuple[float, RendezvousLookup]]:
    """All lookups between ``start`` and ``end``; each ends after half a second."""
    done = []
    while (now := rendezvous.deadline) <= end:
        lookups = rendezvous.due(max(now, start), 6881, enough=enough, contacts=contacts)
        assert rendezvous.deadline > now
        for lookup in lookups:
            done.append((now, lookup))
            rendezvous.finished(lookup.number, now + 0.5, stored=stored or not lookup.announces)
    return done


def test_the_hashes_follow_from_the_name() -> None:
    assert network_tag("mainline") == hashlib.sha1(b"kadisc network:mainline").digest()
    hashes = info_hashes(TAG)
    assert len(set(hashes)) == INFO_HASHES == 4
    assert hashes[2] == int.from_bytes(hashlib.sha1(TAG + b"\2").digest(), "big")


def test_nothing_is_looked_up_before_the_node_has_joined() -> None:
    assert schedule().deadline == FOREVER


def test_all_four_info_hashes_are_announced_at_once_and_then_every_quarter_of_an_hour() -> None:
    rendezvous = schedule()
    rendezvous.joined(100.0)
    announces = [
        (at, lookup.number)
        for at, lookup in run(rendezvous, 100.0, 100.0 + 4 * 900.0, enough=True)
        if lookup.announces
    ]
    assert sorted(number for at, number in announces if at < 110.0) == [0, 1, 2, 3]
    for number in range(INFO_HASHES):
        times = [at for at, each in announces if each == number]
        assert all(720.0 <= later - sooner <= 1080.0 for sooner, later in pairwise(times))


def test_in_a_small_dht_announces_are_rarer_and_still_renewed_in_time() -> None:
    """Other nodes forget them after 30 minutes."""
    rendezvous = schedule()
    rendezvous.joined(0.0)
    announces = [
        (at, lookup.number)
        for at, lookup in run(rendezvous, 0.0, 20_000.0, enough=True, contacts=20)
        if lookup.announces
    ]
    for number in range(INFO_HASHES):
        times = [at for at, each in announces if each == number]
        assert all(1080.0 <= later - sooner <= 1620.0 for sooner, later in pairwise(times))


def test_lookups_are_frequent_while_few_peers_are_known_and_rare_after() -> None:
    rendezvous = schedule(announces=False)
    rendezvous.joined(0.0)
    frequent = [at for at, lookup in run(rendezvous, 0.0, 3600.0, enough=False)]
    assert len([at for at in frequent if at < 60.0]) >= 4
    assert 10 <= len(frequent) <= 16, "they back off, or a node without peers would be a burden"
    calm = run(rendezvous, 3600.0, 3 * 3600.0, enough=True)
    assert len(calm) <= 12
    assert len({lookup.number for _, lookup in calm}) == INFO_HASHES, "in turn"


def test_losing_the_last_peers_brings_one_lookup_soon() -> None:
    rendezvous = schedule(announces=False)
    rendezvous.joined(0.0)
    run(rendezvous, 0.0, 4000.0, enough=True)
    rendezvous.due(4001.0, None, enough=False, contacts=1000)
    assert rendezvous.deadline <= 4001.0 + 1.2 * CONFIG.first_pause_s


def test_an_announce_that_no_node_stored_is_repeated_sooner() -> None:
    rendezvous = schedule()
    rendezvous.joined(0.0)
    times = [
        at
        for at, lookup in run(rendezvous, 0.0, 400.0, enough=True, stored=False)
        if lookup.announces and lookup.number == 0
    ]
    assert len(times) >= 5


def test_after_a_change_of_address_all_info_hashes_are_announced_anew() -> None:
    rendezvous = schedule()
    rendezvous.joined(0.0)
    run(rendezvous, 0.0, 100.0, enough=True)
    rendezvous.address_changed(100.0)
    lookups = [lookup for _, lookup in run(rendezvous, 100.0, 110.0, enough=True)]
    assert sum(lookup.announces for lookup in lookups) == INFO_HASHES


def test_one_lookup_of_an_info_hash_at_a_time() -> None:
    rendezvous = schedule()
    rendezvous.joined(0.0)
    begun = [
        lookup.number
        for second in range(3000)
        for lookup in rendezvous.due(float(second), None, enough=False, contacts=1000)
    ]
    assert sorted(begun) == [0, 1, 2, 3], "none has ended"
