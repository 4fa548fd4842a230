"""Tags: the info-hashes of a network, when to announce under them, and when to look."""

from __future__ import annotations

import hashlib
import random
from itertools import pairwise

from kadisc.config import RendezvousConfig
from kadisc.core.peers.rendezvous import (
    TAGS,
    RendezvousLookup,
    RendezvousSchedule,
    info_hashes,
    network_tag,
)
from kadisc.endpoints import Family

CONFIG = RendezvousConfig()
TAG = network_tag("testnet")


def schedule(*, announces: bool = True) -> RendezvousSchedule:
    return RendezvousSchedule(CONFIG, Family.IPV4, TAG, random.Random(1), announces=announces)


def run(
    tags: RendezvousSchedule, start: float, end: float, *, enough: bool, stored: bool = True
) -> list[tuple[float, RendezvousLookup]]:
    """All searches until then, each over after a second."""
    done = []
    while (now := tags.next_deadline()) <= end:
        searches = tags.due(max(now, start), 6881, enough=enough)
        assert tags.next_deadline() > now
        for search in searches:
            done.append((now, search))
            tags.ended(search.number, now + 0.5, stored=stored or not search.announces)
    return done


def test_the_hashes_follow_from_the_name() -> None:
    assert network_tag("mainline") == hashlib.sha1(b"kadisc network:mainline").digest()
    hashes = info_hashes(TAG)
    assert len(set(hashes)) == TAGS == 4
    assert hashes[2] == int.from_bytes(hashlib.sha1(TAG + b"\2").digest(), "big")


def test_nothing_before_the_node_has_joined() -> None:
    assert schedule().next_deadline() == float("inf")


def test_all_four_are_announced_at_once_and_then_every_quarter_of_an_hour() -> None:
    tags = schedule()
    tags.joined(100.0)
    announces = [
        (at, search.number)
        for at, search in run(tags, 100.0, 100.0 + 4 * 900.0, enough=True)
        if search.announces
    ]
    assert sorted(number for at, number in announces if at < 110.0) == [0, 1, 2, 3]
    for number in range(TAGS):
        times = [at for at, each in announces if each == number]
        assert all(720.0 <= later - sooner <= 1080.0 for sooner, later in pairwise(times))


def test_lookups_are_often_while_few_are_known_and_seldom_after() -> None:
    tags = schedule(announces=False)
    tags.joined(0.0)
    lonely = [at for at, search in run(tags, 0.0, 3600.0, enough=False)]
    assert len([at for at in lonely if at < 60.0]) >= 4
    assert 10 <= len(lonely) <= 16, "they back off, or a lonely node would be a burden"
    calm = run(tags, 3600.0, 3 * 3600.0, enough=True)
    assert len(calm) <= 12
    assert len({search.number for _, search in calm}) == TAGS, "in turn"


def test_losing_the_last_peers_means_looking_soon_once() -> None:
    tags = schedule(announces=False)
    tags.joined(0.0)
    run(tags, 0.0, 4000.0, enough=True)
    tags.due(4001.0, None, enough=False)
    assert tags.next_deadline() <= 4001.0 + 1.2 * CONFIG.first_pause_s


def test_an_announce_that_nobody_stored_is_tried_again_sooner() -> None:
    tags = schedule()
    tags.joined(0.0)
    times = [
        at
        for at, search in run(tags, 0.0, 400.0, enough=True, stored=False)
        if search.announces and search.number == 0
    ]
    assert len(times) >= 5


def test_after_a_move_all_are_announced_anew() -> None:
    tags = schedule()
    tags.joined(0.0)
    run(tags, 0.0, 100.0, enough=True)
    tags.moved(100.0)
    assert (
        len([search for _, search in run(tags, 100.0, 110.0, enough=True) if search.announces])
        == TAGS
    )


def test_one_search_of_a_tag_at_a_time() -> None:
    tags = schedule()
    tags.joined(0.0)
    begun = [
        search.number
        for second in range(3000)
        for search in tags.due(float(second), None, enough=False)
    ]
    assert sorted(begun) == [0, 1, 2, 3], "none has ended"
