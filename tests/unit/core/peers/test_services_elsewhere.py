"""A service at another host than the node: in the subnet that answered it counts, elsewhere it does
not, whatever the record says.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kadisc.config import CoreConfig
from kadisc.core.book.persistence import entry_of
from kadisc.core.contract.identity import is_signed_by
from kadisc.core.contract.saved_state import SavedPeer
from kadisc.core.contract.service_filter import ServiceFilter
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.own_record import Membership, OwnRecord
from kadisc.endpoints import Endpoint, Family, make_endpoint, parse_endpoint
from kadisc.errors import DecodeError
from kadisc.observe.book_lines import format_peer, parse_peer
from kadisc.observe.peer_document import peer_document
from kadisc.service_values import ServiceAddress
from kadisc.wire.records import decode_record, record_from
from tests.support.community import (
    identity,
    introduce,
    member,
    peer_network,
    record_fields,
    refused,
    stranger,
)
from tests.support.earlier_versions import FLAT, EarlierVersion
from tests.support.world import CONFIG, World, address, without

ON_OFF = pytest.mark.parametrize("defended", [True, False])
WIRE = Path(__file__).parents[4] / "docs" / "reference" / "wire.md"
HERE, WHO = address(2), identity(7)
NEIGHBOUR = ServiceAddress(Endpoint(HERE[:3] + b"\x63" + (9333).to_bytes(2, "big")))
"""In the /24 of `HERE`."""
FOREIGN = ServiceAddress(address(9))


def seen_with(place: ServiceAddress, config: CoreConfig) -> tuple[VerifiedPeer, dict[str, int]]:
    """What a node takes a peer for whose record has a service there; and its refusals."""
    world = World()
    us = member(world, 1, config=config)
    services = {"p2p": place, "eth": 30303}
    stranger(world, 2, record=record_fields(WHO, HERE, services=services), signs_as=WHO)
    introduce(world, us, HERE)
    [peer] = peer_network(us).verified()
    return peer, refused(us)


@ON_OFF
def test_a_record_aims_nobody_at_a_foreign_subnet(defended: bool) -> None:
    config = CONFIG if defended else without("record_rules")
    peer, refusals = seen_with(FOREIGN, config)
    addresses = peer_document(peer).addresses
    assert (addresses.get("p2p") == str(FOREIGN)) is not defended
    assert ServiceFilter({"p2p": None}).fits(peer.services) is not defended
    assert addresses["eth"].startswith(peer.host)
    assert (refusals.get("record-service-elsewhere", 0) > 0) is defended


@ON_OFF
def test_a_service_in_the_subnet_that_answered_counts(defended: bool) -> None:
    peer, refusals = seen_with(NEIGHBOUR, CONFIG if defended else without("record_rules"))
    document = peer_document(peer)
    assert document.addresses["p2p"] == document.services["p2p"] == str(NEIGHBOUR)
    for value, fits in ((None, True), (9333, True), (9334, False)):
        assert ServiceFilter({"p2p": value}).fits(peer.services) is fits
    assert "record-service-elsewhere" not in refusals


def test_neither_another_family_nor_another_48_is_near() -> None:
    six = parse_endpoint("[2001:470:1:2::3]:7001")
    for text, is_near in (
        ("[2001:470:1:ffff::9]:9333", True),
        ("[2001:470:2::9]:9333", False),
        ("45.2.3.4:9333", False),
    ):
        assert ServiceAddress.parse(text).is_near(six) is is_near


def test_it_is_saved_and_one_that_was_planted_is_refused() -> None:
    for place, reason in ((NEIGHBOUR, None), (FOREIGN, "saved-peer")):
        peer = VerifiedPeer(WHO.public_key, HERE, 1, None, 1, {"p2p": place})
        saved = SavedPeer(HERE, "walk", False, 1.0, 1.0, 1, 0, peer, 1.0, 1.0, None)
        again = parse_peer(format_peer(saved))
        assert again.peer is not None
        assert again.peer.services == {"p2p": place}
        entry = entry_of(again, 100.0)
        assert entry == reason if reason else not isinstance(entry, str)


def test_the_own_record_lacks_what_no_other_node_would_believe() -> None:
    services = {"p2p": FOREIGN, "rpc": NEIGHBOUR}
    own = OwnRecord(Membership(WHO, services=services), 0.0)
    assert decode_record(own.raw).services == services
    own.set_endpoints({Family.IPV4: HERE}, 1.0)
    assert decode_record(own.raw).services == {"rpc": NEIGHBOUR}
    assert own.left_out == "service-elsewhere"
    near_it = Endpoint(FOREIGN.endpoint[:3] + b"\x01\x1b\x59")
    own.set_endpoints({Family.IPV4: near_it}, 2.0)
    assert decode_record(own.raw).services == {"p2p": FOREIGN}


def test_malformed_and_contradictory_addresses_are_refused() -> None:
    good = {b"p2p": NEIGHBOUR.endpoint}
    for at, reason in (
        ([], "malformed"),
        ({b"p2p": 9333}, "malformed"),
        ({b"p2p": bytes(7)}, "malformed"),
        ({b"a b": NEIGHBOUR.endpoint}, "malformed"),
        ({b"p2p": bytes(6)}, "malformed"),
        (good | {b"eth": NEIGHBOUR.endpoint}, "contradictory"),
    ):
        fields = record_fields(WHO, HERE, services={"eth": 30303}, extra={b"at": at})
        with pytest.raises(DecodeError) as caught:
            record_from(fields)
        assert caught.value.reason == f"record-{reason}", at


def test_the_record_of_the_reference_is_read_as_it_says() -> None:
    """The vector of docs/reference/wire.md, which is made here as well."""
    [text] = re.findall(r"^64323a6174[0-9a-f]+$", WIRE.read_text(), re.MULTILINE)
    place = ServiceAddress(make_endpoint("45.2.3.99", 9333))
    here = make_endpoint("45.2.3.7", 7001)
    fields = record_fields(WHO, here, 1796036964887, services={"p2p": place, "eth": 30303})
    record = decode_record(bytes.fromhex(text))
    assert record.raw == record_from(fields).raw
    assert record.services == {"p2p": place, "eth": 30303}
    assert is_signed_by(record.key, record.signed, record.signature)


def test_the_first_version_keeps_the_key_and_sees_no_such_service(tmp_path: Path) -> None:
    """So it gives nobody a wrong address, and passes the record on unharmed."""
    old = EarlierVersion(FLAT, tmp_path).module("wire.records")
    fields = record_fields(WHO, HERE, services={"p2p": NEIGHBOUR, "eth": 30303})
    seen, ours = old.record_from(fields), record_from(fields)
    assert seen.services == {"eth": 30303}
    assert (seen.raw, seen.signed, seen.signature) == (ours.raw, ours.signed, ours.signature)
