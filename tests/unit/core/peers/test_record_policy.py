"""Peer records: which are refused and for which reason, and which replaces which."""

from __future__ import annotations

from typing import Any

import pytest

from kadisc.core.peers.record_policy import MAX_ELSEWHERE, RecordRules, Refused
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.errors import DecodeError
from kadisc.wire import bencode
from kadisc.wire.records import MAX_RECORD_BYTES, decode_record, record_from
from tests.support.community import TAG, identity, record_fields
from tests.support.contacts import address6
from tests.support.world import address

WHO, HERE = identity(1), address(1)


def refusal(fields: Any) -> str:
    with pytest.raises(DecodeError) as caught:
        record_from(fields)
    return caught.value.reason


# --- How a record is written ----------------------------------------------------------------------


def test_unknown_keys_are_kept_and_signed_over() -> None:
    fields = record_fields(WHO, HERE, extra={b"zz": 5})
    RecordRules(TAG, b"").check(record_from(fields), HERE)
    del fields[b"zz"]
    with pytest.raises(Refused, match="record-signature"):
        RecordRules(TAG, b"").check(record_from(fields), HERE)


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({b"zz": bytes(200)}, "record-oversize"),
        ({b"k": bytes(31)}, "record-malformed"),
        ({b"k": 5}, "record-malformed"),
        ({b"net": bytes(19)}, "record-malformed"),
        ({b"s": -1}, "record-malformed"),
        ({b"s": b"1"}, "record-malformed"),
        ({b"svc": []}, "record-malformed"),
        ({b"svc": {b"eth": 0}}, "record-malformed"),
        ({b"svc": {b"eth": 65536}}, "record-malformed"),
        ({b"svc": {b"eth": [1]}}, "record-malformed"),
        ({b"svc": {b"": 5}}, "record-malformed"),
        ({b"svc": {b"e t": 5}}, "record-malformed"),
        ({b"svc": {"\u00e4".encode(): 5}}, "record-malformed"),
        ({b"svc": {b"x" * 17: 5}}, "record-malformed"),
        ({b"svc": {b"fork": bytes(65)}}, "record-malformed"),
        ({b"via": b"x"}, "record-malformed"),
        ({b"via": [bytes(6)] * 3}, "record-malformed"),
        ({b"via": [bytes(5)]}, "record-malformed"),
        ({b"ip": bytes(3)}, "record-malformed"),
        ({b"p": b"1"}, "record-malformed"),
        ({b"p": 65536}, "record-malformed"),
        ({b"p": 0}, "record-contradictory"),
        ({b"p6": 6881}, "record-contradictory"),
        ({b"ip6": address6(1)[:16]}, "record-contradictory"),
        ({b"ip": bytes((224, 0, 0, 1))}, "record-contradictory"),
        ({b"ip": bytes(4)}, "record-contradictory"),
        ({b"ip6": bytes(16), b"p6": 6881}, "record-contradictory"),
    ],
    ids=str,
)
def test_a_malformed_record_is_refused_with_a_reason(extra: dict[bytes, Any], reason: str) -> None:
    assert refusal(record_fields(WHO, HERE, extra=extra)) == reason


def test_a_record_with_a_missing_field_is_refused() -> None:
    for name in (b"k", b"net", b"s", b"sig"):
        fields = record_fields(WHO, HERE)
        del fields[name]
        assert refusal(fields) == "record-malformed"
    for name in (b"ip", b"p"):
        fields = record_fields(WHO, HERE)
        del fields[name]
        assert refusal(fields) == "record-contradictory"
    assert refusal([]) == "record-malformed"


def test_a_service_has_at_most_64_bytes() -> None:
    """As many as the public key in an enode URL."""
    fields = record_fields(WHO, HERE, services={"enode": bytes(64)})
    assert record_from(fields).services == {"enode": bytes(64)}
    with pytest.raises(ValueError, match="at most 64 bytes"):
        record_fields(WHO, HERE, services={"enode": bytes(65)})
    assert refusal(record_fields(WHO, HERE, extra={b"svc": {b"enode": bytes(65)}})) == (
        "record-malformed"
    )


def test_the_bytes_of_a_record_must_be_canonical_and_short() -> None:
    raw = bencode.encode(record_fields(WHO, HERE))
    assert decode_record(raw).raw == raw
    for damaged, reason in (
        (raw[:-1], "malformed"),
        (b"d1:b1:x1:a1:ye", "malformed"),
        (bytes(MAX_RECORD_BYTES + 1), "oversize"),
    ):
        with pytest.raises(DecodeError) as caught:
            decode_record(damaged)
        assert caught.value.reason == f"record-{reason}"


# --- Which record is accepted ---------------------------------------------------------------------


class Reader:
    """A node's rules, which are given one record after the other."""

    def __init__(self) -> None:
        self.rules = RecordRules(TAG, identity(9).public_key)

    def takes(self, fields: dict[bytes, Any], source: Endpoint = HERE) -> str | None:
        record = self.rules.read(fields)
        try:
            self.rules.check(record, source)
        except Refused as refused:
            return refused.reason
        self.rules.accepted(record)
        return None


def test_the_same_record_is_accepted_repeatedly() -> None:
    reader = Reader()
    assert [reader.takes(record_fields(WHO, HERE, 5)) for _ in range(3)] == [None] * 3
    assert reader.takes(record_fields(WHO, HERE, 6)) is None


def test_forged_records_are_refused() -> None:
    reader = Reader()
    good = record_fields(WHO, HERE)
    assert reader.takes(good | {b"sig": bytes(64)}) == "record-signature"
    assert reader.takes(good | {b"s": 2}) == "record-signature"
    assert reader.takes(good | {b"k": identity(2).public_key}) == "record-signature"
    small_order = bytes(31) + b"\x80"  # one signature would be valid for every message
    assert reader.takes(good | {b"k": small_order, b"sig": bytes(64)}) == "record-signature"


def test_a_record_of_another_network_is_refused_before_its_signature_is_checked() -> None:
    assert (
        Reader().takes(record_fields(WHO, HERE, tag=bytes(20)) | {b"sig": bytes(64)})
        == "record-network"
    )


def test_old_records_are_refused_and_so_are_two_of_one_sequence() -> None:
    reader = Reader()
    assert reader.takes(record_fields(WHO, HERE, 7)) is None
    assert reader.takes(record_fields(WHO, HERE, 6)) == "record-sequence-lower"
    assert reader.takes(record_fields(WHO, HERE, 7, services={"eth": 1})) == "record-sequence-equal"
    assert reader.takes(record_fields(WHO, HERE, 7)) is None


def test_sequences_of_the_last_run_count() -> None:
    reader = Reader()
    reader.rules.remember([(WHO.public_key, 7)])
    assert reader.takes(record_fields(WHO, HERE, 6)) == "record-sequence-lower"
    assert reader.takes(record_fields(WHO, HERE, 7)) is None
    assert reader.takes(record_fields(WHO, HERE, 7, services={"eth": 1})) == "record-sequence-equal"


def test_a_record_from_another_address_is_kept_and_proves_nothing() -> None:
    reader = Reader()
    assert reader.takes(record_fields(WHO, address(2))) == "record-elsewhere"
    assert reader.takes(record_fields(WHO, Endpoint(HERE[:-2] + b"\1\1"))) == "record-elsewhere"
    assert list(reader.rules.elsewhere) == [WHO.public_key]
    for number in range(20, 20 + MAX_ELSEWHERE + 5):
        reader.takes(record_fields(identity(number), address(2)))
    assert len(reader.rules.elsewhere) == MAX_ELSEWHERE
    assert reader.takes(record_fields(identity(300), HERE)) is None


def test_the_own_record_is_not_accepted_from_another_node() -> None:
    assert Reader().takes(record_fields(identity(9), HERE)) == "record-own"


def test_a_record_with_a_private_address_is_valid_and_left_to_the_address_policy() -> None:
    inside = make_endpoint("192.168.1.5", 6881)
    assert Reader().takes(record_fields(WHO, inside), inside) is None
