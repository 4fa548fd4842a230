"""Which sources are exempt from the limits by address, for how long, and how many are
remembered.
"""

from __future__ import annotations

import pytest

from kadisc.config import LimitsConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.limits import NoAskerTokens
from kadisc.core.limits.budget import CellHash
from kadisc.core.limits.proven_sources import ProvenSources, SourceClass
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.wire import krpc
from kadisc.wire.messages import Error, Ping, Reply
from tests.support.world import address

LIMITS = LimitsConfig(proven_for_s=100.0, max_proven_sources=10)
CELL_HASH = CellHash(bytes(range(16)), 16, AddressPolicy(False))
PING = krpc.encode(Ping(b"aa", 1))


def sources_for(
    limits: LimitsConfig = LIMITS,
    awaited: tuple[bytes, Endpoint] | None = None,
    contact: Endpoint | None = None,
) -> ProvenSources:
    return ProvenSources(
        limits,
        lambda tid, source: (tid, source) == awaited,
        lambda endpoint: endpoint == contact,
        NoAskerTokens(),
        CELL_HASH,
    )


@pytest.mark.parametrize(
    "answer",
    [Reply(b"abcd", 1, nodes=bytes(208), version=b"KD\0\1"), Error(b"abcd", 201, "no", b"KD\0\1")],
)
def test_an_awaited_answer_is_recognised_by_its_transaction_id_and_endpoint(
    answer: Reply | Error,
) -> None:
    sources, payload = sources_for(awaited=(b"abcd", address(1))), krpc.encode(answer)
    assert sources.classify(payload, address(1), 0.0) is SourceClass.AWAITED
    assert sources.classify(payload, address(2), 0.0) is SourceClass.UNPROVEN
    assert (
        sources.classify(payload.replace(b"4:abcd", b"4:abce"), address(1), 0.0)
        is SourceClass.UNPROVEN
    )
    assert (
        sources.classify(b"d1:t4:abcd" + payload[1:].replace(b"1:t4:abcd", b""), address(1), 0.0)
        is SourceClass.AWAITED
    ), "some clients do not sort"


def test_a_query_is_no_awaited_answer() -> None:
    query = krpc.encode(Ping(b"abcd", 1, version=b"KD\0\1"))
    sources = sources_for(awaited=(b"abcd", address(1)))
    assert sources.classify(query, address(1), 0.0) is SourceClass.UNPROVEN
    unsorted_query = b"d1:y1:q1:t4:abcd1:q4:ping1:ad2:id20:abcdefghij0123456789ee"
    assert sources.classify(unsorted_query, address(1), 0.0) is SourceClass.UNPROVEN


@pytest.mark.parametrize("payload", [b"", b"1:t4:", b"1:t4:ab", b"d1:t2:ab", b"\0" * 2048])
def test_malformed_payloads_are_not_answers(payload: bytes) -> None:
    assert (
        sources_for(awaited=(b"abcd", address(1))).classify(payload, address(1), 0.0)
        is SourceClass.UNPROVEN
    )


def test_a_source_that_answered_is_proven_for_a_time_that_queries_do_not_prolong() -> None:
    sources = sources_for()
    sources.proved(address(1), 0.0)
    for now in range(0, 100, 10):
        assert sources.classify(PING, address(1), now) is SourceClass.PROVEN
    for now in range(100, 1000, 10):
        sources.classify(PING, address(1), now)
    assert sources.classify(PING, address(1), 1000.0) is SourceClass.UNPROVEN
    assert not sources.is_proven(address(1), 1000.0)


def test_a_contact_of_the_table_is_always_proven() -> None:
    sources = sources_for(contact=address(1))
    assert all(
        sources.classify(PING, address(1), now) is SourceClass.PROVEN
        for now in range(0, 10_000, 100)
    )


def test_contacts_take_no_place() -> None:
    sources = sources_for(contact=address(1))
    sources.proved(address(1), 0.0)
    assert sources.classify(PING, address(1), 0.0) is SourceClass.PROVEN
    assert len(sources) == 0


def test_the_number_of_remembered_sources_is_bounded() -> None:
    sources = sources_for(LIMITS)
    for number in range(1000):
        sources.proved(address(number), number / 1000)
        assert len(sources) <= 20
    assert [sources.is_proven(address(number), 1.0) for number in range(989, 1000)] == [
        False,
        *[True] * 10,
    ]


@pytest.mark.parametrize("template", ["45.1.{}.{}", "2a01:1:{:x}:{:x}::1"])
def test_proofs_of_few_networks_do_not_displace_those_of_others(template: str) -> None:
    """8,192 endpoints of one /16 or /32 prove themselves; the oldest of their proofs go."""
    sources = sources_for(LimitsConfig())
    honest = [address(1000 + number) for number in range(50)] + [
        make_endpoint(f"2a02:{number:x}::1", 6881) for number in range(1, 50)
    ]
    for each in honest:
        sources.proved(each, 0.0)
    for number in range(8192):
        flooding = make_endpoint(template.format(number // 64, number % 64), 7)
        sources.proved(flooding, 1.0 + number / 1000)
    assert all(sources.is_proven(each, 10.0) for each in honest)
    assert sources.is_proven(flooding, 10.0)
    assert len(sources) == LimitsConfig().max_proven_sources


def test_a_proof_is_renewed_in_the_newer_generation() -> None:
    sources = sources_for()
    sources.proved(address(1), 0.0)
    sources.proved(address(1), 150.0)
    assert sources.is_proven(address(1), 240.0)
    assert not sources.is_proven(address(1), 400.0)
