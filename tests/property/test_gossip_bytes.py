"""Without a valid token a node is sent no more bytes than it has sent: for each message of gossip,
and for the sum of a flood.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kadisc.core.core import Core
from kadisc.core.peers.own_record import Membership
from kadisc.endpoints import Endpoint, Family
from kadisc.wire import bencode, krpc
from kadisc.wire.envelope import MAX_TID_BYTES
from kadisc.wire.messages import Gossip
from tests.support.attack import ASKER
from tests.support.community import NETWORK, TAG, identity, record_fields
from tests.support.contacts import OWN_ID, address6
from tests.support.world import CONFIG, World, address, without

SERVICES: dict[str, int | bytes] = {"eth": 30303, "fork": bytes(32)}
RECORD = record_fields(identity(7), ASKER)


def node(**options: Any) -> Core:
    membership = Membership(identity(1), NETWORK, SERVICES)
    return Core(
        options.get("config", CONFIG),
        random.Random(1),
        dict.fromkeys(Family, OWN_ID),
        0.0,
        membership=membership,
    )


queries = st.builds(
    Gossip,
    st.binary(max_size=MAX_TID_BYTES),
    st.just(5),
    st.just(TAG) | st.just(TAG) | st.binary(min_size=20, max_size=20),
    st.integers(0, 16),
    token=st.none() | st.binary(max_size=20),
    record=st.none()
    | st.just(RECORD)
    | st.dictionaries(st.binary(max_size=4), st.binary(max_size=40), max_size=4),
    pad=st.none() | st.integers(0, 900),
    version=st.none() | st.binary(max_size=8),
    read_only=st.booleans(),
)
broken = st.dictionaries(
    st.sampled_from((b"id", b"net", b"want", b"rec", b"token")),
    st.binary(max_size=20) | st.integers(0, 20),
    max_size=5,
)


@given(queries, st.sampled_from((ASKER, address6(9))))
@settings(deadline=None)
def test_no_answer_to_a_query_without_a_token_is_longer_than_the_query(
    query: Gossip, source: Endpoint
) -> None:
    core = node()
    payload = krpc.encode(query)
    core.receive(payload, source, 0.0)
    assert sum(len(sent) for sent, _ in core.drain_outbox()) <= len(payload)


@given(broken, st.binary(max_size=64), st.sampled_from((ASKER, address6(9))))
@settings(deadline=None)
def test_no_answer_to_a_malformed_query_is_longer_than_the_query(
    arguments: dict[bytes, Any], tid: bytes, source: Endpoint
) -> None:
    core = node()
    payload = bencode.encode({b"a": arguments, b"q": b"gossip", b"t": tid, b"y": b"q"})
    core.receive(payload, source, 0.0)
    assert sum(len(sent) for sent, _ in core.drain_outbox()) <= len(payload)


def flood(world: World, victim: Core, sources: int) -> tuple[Counter[Endpoint], Counter[Endpoint]]:
    """Two minutes of forged queries of every kind from ``sources`` endpoints. Returns the bytes
    received and sent by endpoint.
    """
    received: Counter[Endpoint] = Counter()
    sent_to: Counter[Endpoint] = Counter()
    rng = random.Random(5)
    for second in range(120):
        for _ in range(50):
            source = address(rng.randrange(sources))
            record = (
                record_fields(identity(rng.randrange(1, 90)), source)
                if rng.random() < 0.4
                else None
            )
            pad = rng.choice((None, 0, 400))
            query = Gossip(
                b"abcd",
                rng.getrandbits(160),
                TAG,
                rng.choice((0, 16)),
                token=rng.choice((None, bytes(8))),
                record=record,
                pad=pad,
            )
            payload = krpc.encode(query)
            received[source] += len(payload)
            victim.receive(payload, source, second)
        victim.tick(second)
        for payload, destination in victim.drain_outbox():
            sent_to[destination] += len(payload)
    return received, sent_to


def test_no_source_of_a_flood_is_sent_more_than_it_sent() -> None:
    received, sent_to = flood(World(), node(), 40)
    assert sum(sent_to.values()) > 0
    assert all(sent_to[endpoint] <= received[endpoint] for endpoint in sent_to)


def test_without_tokens_a_flood_is_reflected_to_forged_sources() -> None:
    """Every forged push causes an exchange with the forged source, which gets more bytes than it
    sent: it sent none.
    """
    received, sent_to = flood(World(), node(config=without("gossip_tokens")), 2_000)
    assert any(sent_to[endpoint] > received[endpoint] for endpoint in sent_to)
