"""The routing table compared with brute force: every decision, and the invariants after each
of them.
"""

from __future__ import annotations

from collections import Counter
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from kadisc.config import TableConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.table.bucket import Entry
from kadisc.core.table.diversity import DiversityCaps
from kadisc.core.table.offer import Decision, Offer
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import (
    Endpoint,
    Family,
    Scope,
    host_prefix,
    make_endpoint,
    netgroup_prefix,
    subnet_prefix,
)
from tests.support.contacts import OWN_ID, id_in_bucket

CONFIG = TableConfig(
    k=3, bucket_sizes=(5, 3, 2), replacements_per_bucket=2, per_netgroup_in_table=3
)
POLICY = AddressPolicy(False)
Op: TypeAlias = tuple[str, int, int, float]


def hosts(family: Family) -> list[Endpoint]:
    """Endpoints in few networks, so that caps apply: three /16s of three /24s of two hosts, and
    some that are not public.
    """
    if family is Family.IPV4:
        public = [f"{a}.1.{b}.{c}" for a in (50, 60, 70) for b in (1, 2, 3) for c in (1, 2)]
        return [
            make_endpoint(host, port)
            for host in (*public, "10.0.0.1", "127.0.0.1")
            for port in (1, 2)
        ]
    public = [f"2a0{a}:1:{b}:{c}::1" for a in (1, 2, 3) for b in (1, 2, 3) for c in (1, 2)]
    return [make_endpoint(host, port) for host in (*public, "fd00::1", "::1") for port in (1, 2)]


IDS = [OWN_ID, *(id_in_bucket(index, number) for index in range(4) for number in range(6))]
ops = st.lists(
    st.tuples(
        st.sampled_from(["offer"] * 6 + ["confirm", "fail", "fail", "remove", "check"]),
        st.integers(0, len(IDS) - 1),
        st.integers(0, 39),
        st.sampled_from([0.0, 1.0, 15.0]),
    ),
    max_size=120,
)


def table_for(family: Family, *, challenge: bool) -> RoutingTable:
    return RoutingTable(
        family,
        OWN_ID,
        CONFIG,
        POLICY,
        DiversityCaps(CONFIG, POLICY),
        challenge_incumbents=challenge,
    )


def is_public(endpoint: Endpoint) -> bool:
    return POLICY.of(endpoint) is Scope.PUBLIC


def expected(
    table: RoutingTable, contact: Contact, *, challenge: bool
) -> tuple[Decision, Entry | None, str]:
    """The decision on a contact whose endpoint is free, from a plain list of all entries."""
    entries = list(table)
    index = table.bucket_index(contact.id)
    if contact.id == OWN_ID:
        return Decision.REFUSED, None, "own-id"
    same_id = [entry for entry in entries if entry.id == contact.id]
    if same_id and challenge:
        return (
            (Decision.REPLACEMENT, None, "")
            if same_id[0].checking
            else (Decision.CHALLENGE, same_id[0], "")
        )
    in_bucket_now = [entry for entry in entries if entry.bucket == index]
    netgroup = 0
    if is_public(contact.endpoint):
        public = [entry for entry in entries if is_public(entry.contact.endpoint)]
        subnet = [
            entry
            for entry in public
            if subnet_prefix(entry.contact.endpoint) == subnet_prefix(contact.endpoint)
        ]
        netgroup = sum(
            netgroup_prefix(entry.contact.endpoint) == netgroup_prefix(contact.endpoint)
            for entry in public
        )
        if any(
            host_prefix(entry.contact.endpoint) == host_prefix(contact.endpoint) for entry in public
        ):
            return Decision.REFUSED, None, "cap-host"
        if any(entry.bucket == index for entry in subnet):
            return Decision.REFUSED, None, "cap-subnet-bucket"
        if len(subnet) >= CONFIG.per_subnet_in_table:
            return Decision.REFUSED, None, "cap-subnet-table"
    if len(in_bucket_now) < table.capacity(index) or not challenge:
        return Decision.ADDED, None, ""
    if netgroup >= CONFIG.per_netgroup_in_table:
        return Decision.REFUSED, None, "cap-netgroup"
    public_ones = [entry for entry in entries if is_public(entry.contact.endpoint)]
    netgroups = Counter(netgroup_prefix(entry.contact.endpoint) for entry in public_ones)
    if any(
        netgroups[netgroup_prefix(entry.contact.endpoint)] > CONFIG.per_netgroup_in_table
        for entry in in_bucket_now
        if entry in public_ones
    ):
        return Decision.ADDED, None, ""
    doubtful = in_bucket_now[0]
    return (
        (Decision.REPLACEMENT, None, "")
        if doubtful.checking
        else (Decision.CHALLENGE, doubtful, "")
    )


def check(table: RoutingTable) -> None:
    """The invariants of a table."""
    entries = list(table)
    assert len(table) == len(entries) == len({entry.id for entry in entries})
    for entry in entries:
        assert table.at(entry.contact.endpoint) is entry
        assert table.get(entry.id) is entry
    for bucket in table.buckets():
        assert len(bucket.entries) <= table.capacity(bucket.index)
        assert len(bucket.replacements) <= CONFIG.replacements_per_bucket
        assert all(
            table.bucket_index(entry.id) == bucket.index
            for entry in (*bucket.entries, *bucket.replacements.values())
        )
        times = [entry.verified_at for entry in bucket.entries]
        assert times == sorted(times), "least recently verified first"
    public = [entry.contact.endpoint for entry in entries if is_public(entry.contact.endpoint)]
    assert max(Counter(map(host_prefix, public)).values(), default=0) <= CONFIG.per_host
    assert (
        max(Counter(map(subnet_prefix, public)).values(), default=0) <= CONFIG.per_subnet_in_table
    )
    in_bucket = Counter(
        (subnet_prefix(entry.contact.endpoint), entry.bucket)
        for entry in entries
        if is_public(entry.contact.endpoint)
    )
    assert max(in_bucket.values(), default=0) <= CONFIG.per_subnet_in_bucket


def offer(table: RoutingTable, contact: Contact, now: float, *, challenge: bool) -> None:
    before = {entry.contact: entry for entry in table}
    wanted = table.wants(contact)
    incumbent = table.at(contact.endpoint)
    if incumbent is None:
        decision, entry, reason = expected(table, contact, challenge=challenge)
        index = table.bucket_index(contact.id)
        moves = any(each.id == contact.id for each in table)
        must_go = moves or sum(each.bucket == index for each in table) >= table.capacity(index)
        got = table.offer(contact, now)
        assert (got.decision, got.reason) == (decision, reason)
        assert entry is None or got.entry is entry
        assert bool(got.evicted) == (decision is Decision.ADDED and must_go), (
            "only plain Kademlia evicts, and whoever is surplus gives way"
        )
        assert not wanted or decision is not Decision.REFUSED, "no useless check is wanted"
    elif incumbent.id == contact.id:
        assert table.offer(contact, now) == Offer(Decision.KNOWN, incumbent)
        assert not wanted
        return
    else:
        believed = table.contradicted_by(contact.endpoint) == contact.id and not incumbent.checking
        got = table.offer(contact, now)
        assert (incumbent in got.evicted) == believed
        if not believed:
            assert got == Offer(Decision.CONTRADICTED, incumbent)
    after = {entry.contact: entry for entry in table}
    gone = {entry.contact for entry in got.evicted}
    come = {contact} if got.decision is Decision.ADDED else set()
    assert set(after) == set(before) - gone | come, (
        "no other contact is added or removed, and no ID moves"
    )


def play(
    table: RoutingTable, endpoints: list[Endpoint], commands: list[Op], *, challenge: bool
) -> None:
    now = 0.0
    for kind, which_id, which_endpoint, wait in commands:
        now += wait
        entries = list(table)
        if kind == "offer":
            offer(
                table, Contact(IDS[which_id], endpoints[which_endpoint]), now, challenge=challenge
            )
        elif entries:
            entry = entries[which_id % len(entries)]
            if kind == "confirm":
                assert table.confirm(entry.contact, now) is entry
                assert [each for each in table if each.bucket == entry.bucket][-1] is entry
            elif kind == "check":
                entry.checking = not entry.checking
            else:
                leave(table, entry, now, by_failure=kind == "fail")
        check(table)


def leave(table: RoutingTable, entry: Entry, now: float, *, by_failure: bool) -> None:
    size = len(table)
    failures = entry.failures
    if not by_failure:
        removal = table.remove(entry)
    else:
        spaced = now >= entry.failed_at + 10
        found = table.fail(entry, now, spacing_s=10, failures_to_evict=2)
        assert entry.failures == failures + spaced
        assert (found is not None) == (entry.failures == 2)
        if found is None:
            assert len(table) == size
            return
        removal = found
    assert removal.entry is entry
    assert table.at(entry.contact.endpoint) is not entry
    assert len(table) == size - 1 + (removal.promoted is not None)
    if removal.promoted:
        assert removal.promoted.bucket == entry.bucket


@given(st.sampled_from(Family), st.booleans(), ops)
def test_every_decision_is_that_of_brute_force(
    family: Family, challenge: bool, commands: list[Op]
) -> None:
    play(table_for(family, challenge=challenge), hosts(family), commands, challenge=challenge)


@given(
    st.lists(
        st.tuples(st.sampled_from(IDS[1:]), st.integers(0, 39), st.booleans(), st.booleans()),
        max_size=40,
    ),
    st.integers(0, 2**160 - 1) | st.sampled_from(IDS),
    st.integers(1, 12),
    st.none() | st.sampled_from([Scope.PUBLIC, Scope.PRIVATE, Scope.LOOPBACK]),
)
def test_the_closest_contacts_are_those_that_sorting_gives(
    offers: list[tuple[int, int, bool, bool]], target: int, count: int, scope: Scope | None
) -> None:
    table = table_for(Family.IPV4, challenge=True)
    endpoints = hosts(Family.IPV4)
    for node_id, which, inbound, failed in offers:
        entry = table.offer(Contact(node_id, endpoints[which]), 0, inbound=inbound).entry
        if entry and failed:
            entry.failures = 1
    fit = [
        entry
        for entry in table
        if scope is None or POLICY.of(entry.contact.endpoint) in (Scope.PUBLIC, scope)
    ]
    good = [entry for entry in fit if entry.returnable]
    chosen = good if len(good) >= count else fit
    assert (
        table.closest(target, count, scope)
        == sorted(chosen, key=lambda entry: entry.id ^ target)[:count]
    )
