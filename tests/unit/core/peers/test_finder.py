"""The order in which one application is given peers of which some have to be asked first."""

from __future__ import annotations

from collections.abc import Container

from kadisc.core.contract.service_filter import EVERY_PEER, ServiceFilter
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.finder import GIVE_UP_S, PeerFinder
from kadisc.endpoints import Endpoint, make_endpoint


def peer_at(host: str) -> VerifiedPeer:
    endpoint = make_endpoint(host, 6881)
    return VerifiedPeer(endpoint.ljust(32, b"\0"), endpoint, 1, b"", 1, {}, is_proven=True)


class Known:
    """Peers in a fixed order, with the time of the last answer of each."""

    def __init__(self, answered_at: dict[str, float]) -> None:
        self.answered_at = {peer_at(host).endpoint: at for host, at in answered_at.items()}
        self.known = [peer_at(host) for host in answered_at]

    def peers(
        self,
        count: int,
        now: float,
        *,
        offering: ServiceFilter = EVERY_PEER,
        verified_within_s: float | None = None,
        but_not: Container[bytes] = (),
    ) -> list[VerifiedPeer]:
        return [peer for peer in self.known if peer.mark not in but_not][:count]

    def age_s(self, peer: VerifiedPeer, now: float) -> float:
        return now - self.answered_at[peer.endpoint]

    def current(self, peer: VerifiedPeer, now: float) -> VerifiedPeer | None:
        return peer

    def prefixes(self, endpoint: Endpoint) -> tuple[bytes, bytes]:
        return endpoint[:3], endpoint[:2]


def test_a_peer_that_answered_lately_keeps_its_place_among_those_that_are_asked() -> None:
    stale = ["90.1.1.7", "90.1.2.7", "90.1.3.7", "90.1.4.7"]
    known = Known({**dict.fromkeys(stale, 0.0), "91.1.1.7": 95.0})
    finder = PeerFinder(known, verified_within_s=10.0, again_after_s=3600.0)
    now = 100.0
    assert finder.next(now) is None
    assert [peer.endpoint for peer in finder.to_check(now)] == [
        peer_at(host).endpoint for host in stale
    ]
    assert finder.next(now) is None, "the first in the order may still answer in time"
    for peer in known.known:
        known.answered_at[peer.endpoint] = now
    given = [finder.next(now + 0.1) for _ in range(5)]
    netgroups = [peer.endpoint[:2] for peer in given if peer is not None]
    assert len(netgroups) == 5
    assert len(set(netgroups[:2])) == 2, "each subnet once before any twice"


def test_those_that_stay_silent_hold_up_no_peer_that_answered_lately() -> None:
    known = Known({"90.1.1.7": 0.0, "90.1.2.7": 0.0, "91.1.1.7": 95.0})
    finder = PeerFinder(known, verified_within_s=10.0, again_after_s=3600.0)
    finder.next(100.0)
    assert len(finder.to_check(100.0)) == 2
    assert finder.is_waiting(100.1)
    given = finder.next(100.2)
    assert given is not None and given.endpoint == peer_at("91.1.1.7").endpoint
    assert finder.next(100.3) is None
    assert not finder.is_waiting(100.0 + GIVE_UP_S)
    assert finder.to_check(100.3) == []
