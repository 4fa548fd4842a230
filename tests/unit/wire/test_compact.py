"""Contacts in compact form (BEP 5, BEP 32)."""

from __future__ import annotations

import pytest

from kadisc.contacts import Contact
from kadisc.endpoints import Endpoint, Family, parse_endpoint
from kadisc.errors import DecodeError
from kadisc.wire import compact

A = Contact(int.from_bytes(b"abcdefghij0123456789", "big"), parse_endpoint("45.1.2.3:6881"))
B = Contact(1, parse_endpoint("203.0.114.9:1"))
A6 = Contact(A.id, parse_endpoint("[2a00:beef::1]:6881"))


def test_a_contact_is_its_id_and_its_endpoint() -> None:
    assert compact.pack_contact(A) == b"abcdefghij0123456789" + b"\x2d\1\2\3\x1a\xe1"
    assert (
        compact.pack_contact(A6)
        == b"abcdefghij0123456789" + b"\x2a\0\xbe\xef" + bytes(11) + b"\1" + b"\x1a\xe1"
    )
    assert compact.pack_contacts([A, B]) == compact.pack_contact(A) + compact.pack_contact(B)
    assert compact.pack_contacts([]) == b""


def test_unpacked_contacts_keep_their_order() -> None:
    assert compact.contacts_from(compact.pack_contacts([A, B, A]), Family.IPV4) == [A, B, A]
    assert compact.contacts_from(compact.pack_contacts([A6]), Family.IPV6) == [A6]
    assert compact.contacts_from(b"", Family.IPV4) == compact.contacts_from(b"", Family.IPV6) == []


def test_unpacking_does_not_check_addresses() -> None:
    [contact] = compact.contacts_from(bytes(26), Family.IPV4)
    assert contact == Contact(0, Endpoint(bytes(6)))


@pytest.mark.parametrize(
    ("size", "family"),
    [(25, Family.IPV4), (27, Family.IPV4), (38, Family.IPV4), (26, Family.IPV6), (1, Family.IPV6)],
)
def test_an_incomplete_contact_refuses_all(size: int, family: Family) -> None:
    with pytest.raises(DecodeError) as caught:
        compact.contacts_from(bytes(size), family)
    assert caught.value.reason == "bad-nodes"


def test_an_endpoint_has_6_or_18_bytes_and_a_port() -> None:
    assert compact.endpoint_from(bytes(A.endpoint)) == A.endpoint
    assert compact.endpoint_from(bytes(A6.endpoint)) == A6.endpoint
    for bad in (b"", bytes(6), bytes(18), bytes(5) + b"\1\1", 6, None, [A.endpoint], {}, "abcdef"):
        assert compact.endpoint_from(bad) is None
