"""Whom ``kadisc feed`` tries, and how often: no record makes it a port scanner."""

from __future__ import annotations

from dataclasses import replace

from kadisc.feed.candidates import FeedCandidates, FeedLimits
from kadisc.feed.chain_peer import ChainPeer
from kadisc.feed.handshake import FULL, HandshakeOutcome

from .peers import found

SOUND = HandshakeOutcome(None, "sound")
BAD = HandshakeOutcome("bad", "silent")
MANY = replace(FeedLimits(), burst=1000, at_once=1000)


def nobody(peer: ChainPeer) -> bool:
    return False


def taken(candidates: FeedCandidates, now: float) -> list[str]:
    peers = []
    while (peer := candidates.take(now, nobody)) is not None:
        peers.append(str(peer))
    return peers


def test_a_host_is_connected_to_once_in_half_an_hour_whatever_ports_it_names() -> None:
    candidates = FeedCandidates(MANY, 0.0)
    for port in range(1, 101):
        candidates.found(found(f"45.1.2.3:{port}"))
    tried = []
    for minute in range(180):
        for address in taken(candidates, 60.0 * minute):
            tried.append(address)
            candidates.ended(found(address), BAD)
    assert len(tried) == 6


def test_one_host_of_ipv6_has_a_whole_64() -> None:
    candidates = FeedCandidates(MANY, 0.0)
    for host in range(1, 50):
        candidates.found(found(f"[2a00:1:2:3::{host:x}]:8333"))
    first = candidates.take(0.0, nobody)
    assert first is not None
    candidates.ended(first, SOUND)
    assert candidates.take(1.0, nobody) is None


def test_one_connection_at_a_time_into_a_subnet() -> None:
    candidates = FeedCandidates(MANY, 0.0)
    for host in range(1, 9):
        candidates.found(found(f"45.1.2.{host}:8333"))
    candidates.found(found("45.1.3.1:8333"))
    assert taken(candidates, 0.0) == ["45.1.2.1:8333", "45.1.3.1:8333"]
    candidates.ended(found("45.1.2.1:8333"), BAD)
    assert taken(candidates, 0.0) == ["45.1.2.2:8333"]


def test_four_at_once_and_one_a_second_in_the_long_run() -> None:
    candidates = FeedCandidates(FeedLimits(), 0.0)
    for subnet in range(250):
        candidates.found(found(f"45.1.{subnet}.1:8333"))
    first = taken(candidates, 0.0)
    assert len(first) == 4
    assert taken(candidates, 1.0) == []
    tried = len(first)
    for address in first:
        candidates.ended(found(address), BAD)
    for second in range(1, 101):
        for address in taken(candidates, float(second)):
            tried += 1
            candidates.ended(found(address), BAD)
    assert tried <= 8 + 100


def test_who_is_connected_or_awaited_is_left_alone() -> None:
    candidates = FeedCandidates(MANY, 0.0)
    candidates.found(found("45.1.2.3:8333"))
    assert candidates.take(0.0, lambda peer: True) is None
    assert candidates.take(0.0, nobody, {found("45.1.2.3:8333").key}) is None
    assert candidates.take(0.0, nobody) == found("45.1.2.3:8333")


def test_what_was_offered_in_vain_is_offered_again_after_an_hour() -> None:
    candidates = FeedCandidates(FeedLimits(), 0.0)
    candidates.found(found("45.1.2.3:8333"))
    assert len(taken(candidates, 0.0)) == 1
    candidates.ended(found("45.1.2.3:8333"), SOUND)
    assert taken(candidates, 3599.0) == []
    assert len(taken(candidates, 3600.0)) == 1


def test_what_was_connected_and_lost_is_tried_after_a_minute_then_two_then_four() -> None:
    candidates = FeedCandidates(FeedLimits(), 0.0)
    peer = found("45.1.2.3:8333")
    candidates.found(peer)
    at, waits = 0.0, []
    for _ in range(8):
        assert len(taken(candidates, at)) == 1
        candidates.ended(peer, SOUND)
        candidates.connected(peer.address)
        began = at
        while candidates.take(at, lambda each: False, {peer.key}) is None and not _due(
            candidates, at
        ):
            at += 1.0
        waits.append(at - began)
    assert waits == [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0, 3600.0]


def _due(candidates: FeedCandidates, now: float) -> bool:
    """Whether something would be taken, without taking it."""
    seen: list[ChainPeer] = []

    def note(peer: ChainPeer) -> bool:
        seen.append(peer)
        return True

    candidates.take(now, note)
    return bool(seen)


def test_after_a_restart_of_the_chain_node_everything_sound_is_offered_again() -> None:
    candidates = FeedCandidates(FeedLimits(), 0.0)
    for address in ("45.1.2.3:8333", "45.1.3.3:8333"):
        candidates.found(found(address))
    assert len(taken(candidates, 0.0)) == 2
    candidates.ended(found("45.1.2.3:8333"), SOUND)
    candidates.ended(found("45.1.3.3:8333"), BAD)
    candidates.chain_restarted()
    assert taken(candidates, 60.0) == ["45.1.2.3:8333"]


def test_what_closes_at_once_is_full_twice_and_then_bad() -> None:
    candidates = FeedCandidates(FeedLimits(), 0.0)
    peer = found("45.1.2.3:8333")
    candidates.found(peer)
    verdicts = []
    for half_hour in range(4):
        assert candidates.take(1800.0 * half_hour, nobody) == peer
        verdicts.append(candidates.ended(peer, FULL))
    assert verdicts == ["busy", "busy", "bad", "bad"]


def test_a_full_node_that_had_room_once_is_full_again() -> None:
    candidates = FeedCandidates(FeedLimits(), 0.0)
    peer = found("45.1.2.3:8333")
    candidates.found(peer)
    verdicts = []
    for hour, outcome in enumerate((FULL, FULL, SOUND, FULL)):
        assert candidates.take(3600.0 * hour, nobody) == peer
        verdicts.append(candidates.ended(peer, outcome))
    assert verdicts == ["busy", "busy", None, "busy"]


def test_candidates_are_bounded_and_the_oldest_goes() -> None:
    candidates = FeedCandidates(replace(MANY, candidates=3), 0.0)
    for number in range(1, 6):
        candidates.found(found(f"45.{number}.2.3:8333"))
    assert len(candidates) == 3
    assert taken(candidates, 0.0) == ["45.3.2.3:8333", "45.4.2.3:8333", "45.5.2.3:8333"]


def test_a_flood_of_hosts_does_not_make_it_forget_the_last_half_hour() -> None:
    """Who has many addresses, and a new key each second, has each connected to as seldom."""
    candidates = FeedCandidates(replace(FeedLimits(), candidates=4000), 0.0)
    for number in range(3000):
        candidates.found(found(f"45.{number // 200}.{number % 200}.1:8333"))
    seen: dict[str, float] = {}
    for second in range(3000):
        for address in taken(candidates, float(second)):
            assert second - seen.get(address, -1e9) >= 1800
            seen[address] = float(second)
            candidates.ended(found(address), BAD)
    assert len(seen) + 8 >= 3000


def test_what_was_sound_may_restart_before_it_is_bad() -> None:
    candidates = FeedCandidates(FeedLimits(), 0.0)
    peer = found("45.1.2.3:8333")
    candidates.found(peer)
    at, verdicts = 0.0, []
    for outcome in (SOUND, BAD, BAD, SOUND, BAD, BAD, BAD):
        while candidates.take(at, nobody) is None:
            at += 1.0
        verdicts.append(candidates.ended(peer, outcome))
        if outcome.is_sound:
            candidates.connected(peer.address)
    assert verdicts == [None, None, None, None, None, None, "bad"]
    at += 1799.0
    assert candidates.take(at, nobody) is None
    assert candidates.take(at + 1.0, nobody) == peer
