"""Peer records: what fits, what is refused and by which name, which replaces which, and our own."""

from __future__ import annotations

import random
from typing import Any

import pytest

from kadisc.core.contract.identity import Identity
from kadisc.core.peers.own_record import Membership, OwnRecord
from kadisc.core.peers.record_policy import MAX_ELSEWHERE, RecordRules, Refused
from kadisc.endpoints import Endpoint, Family, make_endpoint
from kadisc.errors import DecodeError, UsageError
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


# --- As it is written -----------------------------------------------------------------------------


def test_a_full_record_fits_and_comes_back() -> None:
    own = OwnRecord(
        Membership(WHO, "testnet", {"eth": 30303, "fork": b"\xab\xcd\xef\x01"}, wall_s=1.8e9), 0.0
    )
    own.set_endpoints({Family.IPV4: HERE, Family.IPV6: address6(1)}, 1.0)
    assert len(own.raw) <= 250
    record = decode_record(own.raw)
    assert record == record_from(own.fields)
    assert (record.key, record.network, record.sequence) == (WHO.public_key, TAG, 1_800_000_001_000)
    assert record.endpoints == {Family.IPV4: HERE, Family.IPV6: address6(1)}
    assert record.services == {"eth": 30303, "fork": b"\xab\xcd\xef\x01"}
    assert record.raw == own.raw == bencode.encode(own.fields)


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
        ({b"svc": {b"fork": bytes(33)}}, "record-malformed"),
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
def test_what_is_no_record_is_refused_by_name(extra: dict[bytes, Any], reason: str) -> None:
    assert refusal(record_fields(WHO, HERE, extra=extra)) == reason


def test_what_is_missing_is_too() -> None:
    for name in (b"k", b"net", b"s", b"sig"):
        fields = record_fields(WHO, HERE)
        del fields[name]
        assert refusal(fields) == "record-malformed"
    for name in (b"ip", b"p"):
        fields = record_fields(WHO, HERE)
        del fields[name]
        assert refusal(fields) == "record-contradictory"
    assert refusal([]) == "record-malformed"


def test_bytes_must_be_canonical_and_short() -> None:
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


# --- Which is believed ----------------------------------------------------------------------------


class Reader:
    """Rules of a node that is asked to believe one record after the other."""

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


def test_a_record_is_taken_again_and_again() -> None:
    reader = Reader()
    assert [reader.takes(record_fields(WHO, HERE, 5)) for _ in range(3)] == [None] * 3
    assert reader.takes(record_fields(WHO, HERE, 6)) is None


def test_forged_records_are_refused() -> None:
    reader = Reader()
    good = record_fields(WHO, HERE)
    assert reader.takes(good | {b"sig": bytes(64)}) == "record-signature"
    assert reader.takes(good | {b"s": 2}) == "record-signature"
    assert reader.takes(good | {b"k": identity(2).public_key}) == "record-signature"
    small_order = bytes(31) + b"\x80"  # one signature would do for every message
    assert reader.takes(good | {b"k": small_order, b"sig": bytes(64)}) == "record-signature"


def test_those_of_another_network_are_refused_before_their_signature_is_looked_at() -> None:
    assert (
        Reader().takes(record_fields(WHO, HERE, tag=bytes(20)) | {b"sig": bytes(64)})
        == "record-network"
    )


def test_old_ones_are_refused_and_so_are_two_of_one_sequence() -> None:
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


def test_a_record_from_elsewhere_is_kept_and_proves_nothing() -> None:
    reader = Reader()
    assert reader.takes(record_fields(WHO, address(2))) == "record-elsewhere"
    assert reader.takes(record_fields(WHO, Endpoint(HERE[:-2] + b"\1\1"))) == "record-elsewhere"
    assert list(reader.rules.elsewhere) == [WHO.public_key]
    for number in range(20, 20 + MAX_ELSEWHERE + 5):
        reader.takes(record_fields(identity(number), address(2)))
    assert len(reader.rules.elsewhere) == MAX_ELSEWHERE
    assert reader.takes(record_fields(identity(300), HERE)) is None


def test_our_own_is_nobody_elses() -> None:
    assert Reader().takes(record_fields(identity(9), HERE)) == "record-own"


# --- Our own --------------------------------------------------------------------------------------


def own(wall_s: float = 0.0, **options: Any) -> OwnRecord:
    return OwnRecord(Membership(WHO, "testnet", wall_s=wall_s, **options), 50.0)


def test_the_sequence_is_the_wall_clock_or_one_more_than_the_last() -> None:
    record = own(1_700_000_000.0)
    assert record.sequence == 1_700_000_000_000
    assert record.set_endpoints({Family.IPV4: HERE}, 50.0)
    assert record.sequence == 1_700_000_000_001
    assert record.set_services({"eth": 5}, 60.0)
    assert record.sequence == 1_700_000_010_000


def test_nothing_new_makes_no_new_record() -> None:
    record = own()
    assert record.set_endpoints({Family.IPV4: HERE}, 51.0)
    raw = record.raw
    assert not record.set_endpoints({Family.IPV4: HERE}, 52.0)
    assert not record.set_services({}, 52.0)
    assert record.raw == raw


def test_it_survives_a_clock_that_was_set_back_and_the_loss_of_the_state() -> None:
    before = own(1_700_000_000.0)
    set_back = own(1_600_000_000.0)
    set_back.outlive(before.sequence, 51.0)
    assert set_back.sequence == before.sequence + 1
    without_state = own(1_700_000_100.0)
    assert without_state.sequence > before.sequence + 1


def test_services_that_no_record_can_hold_are_a_usage_error_and_change_nothing() -> None:
    record = own(services={"eth": 5})
    for services in (
        {"eth": 0},
        {"": 5},
        {"e-t": 5},
        {"fork": bytes(33)},
        {f"name{number}": bytes(32) for number in range(9)},
    ):
        raw = record.raw
        with pytest.raises(UsageError):
            record.set_services(services, 60.0)
        assert (record.raw, record.services) == (raw, {"eth": 5})
    with pytest.raises(UsageError):
        own(services={"eth": 1 << 20})


def test_a_private_address_is_sound_and_left_to_the_scopes() -> None:
    inside = make_endpoint("192.168.1.5", 6881)
    assert Reader().takes(record_fields(WHO, inside), inside) is None


def test_identities_differ() -> None:
    assert Identity.new(random.Random(1)).public_key != Identity.new(random.Random(2)).public_key
