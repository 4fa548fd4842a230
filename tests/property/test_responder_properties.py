"""The answers of a full node to any query of any node fit into 1,024 bytes and match the query."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kadisc.config import TableConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.serving.responder import Responder
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Family, Scope, scope_of
from kadisc.wire import krpc
from kadisc.wire.compact import contacts_from
from kadisc.wire.items import Item
from kadisc.wire.messages import (
    AnnouncePeer,
    Error,
    FindNode,
    Get,
    GetPeers,
    Ping,
    Put,
    Query,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)
from tests.support.contacts import OWN_ID, address6, id_in_bucket
from tests.support.serving import responder_over
from tests.support.world import CONFIG, address

ids = st.integers(0, 2**160 - 1)
tids = st.binary(max_size=64) | st.just(bytes(64))
wants = st.none() | st.frozensets(st.sampled_from([b"n4", b"n6"]))
sources = st.integers(0, 3000).map(address) | st.integers(0, 3000).map(address6)
INFO_HASH = 99
SIZES = (1, 300, 700, 995)
ITEMS = [Item(b"%d:%b" % (size, bytes(size))) for size in SIZES] + [
    Item(b"%d:%b" % (size, bytes(size)), bytes(32), b"%d" % size, 2**63 - 1, bytes(64))
    for size in SIZES
]
TARGETS = [item.target for item in ITEMS]


def full_responder(k: int) -> Responder:
    """300 contacts and 300 peers of each family."""
    config = replace(CONFIG, table=TableConfig(k=k))
    policy = AddressPolicy(False)
    tables = {
        family: RoutingTable(family, OWN_ID, config.table, policy, NoDiversityCaps())
        for family in Family
    }
    responder = responder_over(tables, config, policy)
    for number in range(300):
        for endpoint in (address(number), address6(number)):
            contact = Contact(id_in_bucket(number % 7, number), endpoint)
            tables[contact.family].offer(contact, 0)
            responder.peers.add(INFO_HASH + number % 3 // 2, endpoint, 0)
    for item in ITEMS:
        assert responder.items.store.put(item.target, item, address(1), 0) is None
    return responder


FULL = [full_responder(k) for k in (8, 16, 64)]
queries = st.one_of(
    st.builds(Ping, tids, ids),
    st.builds(FindNode, tids, ids, ids, wants),
    st.builds(GetPeers, tids, ids, ids | st.just(INFO_HASH), wants),
    st.builds(GetPeers, tids, ids, st.just(INFO_HASH), wants),
    st.builds(
        AnnouncePeer, tids, ids, ids, st.integers(0, 65535), st.binary(max_size=128), st.booleans()
    ),
    st.builds(
        Get, tids, ids, st.sampled_from(TARGETS) | ids, st.none() | st.integers(0, 2**63 - 1), wants
    ),
    st.builds(
        Put,
        tids,
        ids,
        st.binary(max_size=128),
        st.sampled_from(ITEMS),
        st.none() | st.integers(0, 9),
    ),
    st.builds(SampleInfohashes, tids, ids, ids, wants),
    st.builds(UnknownQuery, tids, ids, st.binary(max_size=64), st.none() | ids, wants),
)


@given(st.sampled_from(FULL), queries, sources)
def test_an_answer_fits_and_matches_its_query(
    responder: Responder, query: Query, source: bytes
) -> None:
    answer = responder.answer(query, source, 1)  # type: ignore[arg-type]
    payload = krpc.encode(answer)
    assert len(payload) <= (1232 if isinstance(query, Get) else 1024)
    assert krpc.decode(payload) == answer
    assert (answer.tid, answer.seen_as) == (query.tid, source)
    if isinstance(answer, Error):
        assert answer.code in (202, 203, 204)
        assert len(payload) < 160 + len(query.tid)
        return
    named = [
        *contacts_from(answer.nodes or b"", Family.IPV4),
        *contacts_from(answer.nodes6 or b"", Family.IPV6),
    ]
    assert all(scope_of(contact.endpoint) is Scope.PUBLIC for contact in named)
    assert all(len(value) == len(source) for value in answer.values or ()), (
        "peers are of the family of the querier (BEP 32)"
    )


@given(st.sampled_from(FULL), tids, wants, sources)
def test_an_answer_with_many_peers_holds_as_many_as_fit(
    responder: Responder, tid: bytes, want: frozenset[bytes] | None, source: bytes
) -> None:
    answer = responder.answer(GetPeers(tid, 1, INFO_HASH, want), source, 1)  # type: ignore[arg-type]
    assert isinstance(answer, Reply)
    a_peer = 8 if len(source) == 6 else 21
    assert len(krpc.encode(answer)) > 1024 - 64 - 160 - a_peer
