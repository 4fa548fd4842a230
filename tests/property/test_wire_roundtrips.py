"""Round trips of messages, values and contacts; and any bytes raise nothing but DecodeError."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kadisc.contacts import Contact
from kadisc.endpoints import Endpoint, Family
from kadisc.errors import DecodeError
from kadisc.wire import bencode, compact, decoding, encoding, items, krpc
from kadisc.wire.envelope import MAX_TID_BYTES
from kadisc.wire.items import Item
from kadisc.wire.messages import (
    AnnouncePeer,
    Error,
    FindNode,
    Get,
    GetPeers,
    Gossip,
    InfoHashSamples,
    Knock,
    Message,
    News,
    Ping,
    Put,
    Reach,
    ReachResult,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)

# --- Messages -------------------------------------------------------------------------------------

ids = st.integers(0, 2**160 - 1)
tids = st.binary(max_size=MAX_TID_BYTES)
versions = st.none() | st.binary(max_size=decoding.MAX_VERSION_BYTES)
tokens = st.binary(max_size=decoding.MAX_TOKEN_BYTES)
wants = st.none() | st.frozensets(st.sampled_from((b"n4", b"n6")))
served = {
    b"ping",
    b"find_node",
    b"get_peers",
    b"announce_peer",
    b"gossip",
    b"get",
    b"put",
    b"sample_infohashes",
    b"reach",
    b"knock",
}
records = st.none() | st.dictionaries(
    st.binary(max_size=4), st.integers(0, 9) | st.binary(max_size=40), max_size=5
)


def endpoints_of(address_bytes: int) -> st.SearchStrategy[Endpoint]:
    port = st.integers(1, 65535).map(lambda number: number.to_bytes(2, "big"))
    return st.builds(
        lambda ip, port: Endpoint(ip + port),
        st.binary(min_size=address_bytes, max_size=address_bytes),
        port,
    )


endpoints = endpoints_of(4) | endpoints_of(16)


def whole(size: int) -> st.SearchStrategy[bytes | None]:
    return st.none() | st.integers(0, 20).flatmap(
        lambda count: st.binary(min_size=count * size, max_size=count * size)
    )


def pieces(size: int) -> st.SearchStrategy[bytes]:
    return st.integers(0, 16).flatmap(
        lambda count: st.binary(min_size=count * size, max_size=count * size)
    )


values: st.SearchStrategy[Any] = st.recursive(
    st.integers(bencode.MIN_INT, bencode.MAX_INT) | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.binary(max_size=6), inner, max_size=5)
    ),
    max_leaves=30,
)


def fits_an_item(value: Any) -> bool:
    return (
        items.depth_of(value) <= items.MAX_VALUE_DEPTH
        and len(bencode.encode(value)) <= items.MAX_VALUE_BYTES
    )


item_values = values.filter(fits_an_item).map(bencode.encode)
sequences = st.integers(0, bencode.MAX_INT)
keys, signatures = st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64)
any_item = st.builds(Item, item_values) | st.builds(
    Item, item_values, keys, st.binary(max_size=64), sequences, signatures
)
held = any_item.map(Item.fields) | sequences.map(lambda sequence: {b"seq": sequence})
samples = st.builds(InfoHashSamples, st.integers(0, 21600), st.integers(0, 10**6), pieces(20))

queries: dict[str, Any] = {
    "version": versions,
    "read_only": st.booleans(),
    "asker_token": st.none() | st.binary(min_size=8, max_size=8),
}
nonces, tags = st.binary(min_size=8, max_size=8), st.binary(min_size=20, max_size=20)
ports = st.integers(1024, 65535)
results = st.builds(ReachResult, st.booleans(), st.none() | endpoints) | st.builds(
    ReachResult, tcp=st.integers(0, 2)
)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(Ping, tids, ids, st.none() | nonces, **queries),
    st.builds(Reach, tids, ids, nonces, tags, st.none() | tokens, st.none() | ports, **queries),
    st.builds(
        Reach,
        tids,
        ids,
        nonces,
        tags,
        st.none() | tokens,
        record=records.filter(lambda record: record is not None),
        tcp_port=ports,
        **queries,
    ),
    st.builds(Knock, tids, ids, nonces, tags, endpoints, st.none() | tokens, **queries),
    st.builds(FindNode, tids, ids, ids, wants, **queries),
    st.builds(GetPeers, tids, ids, ids, wants, **queries),
    st.builds(
        AnnouncePeer, tids, ids, ids, st.integers(1, 65535), tokens, st.booleans(), **queries
    ),
    st.builds(AnnouncePeer, tids, ids, ids, st.just(0), tokens, st.just(True), **queries),
    st.builds(
        Gossip,
        tids,
        ids,
        st.binary(min_size=20, max_size=20),
        st.integers(0, 16),
        st.none() | tokens,
        records,
        st.none() | st.integers(0, 500),
        **queries,
    ),
    st.builds(
        Reply,
        tids,
        ids,
        token=tokens,
        news=st.builds(News, records, pieces(27), pieces(39), can=st.booleans()).filter(
            lambda news: news.record is not None or news.peers or news.peers6
        ),
    ),
    st.builds(Reply, tids, ids, reach=results, seen_as=st.none() | endpoints),
    st.builds(
        UnknownQuery,
        tids,
        ids,
        st.binary(max_size=64).filter(lambda name: name not in served),
        st.none() | ids,
        wants,
        **queries,
    ),
    st.builds(
        Reply,
        tids,
        ids,
        whole(26),
        whole(38),
        st.none() | st.lists(endpoints),
        st.none() | tokens,
        st.none() | endpoints,
        versions,
    ),
    st.builds(Get, tids, ids, ids, st.none() | sequences, wants, **queries),
    st.builds(Put, tids, ids, tokens, any_item, st.none() | sequences, **queries),
    st.builds(SampleInfohashes, tids, ids, ids, wants, **queries),
    st.builds(Reply, tids, ids, whole(26), whole(38), token=tokens, held=held),
    st.builds(Reply, tids, ids, whole(26), whole(38), samples=samples),
    st.builds(
        Error,
        tids,
        st.integers(bencode.MIN_INT, bencode.MAX_INT),
        st.text(max_size=64),
        versions,
        st.none() | endpoints,
    ),
)


@given(messages)
@settings(deadline=None)
def test_messages_survive_encoding_and_decoding(message: Message) -> None:
    payload = krpc.encode(message)
    assert krpc.decode(payload, allow_slow=False) == message
    for engine in bencode.ENGINES:
        assert engine.encode(encoding.fields_of(message)) == payload
        assert decoding.message_from(engine.decode(payload)) == message


# --- Values ---------------------------------------------------------------------------------------


@given(values)
@settings(deadline=None)
def test_values_of_any_shape_survive_or_are_refused(value: Any) -> None:
    """Either engine decodes values nested up to the bound, and refuses deeper ones."""
    payloads = {engine.encode(value) for engine in bencode.ENGINES}
    assert len(payloads) == 1
    payload = payloads.pop()
    for engine in bencode.ENGINES:
        for allow_slow in (True, False):
            if bencode.within_bounds(value):
                assert engine.decode(payload, allow_slow=allow_slow) == value
            else:
                with pytest.raises(DecodeError):
                    engine.decode(payload, allow_slow=allow_slow)


@given(st.binary(max_size=60) | values.map(bencode.encode))
@settings(deadline=None)
def test_without_the_slow_decoder_only_canonical_bencode_is_accepted(data: bytes) -> None:
    """Only one encoding of each value is accepted, as BEP 44 asks of the values of items."""
    for engine in bencode.ENGINES:
        try:
            value = engine.decode(data, allow_slow=False)
        except DecodeError as error:
            assert error.reason == "slow-decode-budget"
        else:
            assert engine.encode(value) == data


# --- Contacts -------------------------------------------------------------------------------------


@given(
    st.lists(st.builds(Contact, ids, endpoints_of(4))),
    st.lists(st.builds(Contact, ids, endpoints_of(16))),
)
@settings(deadline=None)
def test_contacts_survive_packing(contacts: list[Contact], contacts6: list[Contact]) -> None:
    assert compact.contacts_from(compact.pack_contacts(contacts), Family.IPV4) == contacts
    assert compact.contacts_from(compact.pack_contacts(contacts6), Family.IPV6) == contacts6


# --- Any bytes ------------------------------------------------------------------------------------


def decode_or_refuse(data: bytes) -> None:
    """Fails if another exception than DecodeError is raised, or one with an unknown reason."""
    for allow_slow in (True, False):
        try:
            krpc.decode(data, allow_slow=allow_slow)
        except DecodeError as error:
            assert error.reason in decoding.DROP_REASONS
            assert error.tid is None or len(error.tid) <= MAX_TID_BYTES


@given(st.binary(max_size=2048))
@example(b"d0:0:-5:")
@example(b"l" * 2048)
@example(b"d1:a" * 512)
@settings(deadline=None)
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    decode_or_refuse(data)


@given(
    st.dictionaries(
        st.sampled_from([b"t", b"y", b"q", b"a", b"r", b"e", b"v", b"ip", b"ro"]), values
    )
)
@settings(deadline=None)
def test_known_fields_with_any_values_are_decoded_or_refused(envelope: dict[bytes, Any]) -> None:
    decode_or_refuse(bencode.encode(envelope))


FIELDS_WITHIN = [
    b"id",
    b"target",
    b"info_hash",
    b"port",
    b"implied_port",
    b"token",
    b"want",
    b"nodes",
    b"nodes6",
    b"values",
]


@given(
    st.sampled_from([b"q", b"r", b"e"]),
    st.sampled_from([*sorted(served), b"other"]),
    st.dictionaries(st.sampled_from(FIELDS_WITHIN), values),
)
@settings(deadline=None)
def test_known_inner_fields_with_any_values_are_decoded_or_refused(
    kind: bytes, method: bytes, inner: dict[bytes, Any]
) -> None:
    decode_or_refuse(
        bencode.encode(
            {b"t": b"aa", b"y": kind, b"q": method, b"a": inner, b"r": inner, b"e": [1, inner]}
        )
    )
    sound = {
        b"id": bytes(20),
        b"target": bytes(20),
        b"info_hash": bytes(20),
        b"port": 1,
        b"token": b"",
        **inner,
    }
    decode_or_refuse(
        bencode.encode(
            {b"t": b"aa", b"y": kind, b"q": method, b"a": sound, b"r": sound, b"e": [1, inner]}
        )
    )


def test_random_bytes_are_decoded_or_refused() -> None:
    """Random bytes, and random bytes with a meaning in bencode."""
    rng = random.Random(3)
    telling = b"dlie0123456789:-" * 3 + bytes(range(256))
    for _ in range(20_000):
        decode_or_refuse(rng.randbytes(rng.randrange(100)))
        decode_or_refuse(bytes(rng.choices(telling, k=rng.randrange(60))))
        decode_or_refuse(b"d" + bytes(rng.choices(b"dlie01:-", k=rng.randrange(20))) + b"e")
