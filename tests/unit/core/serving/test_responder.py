"""Answers to queries (BEP 5, 32, 42): what is asked for, never more than k contacts a family and
1,024 bytes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from kadisc.config import CoreConfig, TableConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.assembly import responder_over
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.contract.counters import Counters
from kadisc.core.serving.responder import Responder
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Endpoint, Family, make_endpoint
from kadisc.wire import krpc
from kadisc.wire.compact import contacts_from
from kadisc.wire.error_codes import METHOD_UNKNOWN, PROTOCOL
from kadisc.wire.messages import (
    AnnouncePeer,
    Error,
    FindNode,
    Get,
    GetPeers,
    Ping,
    Query,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)
from tests.support.contacts import OWN_ID, address6, contact, id_in_bucket
from tests.support.world import CONFIG, address, without

ASKER, ASKER6 = address(9999), address6(9999)
V4 = [contact(number) for number in range(20)]
V6 = [Contact(id_in_bucket(0, number), address6(number)) for number in range(20)]
TARGET = V4[0].id
N4, N6 = b"n4", b"n6"


def responder(
    contacts: Sequence[Contact] = (*V4, *V6),
    config: CoreConfig = CONFIG,
    *,
    families: Sequence[Family] = tuple(Family),
    allow_private: bool = False,
) -> Responder:
    scopes = AddressPolicy(allow_private)
    tables = {
        family: RoutingTable(family, OWN_ID + number, config.table, scopes, NoDiversityCaps())
        for number, family in enumerate(families)
    }
    for each in contacts:
        if each.family in tables:
            tables[each.family].offer(each, 0)
    return responder_over(tables, config, random.Random(1), scopes, Counters(), 0)


def reply_to(
    query: Query, source: Endpoint = ASKER, us: Responder | None = None, now: float = 0
) -> Reply:
    answer = (us or responder()).answer(query, source, now)
    assert isinstance(answer, Reply)
    return answer


def error_to(
    query: Query, source: Endpoint = ASKER, us: Responder | None = None, now: float = 0
) -> Error:
    answer = (us or responder()).answer(query, source, now)
    assert isinstance(answer, Error)
    return answer


def find(want: set[bytes] | None = None) -> FindNode:
    return FindNode(b"tt", 5, TARGET, None if want is None else frozenset(want))


# --- Who we are -----------------------------------------------------------------------------------


def test_a_ping_is_answered_with_our_id_of_that_family_and_the_askers_own_address() -> None:
    reply = reply_to(Ping(b"tt", 5))
    assert (reply.tid, reply.sender, reply.seen_as, reply.nodes, reply.token) == (
        b"tt",
        OWN_ID,
        ASKER,
        None,
        None,
    )
    assert reply.version is not None
    assert reply.version.startswith(b"KD")
    assert reply_to(Ping(b"tt", 5), ASKER6).sender == OWN_ID + 1


# --- Contacts -------------------------------------------------------------------------------------


def test_find_node_is_answered_with_the_k_closest() -> None:
    reply = reply_to(find())
    assert reply.nodes is not None
    assert (
        contacts_from(reply.nodes, Family.IPV4) == sorted(V4, key=lambda each: each.id ^ TARGET)[:8]
    )
    assert reply.nodes6 is None


@pytest.mark.parametrize(
    ("source", "want", "v4", "v6"),
    [
        (ASKER, None, True, False),
        (ASKER6, None, False, True),
        (ASKER, {N4, N6}, True, True),
        (ASKER6, {N4, N6}, True, True),
        (ASKER, {N6}, False, True),
        (ASKER6, {N4}, True, False),
        (ASKER, set(), True, False),  # only words that we do not know
    ],
)
def test_want_decides_whose_contacts_are_sent(
    source: Endpoint, want: set[bytes] | None, v4: bool, v6: bool
) -> None:
    wanted = find(want).want
    queries = (
        find(want),
        GetPeers(b"tt", 5, TARGET, wanted),
        Get(b"tt", 5, TARGET, None, wanted),
        SampleInfohashes(b"tt", 5, TARGET, wanted),
        UnknownQuery(b"tt", 5, b"find_value", TARGET, wanted),
    )
    for query in queries:
        reply = reply_to(query, source)
        assert (len(reply.nodes or b""), len(reply.nodes6 or b"")) == (8 * 26 * v4, 8 * 38 * v6)


def test_a_family_that_we_do_not_speak_is_left_out() -> None:
    reply = reply_to(find({N4, N6}), us=responder(families=[Family.IPV4]))
    assert (len(reply.nodes or b""), reply.nodes6) == (8 * 26, None)


def test_an_empty_table_says_so_with_an_empty_list() -> None:
    assert reply_to(find(), us=responder([])).nodes == b""


def test_private_contacts_are_never_handed_to_public_askers() -> None:
    lan, other = (
        Contact(id_in_bucket(0, 1), make_endpoint("192.168.1.9", 1)),
        make_endpoint("10.1.1.1", 1),
    )
    lan6, other6 = (
        Contact(id_in_bucket(0, 1), make_endpoint("fd00::9", 1)),
        make_endpoint("fd00::1", 1),
    )
    us = responder([V4[0], lan, V6[0], lan6])
    both = find({N4, N6})

    def handed(source: Endpoint, us: Responder = us) -> list[int]:
        reply = reply_to(both, source, us)
        return [len(reply.nodes or b"") // 26, len(reply.nodes6 or b"") // 38]

    assert (handed(ASKER), handed(ASKER6)) == ([1, 1], [1, 1])
    assert handed(other) == [2, 1], "an address of one family proves nothing about the other"
    assert handed(other6) == [1, 2]
    assert handed(make_endpoint("127.0.0.1", 1)) == [1, 1]
    assert handed(ASKER, responder([V4[0], lan], allow_private=True)) == [2, 0]


def test_without_bounded_answers_the_whole_table_is_sent() -> None:
    """Trap 5, and what the defence is measured against."""
    reply = reply_to(find(), us=responder(config=without("bounded_answers")))
    assert len(reply.nodes or b"") == 20 * 26


@pytest.mark.parametrize("k", [8, 20, 100])
def test_whatever_k_is_an_answer_has_at_most_1024_bytes(k: int) -> None:
    config = replace(CONFIG, table=TableConfig(k=k))
    contacts = [contact(number) for number in range(100)] + [
        Contact(id_in_bucket(0, number), address6(number)) for number in range(100)
    ]
    us = responder(contacts, config)
    for source in (ASKER, ASKER6):
        for want in ({N4}, {N6}, {N4, N6}):
            reply = reply_to(FindNode(bytes(64), 5, TARGET, frozenset(want)), source, us)
            assert len(krpc.encode(reply)) <= 1024
            assert len(reply.nodes or b"") + len(reply.nodes6 or b"") >= 8 * 26 * len(want)


# --- Methods that we do not know ------------------------------------------------------------------


def test_an_unknown_method_with_a_target_is_answered_as_find_node() -> None:
    assert reply_to(UnknownQuery(b"tt", 5, b"find_value", TARGET)).nodes == reply_to(find()).nodes


def test_an_unknown_method_without_a_target_is_error_204() -> None:
    error = error_to(UnknownQuery(b"tt", 5, b"dance", None))
    assert (error.tid, error.code, error.seen_as) == (b"tt", METHOD_UNKNOWN, ASKER)


def test_the_sender_of_a_malformed_query_is_told_what_was_wrong() -> None:
    error = responder().malformed(b"tt", 203, "bad id", ASKER)
    assert (error.tid, error.code, error.text, error.seen_as) == (b"tt", 203, "bad id", ASKER)


# --- Peers ----------------------------------------------------------------------------------------


def announce(
    token: bytes, *, info_hash: int = TARGET, port: int = 4000, implied: bool = False
) -> AnnouncePeer:
    return AnnouncePeer(b"tt", 5, info_hash, port, token, implied)


def token_for(source: Endpoint, us: Responder, info_hash: int = TARGET) -> bytes:
    token = reply_to(GetPeers(b"tt", 5, info_hash), source, us).token
    assert token is not None
    return token


def test_who_asks_for_peers_may_announce_and_is_found() -> None:
    us = responder()
    assert reply_to(GetPeers(b"tt", 5, TARGET), us=us).values is None
    reply_to(announce(token_for(ASKER, us)), us=us)
    reply = reply_to(GetPeers(b"tt", 5, TARGET), address(5), us)
    assert reply.values == [address(9999, port=4000)]
    assert len(reply.nodes or b"") == 8 * 26, "contacts as well"
    assert reply_to(GetPeers(b"tt", 5, TARGET), ASKER6, us).values is None
    assert reply_to(GetPeers(b"tt", 5, TARGET + 1), us=us).values is None


@pytest.mark.parametrize("port", [0, 4000])
def test_with_an_implied_port_the_source_port_counts(port: int) -> None:
    us = responder()
    reply_to(announce(token_for(ASKER, us), port=port, implied=True), us=us)
    assert reply_to(GetPeers(b"tt", 5, TARGET), us=us).values == [ASKER]


def test_port_0_is_not_stored() -> None:
    """Trap 6."""
    us = responder()
    assert error_to(announce(token_for(ASKER, us), port=0), us=us).code == PROTOCOL
    assert len(us.peers) == 0


def test_nothing_is_stored_without_a_token_of_ours_for_that_address_and_hash() -> None:
    us = responder()
    elsewhere, other_hash = token_for(address(5), us), token_for(ASKER, us, TARGET + 1)
    for bad in (b"", b"x" * 8, elsewhere, other_hash):
        assert error_to(announce(bad), us=us).code == PROTOCOL
    old = token_for(ASKER, us)
    assert error_to(announce(old), us=us, now=3600).code == PROTOCOL
    assert len(us.peers) == 0


def test_a_full_store_is_a_server_error() -> None:
    us = responder(config=replace(CONFIG, serving=replace(CONFIG.serving, max_peers_stored=0)))
    error = error_to(announce(token_for(ASKER, us)), us=us)
    assert (error.code, error.text) == (202, "store-full")
