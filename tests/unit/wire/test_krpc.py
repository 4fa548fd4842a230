"""KRPC messages: the examples of BEP 5 byte for byte, and the fields of BEP 32, 42 and 43."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.endpoints import Endpoint, parse_endpoint
from kadisc.wire import bencode, decoding, encoding, krpc
from kadisc.wire.messages import (
    AnnouncePeer,
    Error,
    FindNode,
    GetPeers,
    Message,
    Ping,
    Query,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)

QUERIER = int.from_bytes(b"abcdefghij0123456789", "big")
OTHER = int.from_bytes(b"mnopqrstuvwxyz123456", "big")
ID = b"abcdefghij0123456789"

# --- BEP 5 ----------------------------------------------------------------------------------------

BEP_5 = [
    (b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", Ping(b"aa", QUERIER)),
    (b"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re", Reply(b"aa", OTHER)),
    (
        b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
        FindNode(b"aa", QUERIER, OTHER),
    ),
    (
        b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
        GetPeers(b"aa", QUERIER, OTHER),
    ),
    (
        b"d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re",
        Reply(b"aa", QUERIER, token=b"aoeusnth", values=[Endpoint(b"axje.u"), Endpoint(b"idhtnm")]),
    ),
    (
        b"d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe"
        b"1:q13:announce_peer1:t2:aa1:y1:qe",
        AnnouncePeer(b"aa", QUERIER, OTHER, 6881, b"aoeusnth", True),
    ),
    (
        b"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee",
        Error(b"aa", 201, "A Generic Error Ocurred"),
    ),
]


@pytest.mark.parametrize(("payload", "message"), BEP_5, ids=lambda case: type(case).__name__)
def test_the_examples_of_bep_5(payload: bytes, message: Message) -> None:
    assert krpc.decode(payload) == message
    assert krpc.encode(message) == payload
    for engine in bencode.ENGINES:
        assert decoding.message_from(engine.decode(payload)) == message
        assert engine.encode(encoding.fields_of(message)) == payload


# --- Later fields ---------------------------------------------------------------------------------

V4, V6 = parse_endpoint("45.1.2.3:6881"), parse_endpoint("[2a00:beef::1]:6881")
NODES, NODES6 = bytes(range(52)), bytes(range(76))

LATER_FIELDS = [
    (
        b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz1234564:wantl2:n42:n6ee1:q9:find_node2:roi1e1:t2:aa1:v4:KD\0\x011:y1:qe",
        FindNode(
            b"aa", QUERIER, OTHER, frozenset((b"n4", b"n6")), version=b"KD\0\x01", read_only=True
        ),
    ),
    (
        b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:wantl2:n6ee1:q9:get_peers1:t2:aa1:y1:qe",
        GetPeers(b"aa", QUERIER, OTHER, frozenset((b"n6",))),
    ),
    (
        b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token0:e1:q13:announce_peer1:t0:1:y1:qe",
        AnnouncePeer(b"", QUERIER, OTHER, 6881, b""),
    ),
    (
        b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz1234564:wantlee1:q17:sample_infohashes1:t2:aa1:y1:qe",
        SampleInfohashes(b"aa", QUERIER, OTHER, frozenset()),
    ),
    (
        b"d1:ad2:id20:abcdefghij0123456789e1:q0:1:t2:aa1:y1:qe",
        UnknownQuery(b"aa", QUERIER, b"", None),
    ),
    (
        b"d2:ip6:-\1\2\3\x1a\xe11:rd2:id20:abcdefghij01234567895:nodes52:"
        + NODES
        + b"6:nodes676:"
        + NODES6
        + b"e1:t2:aa1:v4:LT\1\2"
        + b"1:y1:re",
        Reply(b"aa", QUERIER, NODES, NODES6, seen_as=V4, version=b"LT\1\2"),
    ),
    (
        b"d2:ip18:"
        + V6
        + b"1:rd2:id20:abcdefghij01234567895:nodes0:6:valuesl18:"
        + V6
        + b"ee1:t2:aa1:y1:re",
        Reply(b"aa", QUERIER, nodes=b"", values=[V6], seen_as=V6),
    ),
    (
        b"d1:eli203e0:e2:ip6:" + V4 + b"1:t2:aa1:v4:LT\1\x021:y1:ee",
        Error(b"aa", 203, "", b"LT\1\2", V4),
    ),
]


@pytest.mark.parametrize(("payload", "message"), LATER_FIELDS, ids=lambda case: type(case).__name__)
def test_messages_with_want_nodes6_ip_ro_and_v(payload: bytes, message: Message) -> None:
    assert krpc.decode(payload) == message
    assert krpc.encode(message) == payload


# --- Reading one field at a time ------------------------------------------------------------------


def read(kind: bytes, inner: object, **others: object) -> Message:
    """The message in an envelope of the given kind, whose other top-level fields are keyword
    arguments.
    """
    key = {b"q": b"a", b"r": b"r", b"e": b"e"}[kind]
    envelope = {
        b"t": b"aa",
        b"y": kind,
        key: inner,
        **{name.encode(): value for name, value in others.items()},
    }
    return krpc.decode(bencode.encode(envelope))


def query(
    method: bytes = b"ping", arguments: dict[bytes, object] | None = None, **others: object
) -> Query:
    message = read(b"q", {b"id": ID, **(arguments or {})}, q=method, **others)
    assert isinstance(message, Query)
    return message


def reply(results: dict[bytes, object] | None = None, **others: object) -> Reply:
    message = read(b"r", {b"id": ID, **(results or {})}, **others)
    assert isinstance(message, Reply)
    return message


ANYTHING_ELSE = [0, 1, -1, b"", b"x", [], [b"n4", 5], [[b"n4"]], [{}], {}, {b"n4": 1}]


def test_a_transaction_id_may_have_up_to_64_bytes() -> None:
    for size in (0, 1, 2, 4, 32, 64):
        assert krpc.decode(krpc.encode(Ping(bytes(size), QUERIER))).tid == bytes(size)


def test_a_version_of_more_than_32_bytes_counts_as_not_sent() -> None:
    assert query(v=bytes(32)).version == reply(v=bytes(32)).version == bytes(32)
    assert query(v=b"").version == b""
    for bad in (bytes(33), 1, [], {}):
        assert query(v=bad).version is reply(v=bad).version is None


def test_read_only_means_the_int_1_alone() -> None:
    assert query(ro=1).read_only
    for other in (0, 2, -1, b"1", b"", [1], [], {}):
        assert not query(ro=other).read_only
    assert not query().read_only


@pytest.mark.parametrize(
    "bad",
    [b"", bytes(5), bytes(7), bytes(17), V4[:4] + b"\0\0", V6[:16] + b"\0\0", 1, [], [V4], {}],
)
def test_a_malformed_ip_counts_as_not_sent(bad: object) -> None:
    assert reply(ip=bad).seen_as is None
    assert read(b"e", [201, b"x"], ip=bad) == Error(b"aa", 201, "x")


@pytest.mark.parametrize("method", [b"find_node", b"get_peers", b"whatever"])
def test_want_keeps_known_words_of_a_list_of_words(method: bytes) -> None:
    both = {b"target": ID, b"info_hash": ID}
    wanted = [
        ([b"n4"], {b"n4"}),
        ([b"n6", b"n4", b"n6"], {b"n4", b"n6"}),
        ([b"n4", b"n5", b""], {b"n4"}),
        ([b"n8"], set()),
        ([], set()),
    ]
    for raw, families in wanted:
        assert query(method, {**both, b"want": raw}).want == families  # type: ignore[attr-defined]
    for bad in (other for other in ANYTHING_ELSE if other != []):
        assert query(method, {**both, b"want": bad}).want is None  # type: ignore[attr-defined]


def test_an_unknown_method_keeps_its_target_or_else_its_info_hash() -> None:
    other_id = b"mnopqrstuvwxyz123456"
    cases: list[tuple[dict[bytes, object], int | None]] = [
        ({b"target": other_id}, OTHER),
        ({b"info_hash": other_id}, OTHER),
        ({b"target": other_id, b"info_hash": ID}, OTHER),
        ({b"target": b"short", b"info_hash": other_id}, OTHER),
        ({b"target": [], b"info_hash": bytes(21)}, None),
        ({}, None),
    ]
    for arguments, target in cases:
        assert query(b"x" * 64, arguments) == UnknownQuery(b"aa", QUERIER, b"x" * 64, target)


def announce(**changes: object) -> AnnouncePeer:
    arguments = {
        b"info_hash": ID,
        b"port": 6881,
        b"token": b"t",
        **{name.encode(): value for name, value in changes.items()},
    }
    message = query(b"announce_peer", arguments)
    assert isinstance(message, AnnouncePeer)
    return message


def test_an_implied_port_excuses_a_bad_port() -> None:
    for port, kept in ((1, 1), (65535, 65535), (0, 0), (65536, 0), (-1, 0), (b"80", 0), ([], 0)):
        message = announce(port=port, implied_port=1)
        assert (message.port, message.implied_port) == (kept, True)
    without_port = query(b"announce_peer", {b"info_hash": ID, b"token": b"t", b"implied_port": 7})
    assert without_port == AnnouncePeer(b"aa", QUERIER, QUERIER, 0, b"t", True)


def test_implied_port_is_an_int_other_than_0() -> None:
    assert announce(implied_port=2).implied_port
    assert announce(implied_port=-1).implied_port
    for other in (0, b"1", [1], {}):
        assert not announce(implied_port=other).implied_port


def test_a_token_may_have_up_to_128_bytes() -> None:
    assert announce(token=bytes(128)).token == bytes(128)
    assert reply({b"token": bytes(128)}).token == bytes(128)
    assert reply().token is None


def test_values_keep_valid_endpoints_only() -> None:
    raw = [V4, b"", V6, V4[:4] + b"\0\0", V6[:16] + b"\0\0", bytes(7), 5, [V4], {V4: V4}, V4]
    assert reply({b"values": raw}).values == [V4, V6, V4]
    assert reply({b"values": []}).values == []
    assert reply().values is None


def test_the_number_of_values_is_capped() -> None:
    many = [b"\1\2\3" + n.to_bytes(3, "big") for n in range(1, 300)]
    assert reply({b"values": many}).values == many[: decoding.MAX_VALUES]


def test_an_error_needs_a_code_but_no_text() -> None:
    assert read(b"e", [202]) == Error(b"aa", 202, "")
    assert read(b"e", [202, 5]) == Error(b"aa", 202, "")
    assert read(b"e", [202, b"Server Error", b"more"]) == Error(b"aa", 202, "Server Error")
    assert read(b"e", [-1, b"\xff\xc3\xa4"]) == Error(b"aa", -1, "\N{REPLACEMENT CHARACTER}ä")
    assert read(b"e", [201, b"x" * 1000]) == Error(b"aa", 201, "x" * decoding.MAX_ERROR_TEXT_BYTES)


def test_an_error_text_that_cannot_be_encoded_is_still_sent() -> None:
    assert krpc.encode(Error(b"aa", 201, "\ud800")) == b"d1:eli201e1:?e1:t2:aa1:y1:ee"


def test_y_decides_on_a_message_with_both_e_and_r() -> None:
    """Errors of libtorrent may have both."""
    assert read(b"e", [203, b"x"], r={b"id": ID}) == Error(b"aa", 203, "x")
    assert read(b"r", {b"id": ID}, e=[203, b"x"]) == Reply(b"aa", QUERIER)


def test_unknown_fields_are_ignored() -> None:
    """libtorrent: `p` in replies, `bs` in bootstrap queries; BEP 5: `scrape`, `noseed`, `seed`."""
    assert reply({b"p": 6881, b"interval": 0, b"samples": b""}) == Reply(b"aa", QUERIER)
    arguments: dict[bytes, object] = {b"info_hash": ID, b"bs": 1, b"scrape": 1, b"noseed": [[]]}
    assert query(b"get_peers", arguments, zz={b"": [1]}) == GetPeers(b"aa", QUERIER, QUERIER)


def test_unsorted_keys_are_accepted() -> None:
    payload = b"d1:y1:q1:t2:aa1:q4:ping1:ad2:id20:abcdefghij0123456789ee"
    assert krpc.decode(payload) == Ping(b"aa", QUERIER)


def test_fields_that_are_false_or_none_are_not_sent() -> None:
    full = Ping(b"aa", QUERIER, version=b"KD", read_only=True)
    assert set(encoding.fields_of(full)) == {b"a", b"q", b"t", b"y", b"v", b"ro"}
    assert set(encoding.fields_of(replace(full, version=None, read_only=False))) == {
        b"a",
        b"q",
        b"t",
        b"y",
    }
