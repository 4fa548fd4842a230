"""The fast path for frequent messages gives what the general way gives."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from kadisc.errors import DecodeError
from kadisc.wire import bencode, decoding, encoding, krpc, usual
from kadisc.wire.envelope import MAX_TID_BYTES
from kadisc.wire.messages import FindNode, GetPeers, Ping, Query, Reply
from tests.property.test_wire_roundtrips import endpoints, ids, tokens, versions, whole

usual_tids = st.binary(min_size=2, max_size=2) | st.binary(min_size=4, max_size=4)
usual_versions = st.none() | st.binary(min_size=4, max_size=4)
wants = st.none() | st.frozensets(st.sampled_from((b"n4", b"n6")), min_size=1)
asker_tokens = st.none() | st.binary(min_size=8, max_size=8)
usual_fields = {"version": usual_versions, "asker_token": asker_tokens}
usual_queries = (
    st.builds(Ping, usual_tids, ids, **usual_fields)
    | st.builds(FindNode, usual_tids, ids, ids, wants, **usual_fields)
    | st.builds(GetPeers, usual_tids, ids, ids, wants, **usual_fields)
)
replies = st.builds(
    Reply,
    st.binary(max_size=MAX_TID_BYTES),
    ids,
    nodes=whole(26),
    nodes6=whole(38),
    values=st.none() | st.lists(endpoints, max_size=20),
    token=st.none() | tokens,
    seen_as=st.none() | endpoints,
    version=versions,
    asker_token=asker_tokens,
)


def generally(payload: bytes) -> object:
    return decoding.message_from(bencode.decode(payload))


@given(usual_queries)
def test_a_frequent_query_is_read_as_by_the_general_decoder(query: Query) -> None:
    payload = krpc.encode(query)
    assert usual.read_query(payload) == query == generally(payload)


@given(usual_queries, st.integers(0, 200), st.binary(max_size=3), st.integers(0, 3))
def test_a_changed_frequent_query_is_read_as_by_the_general_decoder_or_not_at_all(
    query: Query, at: int, instead: bytes, cut: int
) -> None:
    payload = krpc.encode(query)
    payload = payload[:at] + instead + payload[at + cut :]
    read = usual.read_query(payload)
    if read is not None:
        assert read == generally(payload)
    else:
        with suppress(DecodeError):
            assert krpc.decode(payload) == generally(payload)


usual_replies = st.builds(
    Reply,
    st.binary(min_size=4, max_size=4),
    ids,
    nodes=whole(26),
    seen_as=st.none() | endpoints,
    version=usual_versions,
    asker_token=asker_tokens,
)


@given(usual_replies)
def test_a_frequent_reply_is_read_as_by_the_general_decoder(reply: Reply) -> None:
    payload = krpc.encode(reply)
    assert usual.read_reply(payload) == reply == generally(payload)


@given(usual_replies | replies, st.integers(0, 300), st.binary(max_size=3), st.integers(0, 3))
def test_a_changed_frequent_reply_is_read_as_by_the_general_decoder_or_not_at_all(
    reply: Reply, at: int, instead: bytes, cut: int
) -> None:
    payload = krpc.encode(reply)
    payload = payload[:at] + instead + payload[at + cut :]
    read = usual.read_reply(payload)
    if read is not None:
        assert read == generally(payload)
    else:
        with suppress(DecodeError):
            assert krpc.decode(payload) == generally(payload)


def test_a_list_of_nodes_that_is_no_longer_than_it_says_is_not_read_by_the_fast_path() -> None:
    reply = krpc.encode(Reply(b"aaaa", 5, nodes=bytes(52), version=b"KD01"))
    assert usual.read_reply(reply) is not None
    for said in (b"26", b"78", b"052", b"5"):
        assert usual.read_reply(reply.replace(b"5:nodes52:", b"5:nodes%b:" % said)) is None


@given(replies)
def test_a_reply_is_written_as_by_the_general_encoder(reply: Reply) -> None:
    written = bencode.encode(encoding.fields_of(reply))
    assert usual.write_reply(reply) == written
    assert krpc.encode(reply) == written


find_nodes = st.builds(
    FindNode,
    st.binary(max_size=MAX_TID_BYTES),
    ids,
    ids,
    wants,
    version=versions,
    read_only=st.booleans(),
    asker_token=asker_tokens,
)


@given(find_nodes)
def test_a_find_node_query_is_written_as_by_the_general_encoder(query: FindNode) -> None:
    written = bencode.encode(encoding.fields_of(query))
    assert usual.write_find_node(query) in (None, written)
    assert krpc.encode(query) == written
