"""The node's own record: its bytes, and its sequence."""

from __future__ import annotations

import random
from typing import Any

import pytest

from kadisc.core.contract.identity import Identity
from kadisc.core.peers.own_record import Membership, OwnRecord
from kadisc.endpoints import Endpoint, Family
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
        {"fork": bytes(65)},
        {f"name{number}": bytes(32) for number in range(9)},
    ):
        raw = record.raw
        with pytest.raises(UsageError):
            record.set_services(services, 60.0)
        assert (record.raw, record.services) == (raw, {"eth": 5})
    with pytest.raises(UsageError):
        own(services={"eth": 1 << 20})


BOTH = {Family.IPV4: HERE, Family.IPV6: address6(1)}
BOTH_AT_LONG_PORTS = {
    family: Endpoint(endpoint[:-2] + b"\xff\xff") for family, endpoint in BOTH.items()
}


@pytest.mark.parametrize("families", [[Family.IPV4], [Family.IPV6], [*BOTH]])
def test_whatever_services_are_accepted_the_record_holds_them_beside_the_addresses(
    families: list[Family],
) -> None:
    """The addresses are learned later, in the middle of the node's work: an error would end it."""
    accepted = 0
    for length in range(33):
        services = {"a": bytes(32), "name": bytes(length), "port": 65535}
        try:
            record = own(1.8e9, services=services)
        except UsageError:
            continue
        accepted += 1
        record.set_endpoints({family: BOTH_AT_LONG_PORTS[family] for family in families}, 60.0)
        decoded = decode_record(record.raw)
        assert (decoded.services, set(decoded.endpoints)) == (services, set(families))
        assert record.left_out is None
    assert 0 < accepted < 33


def test_the_room_for_services_does_not_depend_on_what_the_node_knows_of_its_address() -> None:
    """Otherwise one configuration would be refused in one network and not in another."""
    knows, knows_nothing = own(1.8e9), own(1.8e9)
    knows.set_endpoints(BOTH, 51.0)
    for record in (knows, knows_nothing):
        record.set_services({"a": bytes(32), "bbbbb": bytes(32)}, 60.0)
        with pytest.raises(UsageError, match="take 88 bytes of the record, and 87 are free"):
            record.set_services({"a": bytes(32), "bbbbbb": bytes(32)}, 60.0)


def test_a_record_that_is_too_long_all_the_same_lacks_an_address_or_the_services() -> None:
    """The sequence of an earlier run has more digits than the wall clock."""
    services = {"a": bytes(32), "bbbbb": bytes(32)}
    record = own(1.8e9, services=services)
    record.set_endpoints(BOTH_AT_LONG_PORTS, 51.0)
    assert (len(record.raw), record.left_out) == (300, None)
    record.continue_after(10**18, 52.0)
    assert (record.sequence, record.left_out) == (10**18 + 1, "address")
    decoded = decode_record(record.raw)
    assert decoded.services == services
    assert set(decoded.endpoints) == {Family.IPV4}
    with pytest.raises(UsageError, match="81 are free"):
        record.set_services(services | {"d": 1}, 53.0)
    # As if such services had been accepted: nothing is raised, whatever they are.
    record.services = {f"name{number}": bytes(32) for number in range(9)}
    for endpoints in ({Family.IPV6: address6(2)}, BOTH, {}):
        assert record.set_endpoints(endpoints, 54.0)
        decoded = decode_record(record.raw)
        assert (decoded.endpoints, decoded.services) == (endpoints, {})
        assert record.left_out == "services"
    record.services = services
    record.set_endpoints({Family.IPV4: HERE}, 55.0)
    assert (decode_record(record.raw).services, record.left_out) == (services, None)


def test_identities_differ() -> None:
    assert Identity.new(random.Random(1)).public_key != Identity.new(random.Random(2)).public_key
