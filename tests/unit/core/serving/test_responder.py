"""Answers to queries (BEP 5, 32, 42): at most k contacts of each family and 1,024 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from kadisc.config import CoreConfig, TableConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.table import NoDiversityCaps
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
from tests.support.serving import responder_over
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
    return responder_over(tables, config, scopes)


def reply_to(
    query: Query, source: Endpoint = ASKER, server: Responder | None = None, now: float = 0
) -> Reply:
    answer = (server or responder()).answer(query, source, now)
    assert isinstance(answer, Reply)
    return answer


def error_to(
    query: Query, source: Endpoint = ASKER, server: Responder | None = None, now: float = 0
) -> Error:
    answer = (server or responder()).answer(query, source, now)
    assert isinstance(answer, Error)
    return answer


def find(want: set[bytes] | None = None) -> FindNode:
    return FindNode(b"tt", 5, TARGET, None if want is None else frozenset(want))


# --- Ping -----------------------------------------------------------------------------------------


def test_a_ping_is_answered_with_the_own_id_of_that_family_and_the_address_of_the_asker() -> None:
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
        (ASKER, set(), True, False),  # only unknown words
    ],
)
def test_want_decides_which_families_are_sent(
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


def test_a_family_that_the_node_does_not_have_is_left_out() -> None:
    reply = reply_to(find({N4, N6}), server=responder(families=[Family.IPV4]))
    assert (len(reply.nodes or b""), reply.nodes6) == (8 * 26, None)


def test_an_empty_table_gives_an_empty_list() -> None:
    assert reply_to(find(), server=responder([])).nodes == b""


def test_private_contacts_are_never_sent_to_public_askers() -> None:
    lan, other = (
        Contact(id_in_bucket(0, 1), make_endpoint("192.168.1.9", 1)),
        make_endpoint("10.1.1.1", 1),
    )
    lan6, other6 = (
        Contact(id_in_bucket(0, 1), make_endpoint("fd00::9", 1)),
        make_endpoint("fd00::1", 1),
    )
    server = responder([V4[0], lan, V6[0], lan6])
    both = find({N4, N6})

    def sent_to(source: Endpoint, server: Responder = server) -> list[int]:
        reply = reply_to(both, source, server)
        return [len(reply.nodes or b"") // 26, len(reply.nodes6 or b"") // 38]

    assert (sent_to(ASKER), sent_to(ASKER6)) == ([1, 1], [1, 1])
    assert sent_to(other) == [2, 1], "an address of one family proves nothing about the other"
    assert sent_to(other6) == [1, 2]
    assert sent_to(make_endpoint("127.0.0.1", 1)) == [1, 1]
    assert sent_to(ASKER, responder([V4[0], lan], allow_private=True)) == [2, 0]


def test_without_bounded_answers_the_whole_table_is_sent() -> None:
    """The baseline of the defence `bounded_answers`."""
    reply = reply_to(find(), server=responder(config=without("bounded_answers")))
    assert len(reply.nodes or b"") == 20 * 26


@pytest.mark.parametrize("k", [8, 20, 100])
def test_an_answer_has_at_most_1024_bytes_for_any_k(k: int) -> None:
    config = replace(CONFIG, table=TableConfig(k=k))
    contacts = [contact(number) for number in range(100)] + [
        Contact(id_in_bucket(0, number), address6(number)) for number in range(100)
    ]
    server = responder(contacts, config)
    for source in (ASKER, ASKER6):
        for want in ({N4}, {N6}, {N4, N6}):
            reply = reply_to(FindNode(bytes(64), 5, TARGET, frozenset(want)), source, server)
            assert len(krpc.encode(reply)) <= 1024
            assert len(reply.nodes or b"") + len(reply.nodes6 or b"") >= 8 * 26 * len(want)


# --- Unknown methods, malformed queries -----------------------------------------------------------


def test_an_unknown_method_with_a_target_is_answered_as_find_node() -> None:
    assert reply_to(UnknownQuery(b"tt", 5, b"find_value", TARGET)).nodes == reply_to(find()).nodes


def test_an_unknown_method_without_a_target_is_error_204() -> None:
    error = error_to(UnknownQuery(b"tt", 5, b"dance", None))
    assert (error.tid, error.code, error.seen_as) == (b"tt", METHOD_UNKNOWN, ASKER)


def test_a_malformed_query_is_answered_with_its_error() -> None:
    error = responder().malformed(b"tt", 203, "bad id", ASKER)
    assert (error.tid, error.code, error.text, error.seen_as) == (b"tt", 203, "bad id", ASKER)


# --- Peers ----------------------------------------------------------------------------------------


def announce(
    token: bytes, *, info_hash: int = TARGET, port: int = 4000, implied: bool = False
) -> AnnouncePeer:
    return AnnouncePeer(b"tt", 5, info_hash, port, token, implied)


def token_for(source: Endpoint, server: Responder, info_hash: int = TARGET) -> bytes:
    token = reply_to(GetPeers(b"tt", 5, info_hash), source, server).token
    assert token is not None
    return token


def test_a_token_of_get_peers_allows_an_announce_that_others_find() -> None:
    server = responder()
    assert reply_to(GetPeers(b"tt", 5, TARGET), server=server).values is None
    reply_to(announce(token_for(ASKER, server)), server=server)
    reply = reply_to(GetPeers(b"tt", 5, TARGET), address(5), server)
    assert reply.values == [address(9999, port=4000)]
    assert len(reply.nodes or b"") == 8 * 26, "contacts as well"
    assert reply_to(GetPeers(b"tt", 5, TARGET), ASKER6, server).values is None
    assert reply_to(GetPeers(b"tt", 5, TARGET + 1), server=server).values is None


@pytest.mark.parametrize("port", [0, 4000])
def test_with_an_implied_port_the_source_port_is_stored(port: int) -> None:
    server = responder()
    reply_to(announce(token_for(ASKER, server), port=port, implied=True), server=server)
    assert reply_to(GetPeers(b"tt", 5, TARGET), server=server).values == [ASKER]


def test_port_0_is_not_stored() -> None:
    server = responder()
    assert error_to(announce(token_for(ASKER, server), port=0), server=server).code == PROTOCOL
    assert len(server.peers) == 0


def test_nothing_is_stored_without_a_valid_token_for_that_address_and_info_hash() -> None:
    server = responder()
    elsewhere, other_hash = token_for(address(5), server), token_for(ASKER, server, TARGET + 1)
    for bad in (b"", b"x" * 8, elsewhere, other_hash):
        assert error_to(announce(bad), server=server).code == PROTOCOL
    old = token_for(ASKER, server)
    assert error_to(announce(old), server=server, now=3600).code == PROTOCOL
    assert len(server.peers) == 0


def test_a_full_store_answers_with_a_server_error() -> None:
    server = responder(config=replace(CONFIG, serving=replace(CONFIG.serving, max_peers_stored=0)))
    error = error_to(announce(token_for(ASKER, server)), server=server)
    assert (error.code, error.text) == (202, "store-full")


class Forgotten(Query):
    """A method of a later version for which nobody wrote an answer."""


def test_a_method_without_an_answer_is_unknown_and_no_ping() -> None:
    answer = responder().answer(Forgotten(b"qq", 1), ASKER, 0)
    assert isinstance(answer, Error)
    assert answer.code == METHOD_UNKNOWN


@pytest.mark.parametrize("max_bytes", [256, 400, 700])
@pytest.mark.parametrize("kind", [FindNode, GetPeers, SampleInfohashes])
def test_the_smallest_bound_on_answers_holds_for_every_method(max_bytes: int, kind: Any) -> None:
    """A bound below the envelope once made the number of contacts negative: all but the last few
    of the table were in the answer.
    """
    config = replace(CONFIG, serving=replace(CONFIG.serving, max_answer_bytes=max_bytes))
    each = responder(config=config)
    for number in range(40):
        each.peers.add(number, address(number), 0.0)
    for asker in (ASKER, ASKER6):
        answer = each.answer(kind(bytes(64), 5, TARGET), asker, 0.0)
        assert len(krpc.encode(answer)) <= max_bytes
