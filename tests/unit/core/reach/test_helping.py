"""The help that a node gives to tests of reachability, as helper and as witness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from kadisc.core.contract.events import DialOutcome, TcpDialWanted
from kadisc.core.limits.host_filter import filter_of
from kadisc.core.reach import asks
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.wire import krpc
from kadisc.wire.messages import Error, Gossip, Knock, Ping, Reach, ReachResult, Reply
from tests.support.community import TAG, Stranger, identity, member, record_fields, stranger
from tests.support.reaching import (
    ask,
    asker,
    code,
    errs,
    get_token,
    helper,
    knock,
    knocks,
    nonce,
    probes,
    reach,
    result,
    says,
    served,
)
from tests.support.world import CONFIG, Host, World, address

GENERIC, BUSY, BARRED, UNKNOWN = 201, 202, 203, 204


# --- the helper -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ok", [True, False])
def test_a_helper_passes_on_what_a_witness_found(ok: bool) -> None:
    world = World()
    host, witnesses = helper(world, 4, help=says(ok))
    one = asker(world, host)
    answer = result(ask(world, one, host))
    [asked] = [each for each in witnesses if knocks(each)]
    assert answer == ReachResult(ok, asked.endpoint)
    [query] = knocks(asked)
    assert (query.nonce, query.network, query.to) == (nonce(1), TAG, one.endpoint)
    assert query.token == b"stranger"
    assert served(host) == {
        "reach.started": 1,
        "reach.answered" if ok else "reach.unanswered": 1,
    }


def test_another_port_of_the_asker_is_tested_where_it_says_so() -> None:
    world = World()
    host, witnesses = helper(world, 1)
    one = asker(world, host)
    assert result(ask(world, one, host, port=51413)).ok
    [query] = knocks(witnesses[0])
    assert query.to == one.endpoint[:4] + (51413).to_bytes(2, "big")


def test_witnesses_are_drawn_among_those_that_the_asker_does_not_know_and_then_from_all() -> None:
    world = World()
    host, witnesses = helper(world, 12, help=errs(BUSY))
    one = asker(world, host)
    known = filter_of((each.endpoint for each in witnesses[3:]), Random(1))
    unknown = [each for each in witnesses if each.endpoint not in known]
    assert unknown == witnesses[:3]
    for each in unknown:
        each.help = says(False)
    assert _asked(world, one, host, witnesses, 1, known.raw) <= set(unknown)
    assert result(one.told[-1]).witness in {each.endpoint for each in unknown}
    # They are busy: the others are not asked in their place, while they may be asked again.
    for each in witnesses:
        each.help = errs(BUSY) if each in unknown else says(False)
    assert _asked(world, one, host, witnesses, 2, known.raw) == set(unknown)
    assert _asked(world, one, host, witnesses, 3, known.raw) == set()
    # All are known: one of them is asked.
    known = filter_of((each.endpoint for each in witnesses), Random(1))
    assert len(_asked(world, one, host, witnesses, 4, known.raw)) == 1


def _asked(
    world: World,
    one: Stranger,
    host: Host,
    witnesses: Sequence[Stranger],
    number: int,
    known: bytes,
) -> set[Stranger]:
    """The witnesses that a query of this number, with these known hosts, has the helper ask."""
    before = {each: len(knocks(each)) for each in witnesses}
    query = reach(one, host, number)
    query.known = known
    world.inject(host, one.endpoint, krpc.encode(query))
    world.run(2.0)
    return {each for each in witnesses if len(knocks(each)) > before[each]}


def test_a_query_without_a_valid_token_gets_one_and_nothing_else() -> None:
    world = World()
    host, witnesses = helper(world, 2)
    one = stranger(world, 500)
    for token in (None, b"8 bytes!"):
        answer = ask(world, one, host, token=token)
        assert isinstance(answer, Reply)
        assert answer.token is not None
        assert answer.reach is None
        assert not any(knocks(each) for each in witnesses)
        assert not host.node.next_deadline() <= world.now
    assert result(ask(world, one, host, token=answer.token)).ok


@pytest.mark.parametrize(
    ("fields", "at", "expected"),
    [
        ({"network": b"another network!!!!!"}, None, GENERIC),
        ({}, make_endpoint("45.1.1.1", 1023), BARRED),
        ({}, make_endpoint("192.168.1.1", 6881), BARRED),
        ({}, make_endpoint("11.1.0.7", 7000), BARRED),  # the helper's own host
    ],
)
def test_what_is_not_tested_is_refused(
    fields: dict[str, Any], at: Endpoint | None, expected: int
) -> None:
    world = World()
    host, witnesses = helper(world, 2)
    assert host.endpoint[:4] == make_endpoint("11.1.0.7", 1)[:4]
    one = asker(world, host, at=at)
    query = reach(one, host)
    for name, value in fields.items():
        setattr(query, name, value)
    world.inject(host, one.endpoint, krpc.encode(query))
    world.run(1.0)
    assert code(one.told[-1]) == expected
    assert not any(knocks(each) for each in witnesses)


def test_a_node_that_does_not_help_says_that_it_knows_no_such_method() -> None:
    world = World()
    host = member(world, 0, config=replace(CONFIG, help_others=False))
    one = asker(world, host)
    assert code(ask(world, one, host)) == UNKNOWN
    assert code(knock(world, one, host, address(77))) == UNKNOWN


def test_nor_does_a_node_of_no_network() -> None:
    world = World()
    host = world.add(address(0))
    one = stranger(world, 500)
    assert code(ask(world, one, host)) == UNKNOWN
    assert code(knock(world, one, host, address(77))) == UNKNOWN


@pytest.mark.parametrize(("help_others", "offers"), [(True, True), (False, False)])
def test_help_is_offered_in_the_first_answer_already(help_others: bool, offers: bool) -> None:
    """Most peers that a new node verifies are asked once only, without a token."""
    world = World()
    host = member(world, 0, config=replace(CONFIG, help_others=help_others))
    one = asker(world, host)
    seen = []
    for token in (None, one.tokens[host.endpoint]):
        query = Gossip(b"aaaa", one.id, TAG, 0, token=token, pad=None if token else 450)
        world.inject(host, one.endpoint, krpc.encode(query))
        world.run(0.2)
        reply = one.told[-1]
        assert isinstance(reply, Reply)
        assert reply.news is not None
        seen.append(reply.news.can)
    assert seen == [offers, offers]


def test_an_answer_that_has_room_for_its_record_alone_offers_no_help() -> None:
    world = World()
    host = member(world, 0)
    one = asker(world, host)
    seen = []
    for pad in range(60, 300, 3):
        query = Gossip(b"aaaa", one.id, TAG, 0, pad=pad)
        world.inject(host, one.endpoint, krpc.encode(query))
        world.run(0.1)
        reply = one.told[-1]
        if isinstance(reply, Reply) and reply.news is not None:
            assert len(krpc.encode(reply)) <= len(krpc.encode(query))
            seen.append((reply.news.record is not None, reply.news.can))
    assert list(dict.fromkeys(seen)) == [(True, False), (True, True)]


def test_the_same_query_again_is_silent_while_under_way_and_then_gets_the_same_answer() -> None:
    world = World()
    host, witnesses = helper(world, 1, help=lambda query, source: None)
    one = asker(world, host)
    for _ in range(3):
        world.inject(host, one.endpoint, krpc.encode(reach(one, host)))
    world.run(1.0)
    assert len(knocks(witnesses[0])) == 1
    assert not one.told
    world.run(9.0)
    assert [code(each) for each in one.told] == [BUSY]
    assert code(ask(world, one, host)) == BUSY
    assert len(knocks(witnesses[0])) == 1
    assert served(host)["reach.repeated"] == 3
    world.run(30.0)
    witnesses[0].help = says(True)
    world.run(300.0)
    get_token(world, one, host)
    # The witness was heard too long ago, or answers again: in any case the query is a new one.
    ask(world, one, host)
    assert served(host)["reach.repeated"] == 3


def test_a_query_with_another_transaction_id_is_answered_with_that() -> None:
    world = World()
    host, _ = helper(world, 1)
    one = asker(world, host)
    first = ask(world, one, host)
    query = reach(one, host)
    query.tid = b"other"
    world.inject(host, one.endpoint, krpc.encode(query))
    world.run(0.2)
    again = one.told[-1]
    assert isinstance(first, Reply)
    assert isinstance(again, Reply)
    assert (again.tid, again.reach) == (b"other", first.reach)


def test_the_next_witness_is_asked_after_an_error_or_silence_and_eight_are_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asks, "NETGROUPS_EACH", 1)  # as if it knew more
    world = World()
    host, witnesses = helper(world, 12, help=errs(BUSY))
    one = asker(world, host)
    before = world.now
    assert code(ask(world, one, host)) == BUSY
    assert world.now - before < 2.0
    assert sum(len(knocks(each)) for each in witnesses) == 8
    assert max(len(knocks(each)) for each in witnesses) == 1
    for each in witnesses:
        each.help = lambda query, source: None
    before = world.now
    assert code(ask(world, one, host, 2)) == BUSY
    assert 7.9 < world.now - before < 8.3  # 3 s, 3 s, and the rest of the 8 s
    assert sum(len(knocks(each)) for each in witnesses) == 11


def test_of_few_witnesses_two_are_asked() -> None:
    world = World()
    host, witnesses = helper(world, 10, help=errs(BUSY))
    one = asker(world, host)
    assert code(ask(world, one, host)) == BUSY
    assert sum(len(knocks(each)) for each in witnesses) == 2


def test_a_witness_that_was_busy_is_left_alone_for_some_seconds() -> None:
    world = World()
    host, [witness] = helper(world, 1, help=errs(BUSY))
    one = asker(world, host)
    assert code(ask(world, one, host, 1)) == BUSY
    assert code(ask(world, one, host, 2)) == BUSY
    assert served(host)["reach.no-witness"] == 1
    witness.help = says(True)
    world.run(6.0)
    assert result(ask(world, one, host, 3)).ok


def test_a_witness_that_does_not_know_the_method_is_left_alone_for_a_day() -> None:
    """As nodes of earlier versions do; they offer no help, but one may have gone back to one."""
    world = World()
    host, [witness] = helper(world, 1, help=errs(UNKNOWN))
    one = asker(world, host)
    assert code(ask(world, one, host, 1)) == BUSY
    world.run(200.0)
    assert code(ask(world, one, host, 2)) == BUSY
    assert len(knocks(witness)) == 1


def test_a_witness_that_wants_another_token_is_asked_once_more() -> None:
    world = World()
    host, [witness] = helper(world, 1)

    def wants_token(query: Reach | Knock, source: Endpoint) -> Reply:
        if query.token == b"newtoken":
            return says(True)(query, source)
        return Reply(query.tid, 1, token=b"newtoken")

    witness.help = wants_token
    one = asker(world, host)
    assert result(ask(world, one, host)).ok
    assert [query.token for query in knocks(witness)] == [b"stranger", b"newtoken"]
    # One that goes on like that is given up.
    witness.help = lambda query, source: Reply(query.tid, 1, token=b"another!")
    assert code(ask(world, one, host, 2)) == BUSY
    assert len(knocks(witness)) == 4


def test_a_witness_is_in_neither_netgroup_and_no_stranger_to_the_helper() -> None:
    world = World()
    host, witnesses = helper(world, 1)
    near_asker = Endpoint(witnesses[0].endpoint[:2] + b"\x09\x09\x1a\xe1")
    one = asker(world, host, at=near_asker)
    assert code(ask(world, one, host)) == BUSY
    assert not knocks(witnesses[0])
    other = asker(world, host, 501)
    assert result(ask(world, other, host)).ok


def test_peers_that_offer_no_help_are_no_witnesses() -> None:
    world = World()
    host, [witness] = helper(world, 1)
    world.run(20.0)
    assert result(ask(world, asker(world, host), host)).ok
    world2 = World()
    host, [witness] = helper(world2, 1)
    witness.can_help = False
    world2.run(1200.0)  # gossip has met it again
    assert code(ask(world2, asker(world2, host), host)) == BUSY


def test_so_many_are_asked_for_at_once_and_no_more() -> None:
    world = World()
    config = replace(CONFIG, reach=replace(CONFIG.reach, max_asks=3))
    host, _ = helper(world, 2, config, help=lambda query, source: None)
    askers = [asker(world, host, 500 + number) for number in range(5)]
    for number, one in enumerate(askers):
        world.inject(host, one.endpoint, krpc.encode(reach(one, host, number)))
    world.run(0.5)
    assert [len(one.told) for one in askers] == [0, 0, 0, 1, 1]
    assert {code(one.told[-1]) for one in askers[3:]} == {BUSY}


def test_a_bound_on_asks_by_one_host() -> None:
    world = World()
    host, _ = helper(world, 2)
    one = asker(world, host)
    answers = [ask(world, one, host, number) for number in range(1, 12)]
    assert [isinstance(answer, Reply) for answer in answers] == [True] * 8 + [False] * 3
    world.run(31.0)
    assert result(ask(world, one, host, 20)).ok  # one more in 30 s


# --- the witness ----------------------------------------------------------------------------------


def witness(world: World) -> Host:
    return member(world, 0)


@pytest.mark.parametrize("answers", [True, False])
def test_a_witness_pings_once_and_says_whether_it_was_answered(answers: bool) -> None:
    world = World()
    host = witness(world)
    one, target = asker(world, host), stranger(world, 77, answers=answers)
    before = world.now
    assert result(knock(world, one, host, target.endpoint)) == ReachResult(answers)
    [ping] = probes(target)
    assert (ping.nonce, ping.tid, ping.asker_token) == (nonce(1), nonce(1)[:4], None)
    assert world.now - before == pytest.approx(0.15 if answers else 2.05, abs=0.01)


def test_an_error_from_the_target_is_an_answer_too() -> None:
    world = World()
    host = witness(world)
    one, target = asker(world, host), stranger(world, 77, answers=False)
    world.inject(
        host,
        one.endpoint,
        krpc.encode(
            Knock(b"kkkk", one.id, nonce(1), TAG, target.endpoint, one.tokens[host.endpoint])
        ),
    )
    world.run(0.1)
    world.inject(host, target.endpoint, krpc.encode(Error(nonce(1)[:4], 203, "")))
    world.run(0.1)
    assert result(one.told[-1]).ok


@pytest.mark.parametrize(
    "to",
    [
        make_endpoint("192.168.1.1", 6881),
        make_endpoint("127.0.0.1", 6881),
        make_endpoint("224.0.0.1", 6881),
        make_endpoint("45.1.1.1", 1023),
        make_endpoint("11.1.0.7", 7000),  # the witness's own host
        make_endpoint("2a01::1", 6881),
    ],
)
def test_a_witness_pings_public_hosts_of_its_family_alone(to: Endpoint) -> None:
    world = World()
    host = witness(world)
    one = asker(world, host)
    world.sent = []
    assert code(knock(world, one, host, to)) == BARRED
    assert not [each for each in world.sent if each[2] == to]


def test_a_barred_address_is_not_pinged() -> None:
    world = World()
    host = member(world, 0, config=replace(CONFIG, ban=("45.1.0.0/16",)))
    one = asker(world, host)
    assert code(knock(world, one, host, make_endpoint("45.1.1.1", 6881))) == BARRED


def test_of_a_target_that_it_had_to_do_with_a_witness_says_only_that_it_did_not_answer() -> None:
    """The answer may have passed the router by an old flow; that there was none tells the same."""
    world = World()
    host = witness(world)
    one, target = asker(world, host), stranger(world, 77)
    world.ping(host, target.endpoint)
    world.run(11.0)
    assert code(knock(world, one, host, target.endpoint)) == BUSY
    assert len(probes(target)) == 1
    assert served(host)["knock.known"] == 1
    target.answers = False
    assert not result(knock(world, one, host, target.endpoint)).ok


def test_a_witness_says_of_a_stranger_that_it_answered() -> None:
    world = World()
    host = witness(world)
    one, target = asker(world, host), stranger(world, 77, answers=False)
    world.ping(host, target.endpoint)
    world.run(375.0)
    get_token(world, one, host)
    target.answers = True
    assert result(knock(world, one, host, target.endpoint)).ok


def test_without_a_token_a_witness_does_nothing() -> None:
    world = World()
    host = witness(world)
    one, target = stranger(world, 500), stranger(world, 77)
    answer = knock(world, one, host, target.endpoint, token=b"8 bytes!")
    assert isinstance(answer, Reply)
    assert answer.token is not None
    assert not probes(target)
    assert code(_of_another_network(world, one, host, target.endpoint)) == GENERIC


def _of_another_network(world: World, one: Any, host: Host, to: Endpoint) -> Any:
    one.told.clear()
    query = Knock(b"kkkk", one.id, nonce(1), bytes(20), to, one.tokens[host.endpoint])
    world.inject(host, one.endpoint, krpc.encode(query))
    world.run(0.2)
    return one.told[-1]


def test_the_answer_to_a_witness_has_no_vote_and_gives_no_round_trip_time() -> None:
    """A third node chose the target: liars would be asked again and again for their votes."""
    world = World()
    host = witness(world)
    one, target = asker(world, host), stranger(world, 77)
    votes = host.node.dhts[host.family].parts.address.voters
    result(knock(world, one, host, target.endpoint))
    assert host.node.dhts[host.family].parts.address.voters == votes
    assert not host.node.dhts[host.family].table.holds(target.endpoint)


def test_a_ping_whose_transaction_id_is_taken_has_another() -> None:
    world = World()
    host = witness(world)
    one, first, second = (
        asker(world, host),
        *(stranger(world, number, answers=False) for number in (77, 78)),
    )
    token = one.tokens[host.endpoint]
    for tid, target, number in ((b"one1", first, 0x100000001), (b"two2", second, 0x100000002)):
        query = Knock(tid, one.id, nonce(number), TAG, target.endpoint, token)
        world.inject(host, one.endpoint, krpc.encode(query))
    world.run(0.1)
    [ping], [other] = probes(first), probes(second)
    assert ping.nonce != other.nonce
    assert ping.nonce[:4] == other.nonce[:4] == ping.tid != other.tid
    world.run(3.0)
    assert [result(each).ok for each in one.told] == [False, False]


# --- TCP ------------------------------------------------------------------------------------------


def tcp(world: World, one: Any, host: Host, number: int = 1, **fields: Any) -> TcpDialWanted | None:
    """Asks for a check of a TCP port; the connection that the host wants, if any."""
    one.told.clear()
    host.events.clear()
    fields.setdefault("tcp_port", 30303)
    fields.setdefault("record", record_fields(one.who, one.endpoint, services={"eth": 30303}))
    world.inject(host, one.endpoint, krpc.encode(reach(one, host, number, **fields)))
    world.run(0.2)
    wanted = [event for event in host.events if isinstance(event, TcpDialWanted)]
    return wanted[0] if wanted else None


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [(DialOutcome.ACCEPTED, 0), (DialOutcome.REFUSED, 1), (DialOutcome.SILENT, 2)],
)
def test_a_tcp_port_is_tried_at_the_address_of_the_asker(outcome: DialOutcome, answer: int) -> None:
    world = World()
    host = member(world, 0)
    one = asker(world, host)
    wanted = tcp(world, one, host)
    assert wanted is not None
    assert wanted.endpoint == one.endpoint[:4] + (30303).to_bytes(2, "big")
    assert not one.told
    host.node.tcp_dialled(wanted.dial, outcome, world.now)
    world.flush(host)
    world.run(0.2)
    assert result(one.told[-1]) == ReachResult(tcp=answer)


def test_a_connection_that_nobody_tries_is_given_up() -> None:
    world = World()
    host = member(world, 0)
    one = asker(world, host)
    wanted = tcp(world, one, host)
    assert wanted is not None
    host.node.tcp_dialled(99, DialOutcome.ACCEPTED, world.now)  # another number
    world.run(8.0)
    assert code(one.told[-1]) == BUSY
    host.node.tcp_dialled(wanted.dial, DialOutcome.ACCEPTED, world.now)
    world.run(1.0)
    assert len(one.told) == 1
    wanted = tcp(world, one, host, 2)
    assert wanted is not None
    host.node.tcp_dialled(wanted.dial, DialOutcome.NOT_TRIED, world.now)
    world.flush(host)
    world.run(0.2)
    assert code(one.told[-1]) == BUSY


@pytest.mark.parametrize(
    "record",
    [
        {},
        {b"k": b"x"},
        record_fields(identity(9), address(500), services={"eth": 30304}),
        record_fields(identity(9), address(501), services={"eth": 30303}),
        record_fields(identity(9), address(500), tag=bytes(20), services={"eth": 30303}),
        record_fields(identity(1), address(500), services={"eth": 30303}),  # the helper's own
        record_fields(identity(9), address(500), services={"eth": 30303}) | {b"s": 9},
    ],
)
def test_only_a_port_that_a_sound_record_names_is_tried(record: dict[bytes, Any]) -> None:
    world = World()
    host = member(world, 0)
    one = asker(world, host)
    assert tcp(world, one, host, record=record) is None
    assert code(one.told[-1]) == BARRED


def test_connections_to_one_asker_are_few() -> None:
    world = World()
    host = member(world, 0)
    one = asker(world, host)
    wanted = [tcp(world, one, host, number) for number in range(1, 5)]
    assert [each is not None for each in wanted] == [True, True, False, False]
    assert code(one.told[-1]) == BUSY


def test_a_ping_with_an_unknown_nonce_is_a_plain_ping() -> None:
    world = World()
    host = member(world, 0)
    one = stranger(world, 500)
    world.inject(host, one.endpoint, krpc.encode(Ping(b"pppp", one.id, b"8 bytes!")))
    world.run(0.2)
    [answer] = one.told
    assert isinstance(answer, Reply)
    assert answer.tid == b"pppp"
