"""A lookup at work: queries out, answers in, events on the way, one at the end."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from kadisc.config import LookupConfig
from kadisc.contacts import Contact
from kadisc.core.contract.events import (
    LookupFinished,
    LookupKind,
    LookupResult,
    NodeAnswered,
    OperationId,
    Outcome,
    PeersFound,
)
from kadisc.core.contract.queries import Command, Commands, PendingQuery, QueryFailure, SendQuery
from kadisc.core.lookup.closest import ClosestLookup
from kadisc.core.lookup.operation import (
    Continuation,
    LookupOperation,
    LookupOptions,
    estimated_network_size,
)
from kadisc.endpoints import Endpoint, Family
from kadisc.ids import ID_SPACE, random_id
from kadisc.wire.messages import FindNode, GetPeers, Reply
from tests.support.contacts import OWN_ID
from tests.support.lookups import RULES, SMALL, TARGET, at_distance
from tests.support.world import address

OPERATION = OperationId(7)


def search(
    kind: LookupKind = LookupKind.FIND_NODE,
    config: LookupConfig = SMALL,
    then: Continuation | None = None,
    **flags: bool,
) -> LookupOperation:
    lookup = ClosestLookup(TARGET, OWN_ID, config, RULES, 2)
    options = LookupOptions(OPERATION, kind, Family.IPV4, **flags)
    return LookupOperation(lookup, options, OWN_ID, config, 100.0, then=then)


def asks(commands: Commands) -> list[SendQuery]:
    return [command for command in commands if isinstance(command, SendQuery)]


def exchange_for(ask: SendQuery, contacts: Sequence[Contact] = ()) -> PendingQuery:
    return PendingQuery(
        ask,
        b"",
        100.0,
        101.0,
        110.0,
        proves_reachability=True,
        contacts=contacts,
    )


def answer(
    found: LookupOperation,
    ask: SendQuery,
    contacts: Sequence[Contact] = (),
    values: list[Endpoint] | None = None,
    now: float = 100.5,
) -> list[Command]:
    assert ask.expected_id is not None
    reply = Reply(b"", ask.expected_id, token=b"token", values=values, version=b"LT\1\2")
    found.group.queries += 1
    return list(found.answered(exchange_for(ask, contacts), reply, now))


def finished(commands: Commands) -> LookupFinished:
    last = [command for command in commands if isinstance(command, LookupFinished)]
    assert len(last) == 1
    return last[0]


def test_it_asks_for_nodes_or_for_peers() -> None:
    for kind, query in (
        (LookupKind.FIND_NODE, FindNode(b"", OWN_ID, TARGET)),
        (LookupKind.GET_PEERS, GetPeers(b"", OWN_ID, TARGET)),
    ):
        found = search(kind)
        assert [
            (ask.endpoint, ask.expected_id, ask.query, ask.owner)
            for ask in asks(found.start([at_distance(1)], [], 100))
        ] == [(address(1), at_distance(1).id, query, found)]


def test_the_result_tells_who_answered_and_how() -> None:
    found = search()
    first, second = asks(found.start([at_distance(10), at_distance(20)], [], 100))
    commands = answer(found, first, [at_distance(5)])
    assert next(
        command for command in commands if isinstance(command, NodeAnswered)
    ).node.contact == at_distance(10)
    third = asks(commands)[0]
    answer(found, second)
    result = finished(answer(found, third, now=101.0)).result
    assert [each.contact for each in result.closest] == [at_distance(5), at_distance(10)]
    nearest = result.closest[0]
    assert (nearest.rtt_s, nearest.client, nearest.token, nearest.hops) == (
        1.0,
        b"LT\1\2",
        b"token",
        2,
    )
    assert (result.target, result.kind, result.family) == (
        TARGET,
        LookupKind.FIND_NODE,
        Family.IPV4,
    )
    assert (
        result.answered,
        result.queries,
        result.hops,
        result.elapsed_s,
        result.refused,
        result.peers,
    ) == (3, 3, 2, 1.0, {}, ())
    assert found.answered_count == 3
    assert result.network_size is not None


def test_a_search_that_announces_nothing_still_ends() -> None:
    found = search(announces_answers=False)
    (ask,) = asks(found.start([at_distance(10)], [], 100))
    assert [type(command) for command in answer(found, ask)] == [LookupFinished]


def test_an_answer_with_our_own_id_is_not_announced() -> None:
    found = search()
    (ask,) = asks(found.start([at_distance(10)], [], 100))
    commands = found.answered(exchange_for(ask), Reply(b"", OWN_ID), 101)
    assert [type(command) for command in commands] == [LookupFinished]


def test_how_it_ended() -> None:
    nobody = search()
    assert finished(nobody.start([], [], 100)).outcome is Outcome.NO_CONTACTS
    silent = search()
    (ask,) = asks(silent.start([at_distance(10)], [], 100))
    silent.group.queries += 1
    assert silent.stalled(exchange_for(ask), 101) == []
    assert finished(silent.failed(ask, QueryFailure.TIMED_OUT, 110)).outcome is Outcome.NO_ANSWER
    done = search()
    (ask,) = asks(done.start([at_distance(10)], [], 100))
    assert finished(answer(done, ask)).outcome is Outcome.DONE


def test_it_ends_once_and_takes_nothing_more() -> None:
    found = search()
    first, second = asks(found.start([at_distance(10), at_distance(20)], [], 100))
    answer(found, first)
    last = finished(found.end(Outcome.CANCELLED, 101))
    assert (last.outcome, [each.contact for each in last.result.closest]) == (
        Outcome.CANCELLED,
        [at_distance(10)],
    ), "with what it has"
    late = exchange_for(second)
    for commands in (
        found.end(Outcome.CLOSED, 102),
        answer(found, second),
        found.stalled(late, 102),
        found.failed(late.command, QueryFailure.TIMED_OUT, 103),
    ):
        assert list(commands) == []


class Note:
    """A continuation that notes how the lookup ended and adds a command."""

    def __init__(self) -> None:
        self.told: list[tuple[Outcome, float]] = []

    def lookup_ended(self, outcome: Outcome, result: LookupResult, now: float) -> Commands:
        self.told.append((outcome, now))
        return [PeersFound(OPERATION, ())]


def test_a_continuation_is_told_of_the_end_and_may_add_commands() -> None:
    note = Note()
    found = search(then=note)
    commands = found.start([], [], 100)
    assert [type(command) for command in commands] == [LookupFinished, PeersFound]
    assert note.told == [(Outcome.NO_CONTACTS, 100)]


# --- Peers ----------------------------------------------------------------------------------------

PEERS = [address(number, port=1) for number in range(500, 510)]


def found_peers(commands: Commands) -> list[Endpoint]:
    return [
        peer for command in commands if isinstance(command, PeersFound) for peer in command.peers
    ]


def test_each_peer_is_reported_once() -> None:
    found = search(LookupKind.GET_PEERS)
    first, second = asks(found.start([at_distance(10), at_distance(20)], [], 100))
    assert found_peers(answer(found, first, values=[*PEERS[:3], PEERS[0]])) == PEERS[:3]
    commands = answer(found, second, values=PEERS[1:5])
    assert found_peers(commands) == PEERS[3:5]
    assert finished(commands).result.peers == tuple(PEERS[:5])


def test_peers_that_bring_nothing_new_are_no_event() -> None:
    found = search(LookupKind.GET_PEERS)
    first, second = asks(found.start([at_distance(10), at_distance(20)], [], 100))
    answer(found, first, values=PEERS)
    assert not any(
        isinstance(command, PeersFound) for command in answer(found, second, values=PEERS)
    )


def test_the_first_peers_can_be_enough() -> None:
    found = search(LookupKind.GET_PEERS, first_value=True)
    first, second = asks(found.start([at_distance(10), at_distance(20)], [], 100))
    assert not any(isinstance(command, LookupFinished) for command in answer(found, first))
    commands = answer(found, second, values=PEERS[:1])
    assert (found_peers(commands), finished(commands).outcome) == (PEERS[:1], Outcome.DONE)


def test_the_number_of_peers_is_bounded() -> None:
    found = search(LookupKind.GET_PEERS, replace(SMALL, max_peers=4))
    first, second = asks(found.start([at_distance(10), at_distance(20)], [], 100))
    assert found_peers(answer(found, first, values=PEERS[:3])) == PEERS[:3]
    assert found_peers(answer(found, second, values=PEERS[3:])) == PEERS[3:4]


def test_a_node_lookup_does_not_collect_peers() -> None:
    found = search()
    (ask,) = asks(found.start([at_distance(10)], [], 100))
    commands = answer(found, ask, values=PEERS)
    assert (found_peers(commands), finished(commands).result.peers) == ([], ())


# --- How large is the network? --------------------------------------------------------------------


def test_the_size_of_the_network_is_estimated_from_the_distances() -> None:
    even = [i * ID_SPACE // 1001 for i in range(1, 9)]
    assert estimated_network_size(even) == pytest.approx(1000)


def test_the_estimate_is_good_on_average() -> None:
    rng, estimates = random.Random(1), []
    for _ in range(300):
        nearest = sorted(random_id(rng) for _ in range(2000))[:8]
        estimate = estimated_network_size(nearest)
        assert estimate is not None
        estimates.append(estimate)
    assert sorted(estimates)[150] == pytest.approx(2000, rel=0.1)


def test_one_neighbour_is_no_sample() -> None:
    assert estimated_network_size([]) is estimated_network_size([5]) is None
    assert estimated_network_size([0, 0]) is None


# --- For peers alone ------------------------------------------------------------------------------


@pytest.mark.parametrize("for_peers", [True, False])
def test_a_search_for_peers_is_settled_by_the_first_who_names_some(for_peers: bool) -> None:
    found = search(LookupKind.GET_PEERS, for_peers=for_peers)
    first, second = asks(found.start([at_distance(1), at_distance(2), at_distance(3)], [], 100))
    assert found.group.retransmit
    answer(found, first, values=[address(500)])
    assert found.group.retransmit is not for_peers
    assert not found.finished  # others may know more
    found.stalled(exchange_for(second), 101)
    again = asks(found.stalled(exchange_for(second), 102))
    assert (second.endpoint in [ask.endpoint for ask in again]) is not for_peers


def test_walks_for_the_table_ask_with_patience() -> None:
    for is_for_table in (False, True):
        (ask,) = asks(search(is_for_table=is_for_table).start([at_distance(1)], [], 100))
        assert ask.background is is_for_table
