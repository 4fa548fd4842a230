"""The bytes of reach, knock and the ping of a witness: golden, and of the documented lengths."""

from __future__ import annotations

from typing import Any

import pytest

from kadisc.config import CLIENT_VERSION
from kadisc.endpoints import Endpoint
from kadisc.errors import DecodeError
from kadisc.ids import id_from_bytes
from kadisc.wire import bencode, krpc, usual
from kadisc.wire.messages import (
    TCP_REFUSED,
    Gossip,
    Knock,
    Message,
    News,
    Ping,
    Reach,
    ReachResult,
    Reply,
    UnknownQuery,
)

RAW_ID = b"abcdefghij0123456789"
ID = id_from_bytes(RAW_ID)
NET = b"mnopqrstuvwxyz123456"
NONCE = b"8 bytes!"
TOKEN = b"aoeusnth"
TID = b"abcd"
V4 = Endpoint(b"axje\x1a\xe1")
V6 = Endpoint(bytes(range(16)) + b"\x1a\xe1")
RECORD: dict[bytes, Any] = {b"k": bytes(291)}
"""300 bytes when encoded, as the longest record."""
SENT: dict[str, Any] = {"version": CLIENT_VERSION}


def reply(seen_as: Endpoint, **fields: Any) -> Reply:
    return Reply(TID, ID, seen_as=seen_as, version=CLIENT_VERSION, **fields)


@pytest.mark.parametrize(
    ("message", "size"),
    [
        (Reach(TID, ID, NONCE, NET, TOKEN, **SENT), 126),
        (Reach(TID, ID, NONCE, NET, TOKEN, 51413, **SENT), 136),
        (Reach(TID, ID, NONCE, NET, TOKEN, None, RECORD, 30303, **SENT), 443),
        (Reach(TID, ID, NONCE, NET, TOKEN, known=5 * NONCE, **SENT), 172),
        (reply(V4, reach=ReachResult(True, V4)), 88),
        (reply(V6, reach=ReachResult(False, V6)), 114),
        (reply(V4, reach=ReachResult(tcp=TCP_REFUSED)), 78),
        (reply(V6, reach=ReachResult(tcp=TCP_REFUSED)), 91),
        (reply(V4, token=TOKEN), 87),
        (reply(V6, token=TOKEN), 100),
        (Knock(TID, ID, NONCE, NET, V4, TOKEN, **SENT), 138),
        (Knock(TID, ID, NONCE, NET, V6, TOKEN, **SENT), 151),
        (reply(V4, reach=ReachResult(True)), 77),
        (reply(V6, reach=ReachResult(True)), 90),
        (Ping(TID, ID, NONCE, **SENT), 80),
        (reply(V4), 70),
        (reply(V6), 83),
    ],
)
def test_messages_have_the_documented_lengths_and_come_back_as_sent(
    message: Message, size: int
) -> None:
    payload = krpc.encode(message)
    assert len(payload) == size
    assert krpc.decode(payload) == message


def test_the_bytes_of_each_message() -> None:
    end = b"1:t4:abcd1:y1:qe"
    assert krpc.encode(Ping(TID, ID, NONCE)) == (
        b"d1:ad2:id20:" + RAW_ID + b"1:n8:8 bytes!e1:q4:ping" + end
    )
    reach = b"d1:ad2:id20:" + RAW_ID + b"1:n8:8 bytes!3:net20:" + NET
    assert krpc.encode(Reach(TID, ID, NONCE, NET)) == reach + b"e1:q5:reach" + end
    assert krpc.encode(Reach(TID, ID, NONCE, NET, TOKEN, 51413)) == (
        reach + b"1:pi51413e5:token8:aoeusnthe1:q5:reach" + end
    )
    assert krpc.encode(Reach(TID, ID, NONCE, NET, TOKEN, None, {b"k": b"x"}, 30303)) == (
        reach + b"3:recd1:k1:xe3:tcpi30303e5:token8:aoeusnthe1:q5:reach" + end
    )
    known = b"d1:ad2:id20:" + RAW_ID + b"1:k40:" + 5 * NONCE + reach[len(b"d1:ad2:id20:") + 20 :]
    assert krpc.encode(Reach(TID, ID, NONCE, NET, TOKEN, known=5 * NONCE)) == (
        known + b"5:token8:aoeusnthe1:q5:reach" + end
    )
    assert krpc.encode(Knock(TID, ID, NONCE, NET, V4, TOKEN)) == (
        reach + b"2:to6:axje\x1a\xe15:token8:aoeusnthe1:q5:knock" + end
    )
    assert krpc.encode(Reply(TID, ID, reach=ReachResult(False, V4))) == (
        b"d1:rd2:id20:" + RAW_ID + b"2:oki0e1:w6:axje\x1a\xe1e1:t4:abcd1:y1:re"
    )
    assert krpc.encode(Reply(TID, ID, reach=ReachResult(tcp=2))) == (
        b"d1:rd2:id20:" + RAW_ID + b"3:tcpi2ee1:t4:abcd1:y1:re"
    )


@pytest.mark.parametrize("sent", [b"", b"8 bytes!", 41 * b"x", 40, {}, [5 * b"8 bytes!"]])
def test_an_odd_hint_counts_as_not_given(sent: Any) -> None:
    found = krpc.decode(query(b"reach", k=sent))
    assert isinstance(found, Reach)
    assert found.known is None


HEAD = b"d1:ad2:id20:" + RAW_ID
GOOD: dict[bytes, Any] = {b"id": RAW_ID, b"n": NONCE, b"net": NET}


def query(method: bytes, **changed: Any) -> bytes:
    arguments = GOOD | {key.encode(): value for key, value in changed.items()}
    arguments = {key: value for key, value in arguments.items() if value is not None}
    return bencode.encode({b"a": arguments, b"q": method, b"t": TID, b"y": b"q"})


@pytest.mark.parametrize(
    ("method", "changed", "reason"),
    [
        (b"reach", {"n": None}, "bad-nonce"),
        (b"reach", {"n": b"7 bytes"}, "bad-nonce"),
        (b"reach", {"n": b"9 bytes!!"}, "bad-nonce"),
        (b"reach", {"n": 8}, "bad-nonce"),
        (b"reach", {"net": None}, "bad-net"),
        (b"reach", {"net": NET[1:]}, "bad-net"),
        (b"reach", {"token": bytes(129)}, "bad-token"),
        (b"reach", {"token": 5}, "bad-token"),
        (b"reach", {"p": 1023}, "bad-reach-port"),
        (b"reach", {"p": 65536}, "bad-reach-port"),
        (b"reach", {"p": -1}, "bad-reach-port"),
        (b"reach", {"p": b"\x1a\xe1"}, "bad-reach-port"),
        (b"reach", {"tcp": 80, "rec": {}}, "bad-reach-port"),
        (b"reach", {"tcp": 30303}, "bad-reach"),
        (b"reach", {"rec": {}}, "bad-reach"),
        (b"reach", {"tcp": 30303, "rec": {}, "p": 30303}, "bad-reach"),
        (b"reach", {"tcp": 30303, "rec": b"x"}, "bad-record"),
        (b"reach", {"id": RAW_ID[1:]}, "bad-id"),
        (b"knock", {}, "bad-to"),
        (b"knock", {"to": V4[:5]}, "bad-to"),
        (b"knock", {"to": V4 + b"x"}, "bad-to"),
        (b"knock", {"to": V4[:4] + b"\0\0"}, "bad-to"),
        (b"knock", {"to": 5}, "bad-to"),
        (b"knock", {"to": V4, "n": b"short"}, "bad-nonce"),
        (b"knock", {"to": V6, "net": b""}, "bad-net"),
        (b"knock", {"to": V6, "token": [b"x"]}, "bad-token"),
    ],
)
def test_a_malformed_query_is_refused_and_its_sender_is_told(
    method: bytes, changed: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        krpc.decode(query(method, **changed))
    assert caught.value.reason == reason
    assert (caught.value.tid, caught.value.code) == (TID, 203)
    assert caught.value.text


@pytest.mark.parametrize("nonce", [b"", b"7 bytes", b"9 bytes!!", 8, [NONCE], {b"n": NONCE}])
def test_a_ping_with_an_odd_nonce_is_a_plain_ping(nonce: Any) -> None:
    assert krpc.decode(query(b"ping", n=nonce)) == Ping(TID, ID)


def test_the_fast_path_leaves_what_it_does_not_know_to_the_general_way() -> None:
    assert usual.read_query(krpc.encode(Ping(TID, ID, NONCE, **SENT))) is None
    assert usual.read_query(krpc.encode(Ping(TID, ID, **SENT))) == Ping(TID, ID, **SENT)
    assert usual.write_reply(reply(V4, reach=ReachResult(True))) is None


@pytest.mark.parametrize(
    "results",
    [
        {b"ok": 2},
        {b"ok": -1},
        {b"ok": b"\1"},
        {b"ok": 1, b"w": V4[:5]},
        {b"ok": 1, b"w": 5},
        {b"ok": 1, b"w": V4[:4] + b"\0\0"},
        {b"tcp": 3},
        {b"tcp": -1},
        {b"tcp": b"0"},
        {b"tcp": 0, b"ok": []},
    ],
)
def test_a_malformed_result_refuses_the_reply(results: dict[bytes, Any]) -> None:
    payload = bencode.encode({b"r": {b"id": RAW_ID} | results, b"t": TID, b"y": b"r"})
    with pytest.raises(DecodeError, match="bad-result"):
        krpc.decode(payload)


def test_replies_of_other_clients_may_hold_such_a_witness_field() -> None:
    payload = bencode.encode({b"r": {b"id": RAW_ID, b"w": 7}, b"t": TID, b"y": b"r"})
    assert krpc.decode(payload) == Reply(TID, ID)


def gossip_reply(**fields: Any) -> Reply:
    results: dict[bytes, Any] = {b"id": RAW_ID, b"rec": {}, b"token": TOKEN}
    results |= {key.encode(): value for key, value in fields.items()}
    message = krpc.decode(bencode.encode({b"r": results, b"t": TID, b"y": b"r"}))
    assert isinstance(message, Reply)
    return message


@pytest.mark.parametrize(
    ("raw", "can"),
    [(1, True), (3, True), (7, True), (0, False), (2, False), (4, False), (b"1", False)],
)
def test_the_first_bit_of_can_says_whether_the_replier_helps(raw: Any, can: bool) -> None:
    assert gossip_reply(can=raw).news == News({}, can=can)


def test_can_is_sent_only_where_it_is_one() -> None:
    assert b"3:cani1e" in krpc.encode(Reply(TID, ID, news=News({}, can=True)))
    assert b"can" not in krpc.encode(Reply(TID, ID, news=News({})))


# --- nodes of earlier versions --------------------------------------------------------------------

RESERVED = (b"meet", b"call", b"punch")


@pytest.mark.parametrize("method", RESERVED)
def test_reserved_methods_are_unknown(method: bytes) -> None:
    assert krpc.decode(query(method)) == UnknownQuery(TID, ID, method, None)


def test_the_messages_of_earlier_versions_are_read_as_ever() -> None:
    """Bytes that nodes of the commits 2a67823 and dab7046 send."""
    ping = HEAD + b"2:tk8:\0\0\0\0\0\0\0\0e1:q4:ping1:t4:abcd1:v4:KD\0\x011:y1:qe"
    assert krpc.decode(ping) == Ping(TID, ID, version=b"KD\0\1", asker_token=bytes(8))
    gossip = HEAD + b"3:net20:" + NET + b"3:pad3:\0\0\x004:wanti16ee1:q6:gossip1:t4:abcd1:y1:qe"
    assert krpc.decode(gossip) == Gossip(TID, ID, NET, 16, pad=3)
    answer = b"d1:rd2:id20:" + RAW_ID + b"3:recd1:k1:xe5:token8:aoeusnthe1:t4:abcd1:y1:re"
    assert krpc.decode(answer) == Reply(TID, ID, token=TOKEN, news=News({b"k": b"x"}))
