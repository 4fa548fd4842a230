"""sample_infohashes (BEP 51): one sample for all askers until the interval is over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.config import CoreConfig
from kadisc.endpoints import Endpoint
from kadisc.ids import id_from_bytes
from kadisc.wire import krpc
from kadisc.wire.messages import InfoHashSamples, Reply, SampleInfohashes
from tests.support.contacts import address6
from tests.support.world import CONFIG, address, without
from tests.unit.core.serving.test_items import ASKER, ASKER6, ServingNode

TARGET = 77
INTERVAL_S = int(CONFIG.store.sample_interval_s)


def holding(count: int, config: CoreConfig = CONFIG, *, contacts: int = 0) -> ServingNode:
    node = ServingNode(config, contacts=contacts)
    for number in range(count):
        assert node.responder.peers.add(number, address(number), 0) is None
    return node


def samples_from(
    node: ServingNode,
    source: Endpoint = ASKER,
    *,
    want: frozenset[bytes] | None = None,
    tid: bytes = b"tt",
) -> tuple[Reply, InfoHashSamples]:
    reply = node.responder.answer(SampleInfohashes(tid, 5, TARGET, want), source, node.now)
    assert isinstance(reply, Reply)
    assert reply.samples is not None
    return reply, reply.samples


def info_hashes(samples: InfoHashSamples) -> set[int]:
    return {
        id_from_bytes(samples.info_hashes[at : at + 20])
        for at in range(0, len(samples.info_hashes), 20)
    }


def test_an_empty_store_gives_an_empty_sample_and_not_none() -> None:
    reply, samples = samples_from(ServingNode(contacts=20))
    assert samples == InfoHashSamples(INTERVAL_S, 0, b"")
    assert len(reply.nodes or b"") == 8 * 26
    assert b"7:samples0:" in krpc.encode(reply)


def test_a_small_store_is_sampled_as_a_whole_and_a_large_one_in_part() -> None:
    _, few = samples_from(holding(5))
    assert (few.held, info_hashes(few)) == (5, set(range(5)))
    _, many = samples_from(holding(300))
    assert (many.held, len(info_hashes(many))) == (300, CONFIG.store.sample_size)
    assert info_hashes(many) < set(range(300))


def test_a_new_store_does_not_look_empty_for_an_hour() -> None:
    node = holding(1)
    assert len(info_hashes(samples_from(node)[1])) == 1
    for number in range(1, 4):
        node.responder.peers.add(number, address(number), 0)
    assert info_hashes(samples_from(node)[1]) == set(range(4))


def test_a_new_sample_is_drawn_when_the_interval_is_over() -> None:
    node = holding(300)
    first = info_hashes(samples_from(node)[1])
    node.now = INTERVAL_S - 1.0
    assert info_hashes(samples_from(node)[1]) == first
    node.now = float(INTERVAL_S)
    for number in range(300):
        node.responder.peers.add(number, address(number), node.now)
    assert info_hashes(samples_from(node)[1]) != first


def test_an_interval_is_never_longer_than_bep_51_allows() -> None:
    _, samples = samples_from(
        holding(1, replace(CONFIG, store=replace(CONFIG.store, sample_interval_s=1e6)))
    )
    assert samples.interval_s == 21_600


def read_out(config: CoreConfig) -> int:
    """How many of 300 info-hashes 100 askers learn within the interval."""
    node = holding(300, config)
    learned: set[int] = set()
    for number in range(100):
        node.now = number * 10.0
        learned |= info_hashes(samples_from(node, address(number * 30))[1])
    return len(learned)


def test_frequent_queries_read_out_the_store_only_without_fixed_samples() -> None:
    assert read_out(without("fixed_info_hash_samples")) > 290
    assert read_out(CONFIG) == CONFIG.store.sample_size


@pytest.mark.parametrize("source", [ASKER, ASKER6, address6(3)])
@pytest.mark.parametrize("tid", [b"tt", bytes(64)])
@pytest.mark.parametrize("want", [None, frozenset((b"n4",)), frozenset((b"n4", b"n6"))])
def test_a_full_reply_fits_into_1024_bytes(
    source: Endpoint, tid: bytes, want: frozenset[bytes] | None
) -> None:
    for size, sent in ((20, 20), (100, 32)):
        config = replace(CONFIG, store=replace(CONFIG.store, sample_size=size))
        reply, samples = samples_from(holding(300, config, contacts=20), source, want=want, tid=tid)
        assert len(krpc.encode(reply)) <= 1024
        assert len(info_hashes(samples)) == sent
        assert krpc.decode(krpc.encode(reply)) == reply
