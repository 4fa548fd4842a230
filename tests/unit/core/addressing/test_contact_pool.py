"""The pool of shared objects: equal ones are one object, and its size is bounded."""

from __future__ import annotations

import pytest

from kadisc.core.addressing.contact_pool import GRAIN_S, MAX_CLIENTS, ContactPool, packed_in
from kadisc.endpoints import Family
from kadisc.errors import DecodeError
from kadisc.wire.compact import pack_contact, pack_contacts
from tests.support.contacts import contact


def test_equal_contacts_are_one_object() -> None:
    pool, known = ContactPool(), [contact(number) for number in range(8)]
    named = pool.named(packed_in(pack_contacts(known), Family.IPV4))
    again = pool.named(packed_in(pack_contacts([*known[::-1], known[0]]), Family.IPV4))
    assert [each.contact for each in named] == known
    assert all(a is b for a, b in zip(named, again[::-1], strict=True)), "the same, and each once"
    assert all(pool.pooled(a) is b for a, b in zip(known, named, strict=True))
    assert pool.pooled(known[0]).packed is pool.pooled(known[0]).packed
    assert pool.pooled(known[0]).packed == pack_contact(known[0])


def test_a_length_that_is_not_a_multiple_is_refused() -> None:
    for family, size in ((Family.IPV4, 27), (Family.IPV6, 26)):
        with pytest.raises(DecodeError):
            packed_in(bytes(size), family)


def test_the_pool_is_bounded_and_keeps_contacts_in_use() -> None:
    pool, often = ContactPool(max_contacts=20), contact(0)
    kept = pool.pooled(often)
    for number in range(1, 1000):
        assert pool.pooled(contact(number)).contact == contact(number)
        assert pool.pooled(often) is kept
        assert len(pool) <= 20


def test_client_versions_are_bounded() -> None:
    pool = ContactPool()
    first, again = (b"LT\0%d" % 1 for _ in range(2))
    assert pool.client(first) is pool.client(again)
    assert pool.client(None) is None
    for number in range(10 * MAX_CLIENTS):
        assert pool.client(b"%d" % number) == b"%d" % number
        assert len(pool._clients) <= MAX_CLIENTS


def test_moments_are_rounded_down_by_less_than_the_grain() -> None:
    pool = ContactPool()
    for now in (-7.1, 0.0, 0.3, 1000.0, 1000.2, 5.0, 1e9 + 0.6):
        assert now - GRAIN_S < pool.moment(now) <= now
    assert pool.moment(1000.01) is pool.moment(1000.2)


def test_round_trip_times_are_shared_to_a_tenth_of_a_millisecond() -> None:
    pool = ContactPool()
    assert pool.rtt(0.123449) is pool.rtt(0.123351)
    assert pool.rtt(0.123449) == 0.1234
    for exact in (0.0000123, 3.123456):
        assert pool.rtt(exact) == exact
