"""The reasons for which a datagram is dropped, and which senders get an error."""

from __future__ import annotations

import pytest

from kadisc.errors import DecodeError
from kadisc.wire import bencode, decoding, krpc
from kadisc.wire.messages import Put

ID = b"20:abcdefghij0123456789"
ENVELOPE = b"1:t2:aa1:y1:qe"

DROPPED_IN_SILENCE = [
    (b"", "truncated"),
    (b"d1:ad2:id" + ID + b"e1:q4:ping1:t2:aa1:y1:q", "truncated"),
    (b"GET / HTTP/1.1", "bad-prefix"),
    (b"d01:ai1ee", "bad-length"),
    (b"d1:ad2:id" + ID + b"1:xi-0ee1:q4:ping" + ENVELOPE, "bad-int"),
    (b"d1:rd2:id" + ID + b"1:xi9223372036854775808ee1:t2:aa1:y1:re", "int-range"),
    (b"d1:ei9223372036854775808ee1:t2:aa1:y1:ee", "int-range"),
    (b"d1:ad1:xi9223372036854775808ee1:q4:ping1:ti9223372036854775808e1:y1:qe", "int-range"),
    (b"d1:ad1:xi9223372036854775808ee1:q4:ping1:t65:" + bytes(65) + b"1:y1:qe", "int-range"),
    (b"i9223372036854775808e", "int-range"),
    (b"li9223372036854775808ee", "int-range"),
    (b"d0:0:-5:", "bad-key"),
    (b"d1:ad2:id" + ID + b"2:id" + ID + b"e1:q4:ping" + ENVELOPE, "duplicate-key"),
    (b"d1:ad2:id" + ID + b"1:x" + b"l" * 9 + b"e" * 9 + b"e1:q4:ping" + ENVELOPE, "too-deep"),
    (b"d1:ad2:id" + ID + b"e1:q4:ping1:t2:aae" + ENVELOPE, "bad-type"),
    (b"le", "not-a-dict"),
    (b"i1e", "not-a-dict"),
    (b"2:aa", "not-a-dict"),
    (b"de", "bad-tid"),
    (b"d1:ad2:id" + ID + b"e1:q4:ping1:y1:qe", "bad-tid"),
    (b"d1:ad2:id" + ID + b"e1:q4:ping1:ti5e1:y1:qe", "bad-tid"),
    (b"d1:ad2:id" + ID + b"e1:q4:ping1:t65:" + bytes(65) + b"1:y1:qe", "bad-tid"),
    (b"d1:t2:aae", "bad-type"),
    (b"d1:t2:aa1:y1:xe", "bad-type"),
    (b"d1:t2:aa1:yi1ee", "bad-type"),
    (b"d1:t2:aa1:yl1:qee", "bad-type"),
    (b"d1:t2:aa1:ydee", "bad-type"),
    (b"d1:t2:aa1:y1:re", "bad-reply"),
    (b"d1:rl2:ide1:t2:aa1:y1:re", "bad-reply"),
    (b"d1:rde1:t2:aa1:y1:re", "bad-id"),
    (b"d1:rd2:id0:e1:t2:aa1:y1:re", "bad-id"),
    (b"d1:rd2:id" + ID + b"5:nodes25:" + bytes(25) + b"e1:t2:aa1:y1:re", "bad-nodes"),
    (b"d1:rd2:id" + ID + b"5:nodeslee1:t2:aa1:y1:re", "bad-nodes"),
    (b"d1:rd2:id" + ID + b"6:nodes626:" + bytes(26) + b"e1:t2:aa1:y1:re", "bad-nodes"),
    (b"d1:rd2:id" + ID + b"6:nodes6i0ee1:t2:aa1:y1:re", "bad-nodes"),
    (b"d1:rd2:id" + ID + b"6:values6:abcdefe1:t2:aa1:y1:re", "bad-values"),
    (b"d1:rd2:id" + ID + b"6:valuesdee1:t2:aa1:y1:re", "bad-values"),
    (b"d1:rd2:id" + ID + b"5:tokeni7ee1:t2:aa1:y1:re", "bad-token"),
    (b"d1:rd2:id" + ID + b"5:token129:" + bytes(129) + b"e1:t2:aa1:y1:re", "bad-token"),
    (b"d1:rd2:id" + ID + b"5:peers26:" + bytes(26) + b"5:token1:xe1:t2:aa1:y1:re", "bad-peers"),
    (b"d1:rd2:id" + ID + b"6:peers6le5:token1:xe1:t2:aa1:y1:re", "bad-peers"),
    (b"d1:rd2:id" + ID + b"3:reci5e5:token1:xe1:t2:aa1:y1:re", "bad-record"),
    (b"d1:t2:aa1:y1:ee", "bad-error"),
    (b"d1:ele1:t2:aa1:y1:ee", "bad-error"),
    (b"d1:el3:201e1:t2:aa1:y1:ee", "bad-error"),
    (b"d1:ei201e1:t2:aa1:y1:ee", "bad-error"),
    (b"d1:edei1e1:t2:aa1:y1:ee", "bad-key"),
    (b"d1:rd2:id" + ID + b"2:oki2ee1:t2:aa1:y1:re", "bad-result"),
]

HASH = b"9:info_hash20:mnopqrstuvwxyz123456"

TOO_WIDE = (b"9223372036854775808", b"-9223372036854775809", b"1" + 30 * b"0", b"9" * 1800)


def signed_put(*, sequence: bytes = b"1", cas: bytes = b"1") -> bytes:
    key, signature = b"1:k32:" + bytes(32), b"3:sig64:" + bytes(64)
    return b"d1:ad3:casi%be2:id%b%b3:seqi%be%b5:token1:x1:vi1ee1:q3:put%b" % (
        cas,
        ID,
        key,
        sequence,
        signature,
        ENVELOPE,
    )


ANSWERED_WITH_203 = [
    (b"d1:ad2:id" + ID + b"e" + ENVELOPE, "bad-method"),
    (b"d1:ad2:id" + ID + b"e1:qi1e" + ENVELOPE, "bad-method"),
    (b"d1:ad2:id" + ID + b"e1:ql4:pinge" + ENVELOPE, "bad-method"),
    (b"d1:ad2:id" + ID + b"e1:q65:" + bytes(65) + ENVELOPE, "bad-method"),
    *((signed_put(sequence=number), "int-range") for number in TOO_WIDE),
    *((signed_put(cas=number), "int-range") for number in TOO_WIDE),
    (b"d1:ad2:id" + ID + b"1:xi9223372036854775808ee1:q4:ping" + ENVELOPE, "int-range"),
    (b"d1:q4:ping" + ENVELOPE, "bad-arguments"),
    (b"d1:al2:id" + ID + b"e1:q4:ping" + ENVELOPE, "bad-arguments"),
    (b"d1:ade1:q4:ping" + ENVELOPE, "bad-id"),
    (b"d1:ad2:id19:abcdefghij012345678e1:q4:ping" + ENVELOPE, "bad-id"),
    (b"d1:ad2:id21:abcdefghij01234567890e1:q4:ping" + ENVELOPE, "bad-id"),
    (b"d1:ad2:idlee1:q4:ping" + ENVELOPE, "bad-id"),
    (b"d1:ade1:q7:unknown" + ENVELOPE, "bad-id"),
    (b"d1:ad2:id" + ID + b"e1:q9:find_node" + ENVELOPE, "bad-target"),
    (b"d1:ad2:id" + ID + b"6:targeti1ee1:q9:find_node" + ENVELOPE, "bad-target"),
    (b"d1:ad2:id" + ID + b"6:target4:spame1:q9:find_node" + ENVELOPE, "bad-target"),
    (b"d1:ad2:id" + ID + b"e1:q9:get_peers" + ENVELOPE, "bad-info-hash"),
    (b"d1:ad2:id" + ID + b"4:porti1e5:token1:xe1:q13:announce_peer" + ENVELOPE, "bad-info-hash"),
    (b"d1:ad2:id" + ID + HASH + b"5:token1:xe1:q13:announce_peer" + ENVELOPE, "bad-port"),
    (b"d1:ad2:id" + ID + HASH + b"4:porti0e5:token1:xe1:q13:announce_peer" + ENVELOPE, "bad-port"),
    (
        b"d1:ad2:id" + ID + HASH + b"4:porti65536e5:token1:xe1:q13:announce_peer" + ENVELOPE,
        "bad-port",
    ),
    (b"d1:ad2:id" + ID + HASH + b"4:port2:805:token1:xe1:q13:announce_peer" + ENVELOPE, "bad-port"),
    (
        b"d1:ad2:id"
        + ID
        + b"12:implied_porti0e"
        + HASH
        + b"4:porti0e5:token1:xe1:q13:announce_peer"
        + ENVELOPE,
        "bad-port",
    ),
    (b"d1:ad2:id" + ID + HASH + b"4:porti1ee1:q13:announce_peer" + ENVELOPE, "bad-token"),
    (b"d1:ad2:id" + ID + HASH + b"4:porti1e5:tokeni5ee1:q13:announce_peer" + ENVELOPE, "bad-token"),
    (
        b"d1:ad2:id"
        + ID
        + HASH
        + b"4:porti1e5:token129:"
        + bytes(129)
        + b"e1:q13:announce_peer"
        + ENVELOPE,
        "bad-token",
    ),
    (b"d1:ad2:id" + ID + b"e1:q3:get" + ENVELOPE, "bad-target"),
    (b"d1:ad2:id" + ID + b"3:seqi-1e6:target" + ID + b"e1:q3:get" + ENVELOPE, "bad-sequence"),
    (b"d1:ad2:id" + ID + b"e1:q17:sample_infohashes" + ENVELOPE, "bad-target"),
    (b"d1:ad2:id" + ID + b"5:token1:xe1:q3:put" + ENVELOPE, "bad-value"),
    (b"d1:ad2:id" + ID + b"1:vi1ee1:q3:put" + ENVELOPE, "bad-token"),
    (b"d1:ad2:id" + ID + b"1:k2:ab5:token1:x1:vi1ee1:q3:put" + ENVELOPE, "bad-key-or-signature"),
    (b"d1:ad2:id" + ID + b"4:salti1e5:token1:x1:vi1ee1:q3:put" + ENVELOPE, "bad-salt"),
    (b"d1:ad2:id" + ID + b"4:wanti0ee1:q6:gossip" + ENVELOPE, "bad-net"),
    (b"d1:ad2:id" + ID + b"3:net19:abcdefghij0123456784:wanti0ee1:q6:gossip" + ENVELOPE, "bad-net"),
    (b"d1:ad2:id" + ID + b"3:net" + ID + b"e1:q6:gossip" + ENVELOPE, "bad-want"),
    (b"d1:ad2:id" + ID + b"3:net" + ID + b"4:wanti17ee1:q6:gossip" + ENVELOPE, "bad-want"),
    (b"d1:ad2:id" + ID + b"3:net" + ID + b"4:want1:5e1:q6:gossip" + ENVELOPE, "bad-want"),
    (
        b"d1:ad2:id" + ID + b"3:net" + ID + b"3:rec2:de4:wanti0ee1:q6:gossip" + ENVELOPE,
        "bad-record",
    ),
    (
        b"d1:ad2:id" + ID + b"3:net" + ID + b"5:tokeni5e4:wanti0ee1:q6:gossip" + ENVELOPE,
        "bad-token",
    ),
]

NONCE = b"1:n8:8 bytes!"
ANSWERED_WITH_203 += [
    (b"d1:ad2:id" + ID + b"3:net" + ID + b"e1:q5:reach" + ENVELOPE, "bad-nonce"),
    (
        b"d1:ad2:id" + ID + NONCE + b"3:net" + ID + b"1:pi80ee1:q5:reach" + ENVELOPE,
        "bad-reach-port",
    ),
    (b"d1:ad2:id" + ID + NONCE + b"3:net" + ID + b"3:recdee1:q5:reach" + ENVELOPE, "bad-reach"),
    (b"d1:ad2:id" + ID + NONCE + b"3:net" + ID + b"e1:q5:knock" + ENVELOPE, "bad-to"),
]

ANSWERED_OTHERWISE = [
    (
        b"d1:ad2:id" + ID + b"5:token1:x1:v1000:" + bytes(1000) + b"e1:q3:put" + ENVELOPE,
        "value-too-big",
        205,
    ),
    (
        b"d1:ad2:id" + ID + b"4:salt65:" + bytes(65) + b"5:token1:x1:vi1ee1:q3:put" + ENVELOPE,
        "salt-too-big",
        207,
    ),
]
NOT_CANONICAL = b"d1:ad2:id" + ID + b"5:token1:x1:vd1:b0:1:a0:ee1:q3:put" + ENVELOPE
"""Only the slow decoder finds the reason."""


def refusal(payload: bytes, *, allow_slow: bool = True) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        krpc.decode(payload, allow_slow=allow_slow)
    return caught.value


@pytest.mark.parametrize(
    ("payload", "reason"), DROPPED_IN_SILENCE, ids=lambda case: repr(case)[:40]
)
def test_a_datagram_that_is_not_a_query_is_dropped_in_silence(payload: bytes, reason: str) -> None:
    error = refusal(payload)
    assert (error.reason, error.tid) == (reason, None)


@pytest.mark.parametrize(("payload", "reason"), ANSWERED_WITH_203, ids=lambda case: repr(case)[:40])
def test_a_malformed_query_is_answered_with_203(payload: bytes, reason: str) -> None:
    error = refusal(payload)
    assert (error.reason, error.tid, error.code) == (reason, b"aa", 203)
    assert error.text != reason
    assert len(error.text) < 60  # the source may be forged, so the answer must be small


@pytest.mark.parametrize(
    ("payload", "reason", "code"), ANSWERED_OTHERWISE, ids=lambda case: repr(case)[:40]
)
def test_values_and_salts_that_are_too_big_have_their_own_codes(
    payload: bytes, reason: str, code: int
) -> None:
    error = refusal(payload)
    assert (error.reason, error.tid, error.code) == (reason, b"aa", code)


def test_only_the_keys_of_a_value_must_be_sorted() -> None:
    error = refusal(NOT_CANONICAL)
    assert (error.reason, error.tid, error.code) == ("value-not-canonical", b"aa", 203)
    assert refusal(NOT_CANONICAL, allow_slow=False).reason == "slow-decode-budget"


def test_an_empty_transaction_id_is_valid() -> None:
    assert refusal(b"d1:ade1:q4:ping1:t0:1:y1:qe").tid == b""


def test_without_the_slow_decoder_an_unsorted_query_is_refused_for_the_budget() -> None:
    unsorted = b"d1:t2:aa1:y1:q1:q4:ping1:ad2:id" + ID + b"ee"
    error = refusal(unsorted, allow_slow=False)
    assert (error.reason, error.tid) == ("slow-decode-budget", None)
    assert krpc.decode(unsorted).tid == b"aa"


def test_sound_bencode_is_refused_alike_without_the_slow_decoder() -> None:
    for payload, reason in ANSWERED_WITH_203:
        assert refusal(payload, allow_slow=False).reason == (
            "slow-decode-budget" if reason == "int-range" else reason
        )


@pytest.mark.parametrize("engine", bencode.ENGINES, ids=lambda engine: engine.name)
def test_a_query_with_a_number_beyond_64_bits_is_answered_with_203(
    engine: bencode.CodecEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BEP 44: a seq that is too large is a protocol error, and both engines find the transaction ID
    of the query.
    """
    monkeypatch.setattr(bencode, "decode", engine.decode)
    assert isinstance(
        krpc.decode(signed_put(sequence=b"9223372036854775807", cas=b"9223372036854775807")), Put
    )
    for number in TOO_WIDE:
        for payload in (signed_put(sequence=number), signed_put(cas=number)):
            error = refusal(payload)
            assert (error.reason, error.tid, error.code) == ("int-range", b"aa", 203)
            assert refusal(payload[:-1]).tid is None, "all else must be sound"
            assert refusal(payload.replace(b"1:y1:q", b"1:y1:r")).tid is None, (
                "only queries are answered"
            )
            assert refusal(payload, allow_slow=False).reason == "slow-decode-budget"


def test_the_slow_decoder_reads_a_datagram_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once more for the transaction ID of a query with a number beyond 64 bits."""
    passes: list[bytes] = []
    once = bencode.decode_any_int

    def counted(data: bytes) -> tuple[bencode.Value, bool, int]:
        passes.append(data)
        return once(data)

    monkeypatch.setattr(bencode, "decode_any_int", counted)
    monkeypatch.setattr(bencode, "decode", None)
    for payload in (signed_put(sequence=TOO_WIDE[0]), NOT_CANONICAL):
        with pytest.raises(DecodeError):
            krpc.decode_slowly(payload)
    assert len(passes) == 2


def test_every_reason_has_a_case() -> None:
    hit = {reason for _, reason in DROPPED_IN_SILENCE + ANSWERED_WITH_203} | {
        reason for _, reason, _ in ANSWERED_OTHERWISE
    }
    # Bytes may follow a message, and not what is decoded from it.
    others = {"slow-decode-budget", "value-not-canonical", "trailing-data"}
    assert hit | others == set(decoding.DROP_REASONS)
    assert len(decoding.DROP_REASONS) == len(set(decoding.DROP_REASONS))


@pytest.mark.parametrize(
    "after", [b"\n", b"\0" * 40, b"e", b"1:t4:aaaa1:y1:re", b"i99999999999999999999e"]
)
@pytest.mark.parametrize("engine", bencode.ENGINES, ids=lambda engine: engine.name)
def test_bytes_after_a_message_are_ignored(
    after: bytes, engine: bencode.CodecEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bencode, "decode", engine.decode)
    messages = (
        b"d1:ad2:id" + ID + b"e1:q4:ping" + ENVELOPE,
        b"d1:ad2:id" + ID + b"6:target" + ID + b"e1:q9:find_node1:v4:LT011:y1:q1:t2:aae",
        b"d1:rd2:id" + ID + b"5:token3:abce1:t4:aaaa1:y1:re",
        b"d1:eli201e4:noneee1:t4:aaaa1:y1:ee".replace(b"ee1:t", b"e1:t"),
    )
    for message in messages:
        assert krpc.decode(message + after) == krpc.decode(message)
        assert krpc.decode_slowly(message + after) == (krpc.decode(message), len(after))
        assert refusal(message + after, allow_slow=False).reason == "slow-decode-budget"
    for broken in (b"i1e", b"4:spam", b"le", b"GET / HTTP/1.1"):
        with pytest.raises(DecodeError):
            krpc.decode(broken + after)
