"""Who passes before the limits, for how long, and how many can."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.config import LimitsConfig
from kadisc.core.limits.proven_sources import Lane, ProvenSources
from kadisc.endpoints import Endpoint
from kadisc.wire import krpc
from kadisc.wire.messages import Error, Ping, Reply
from tests.support.world import address

LIMITS = LimitsConfig(
    proven_queries_per_s=1.0, proven_query_burst=3.0, proven_for_s=100.0, max_proven_sources=10
)
PING = krpc.encode(Ping(b"aa", 1))


def lane_for(
    limits: LimitsConfig = LIMITS,
    awaited: tuple[bytes, Endpoint] | None = None,
    contact: Endpoint | None = None,
) -> ProvenSources:
    return ProvenSources(
        limits, lambda tid, source: (tid, source) == awaited, lambda endpoint: endpoint == contact
    )


@pytest.mark.parametrize(
    "answer",
    [Reply(b"abcd", 1, nodes=bytes(208), version=b"KD\0\1"), Error(b"abcd", 201, "no", b"KD\0\1")],
)
def test_an_awaited_answer_is_known_by_its_id_and_endpoint(answer: Reply | Error) -> None:
    lanes, payload = lane_for(awaited=(b"abcd", address(1))), krpc.encode(answer)
    assert lanes.lane(payload, address(1), 0.0) is Lane.FAST
    assert lanes.lane(payload, address(2), 0.0) is Lane.SLOW
    assert lanes.lane(payload.replace(b"4:abcd", b"4:abce"), address(1), 0.0) is Lane.SLOW
    assert (
        lanes.lane(b"d1:t4:abcd" + payload[1:].replace(b"1:t4:abcd", b""), address(1), 0.0)
        is Lane.FAST
    ), "some clients do not sort"


@pytest.mark.parametrize("payload", [b"", b"1:t4:", b"1:t4:ab", b"d1:t2:ab", b"\0" * 2048])
def test_garbage_is_no_answer(payload: bytes) -> None:
    assert lane_for(awaited=(b"abcd", address(1))).lane(payload, address(1), 0.0) is Lane.SLOW


def test_who_answered_is_proven_for_a_time_and_asking_makes_it_no_longer() -> None:
    lanes = lane_for()
    lanes.proved(address(1), 0.0)
    for now in range(0, 100, 10):
        assert lanes.lane(PING, address(1), now) is Lane.FAST
    for now in range(100, 1000, 10):
        lanes.lane(PING, address(1), now)
    assert lanes.lane(PING, address(1), 1000.0) is Lane.SLOW
    assert not lanes.is_proven(address(1), 1000.0)


def test_a_proven_endpoint_may_not_keep_us_busy_either() -> None:
    lanes = lane_for()
    lanes.proved(address(1), 0.0)
    # One in each second is not looked at, as all together ask no more than one may; then the burst
    # of three.
    assert [lanes.lane(PING, address(1), 0.0) for _ in range(5)] == [Lane.FAST] * 4 + [Lane.FULL]
    lanes.proved(address(1), 0.5)
    assert lanes.lane(PING, address(1), 0.5) is Lane.FULL, (
        "an answer does not forgive what was asked"
    )
    assert lanes.lane(PING, address(1), 1.0) is Lane.FAST


def test_a_contact_is_proven_as_long_as_it_is_one() -> None:
    lanes = lane_for(contact=address(1))
    assert all(lanes.lane(PING, address(1), now) is Lane.FAST for now in range(0, 10_000, 100))


def test_contacts_take_no_place_unless_they_keep_us_busy() -> None:
    lanes = lane_for(contact=address(1))
    lanes.proved(address(1), 0.0)
    assert lanes.lane(PING, address(1), 0.0) is Lane.FAST
    assert len(lanes) == 0
    assert [lanes.lane(PING, address(1), 0.0) for _ in range(4)] == [Lane.FAST] * 3 + [Lane.FULL]
    assert len(lanes) == 1


def test_what_it_remembers_is_bounded() -> None:
    lanes = lane_for(replace(LIMITS, max_proven_sources=10))
    for number in range(1000):
        lanes.proved(address(number), number / 1000)
        assert len(lanes) <= 20
    assert [lanes.is_proven(address(number), 1.0) for number in range(989, 1000)] == [True] * 11
