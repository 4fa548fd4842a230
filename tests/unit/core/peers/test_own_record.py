"""The node's own record: its bytes, and its sequence."""

from __future__ import annotations

import random
from typing import Any

import pytest

from kadisc.core.contract.identity import Identity
from kadisc.core.peers.own_record import Membership, OwnRecord
from kadisc.endpoints import Family
from kadisc.errors import UsageError
from kadisc.wire import bencode
from kadisc.wire.records import decode_record, record_from
from tests.support.community import TAG, identity
from tests.support.contacts import address6
from tests.support.world import address

WHO, HERE = identity(1), address(1)


def test_a_record_with_all_fields_fits_and_is_decoded() -> None:
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


def own(wall_s: float = 0.0, **options: Any) -> OwnRecord:
    return OwnRecord(Membership(WHO, "testnet", wall_s=wall_s, **options), 50.0)


def test_the_sequence_is_the_wall_clock_or_one_more_than_the_last() -> None:
    record = own(1_700_000_000.0)
    assert record.sequence == 1_700_000_000_000
    assert record.set_endpoints({Family.IPV4: HERE}, 50.0)
    assert record.sequence == 1_700_000_000_001
    assert record.set_services({"eth": 5}, 60.0)
    assert record.sequence == 1_700_000_010_000


def test_no_change_makes_no_new_record() -> None:
    record = own()
    assert record.set_endpoints({Family.IPV4: HERE}, 51.0)
    raw = record.raw
    assert not record.set_endpoints({Family.IPV4: HERE}, 52.0)
    assert not record.set_services({}, 52.0)
    assert record.raw == raw


def test_the_sequence_rises_after_a_clock_set_back_and_after_the_loss_of_the_state() -> None:
    before = own(1_700_000_000.0)
    set_back = own(1_600_000_000.0)
    set_back.continue_after(before.sequence, 51.0)
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


def test_identities_differ() -> None:
    assert Identity.new(random.Random(1)).public_key != Identity.new(random.Random(2)).public_key
