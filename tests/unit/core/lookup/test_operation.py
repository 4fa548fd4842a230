"""A lookup operation: it sends queries, takes answers, and reports events and one end."""

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


def operation(
    kind: LookupKind = LookupKind.FIND_NODE,
    config: LookupConfig = SMALL,
    then: Continuation | None = None,
    **flags: bool,
) -> LookupOperation:
    lookup = ClosestLookup(TARGET, {OWN_ID}, config, RULES, 2)
    options = LookupOptions(OPERATION, kind, Family.IPV4, **flags)
    return LookupOperation(lookup, options, OWN_ID, config, 100.0, then=then)


def queries_in(commands: Commands) -> list[SendQuery]:
    return [command for command in commands if isinstance(command, SendQuery)]


def pending_for(sent: SendQuery, contacts: Sequence[Contact] = ()) -> PendingQuery:
    return PendingQuery(
        sent,
        b"",
        100.0,
        101.0,
        110.0,
        proves_reachability=True,
        contacts=contacts,
    )


def answer(
    found: LookupOperation,
    sent: SendQuery,
    contacts: Sequence[Contact] = (),
    values: list[Endpoint] | None = None,
    now: float = 100.5,
) -> list[Command]:
    assert sent.expected_id is not None
    reply = Reply(b"", sent.expected_id, token=b"token", values=values, version=b"LT\1\2")
    found.group.queries += 1
    return list(found.answered(pending_for(sent, contacts), reply, now))


def finished(commands: Commands) -> LookupFinished:
    last = [command for command in commands if isinstance(command, LookupFinished)]
    assert len(last) == 1
    return last[0]


def test_a_lookup_sends_find_node_or_get_peers() -> None:
    for kind, query in (
        (LookupKind.FIND_NODE, FindNode(b"", OWN_ID, TARGET)),
        (LookupKind.GET_PEERS, GetPeers(b"", OWN_ID, TARGET)),
    ):
        found = operation(kind)
        assert [
            (sent.endpoint, sent.expected_id, sent.query, sent.owner)
            for sent in queries_in(found.start([at_distance(1)], [], 100))
        ] == [(address(1), at_distance(1).id, query, found)]


def test_the_result_has_the_nodes_that_answered_with_their_details() -> None:
    found = operation()
    first, second = queries_in(found.start([at_distance(10), at_distance(20)], [], 100))
    commands = answer(found, first, [at_distance(5)])
    assert next(
        command for command in commands if isinstance(command, NodeAnswered)
    ).node.contact == at_distance(10)
    third = queries_in(commands)[0]
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


def test_a_lookup_without_events_of_answers_still_ends() -> None:
    found = operation(announces_answers=False)
    (sent,) = queries_in(found.start([at_distance(10)], [], 100))
    assert [type(command) for command in answer(found, sent)] == [LookupFinished]


def test_an_answer_with_the_own_id_is_not_reported() -> None:
    found = operation()
    (sent,) = queries_in(found.start([at_distance(10)], [], 100))
    commands = found.answered(pending_for(sent), Reply(b"", OWN_ID), 101)
    assert [type(command) for command in commands] == [LookupFinished]


def test_the_outcome_tells_how_the_lookup_ended() -> None:
    alone = operation()
    assert finished(alone.start([], [], 100)).outcome is Outcome.NO_CONTACTS
    silent = operation()
    (sent,) = queries_in(silent.start([at_distance(10)], [], 100))
    silent.group.queries += 1
    assert silent.stalled(pending_for(sent), 101) == []
    assert finished(silent.failed(sent, QueryFailure.TIMED_OUT, 110)).outcome is Outcome.NO_ANSWER
    done = operation()
    (sent,) = queries_in(done.start([at_distance(10)], [], 100))
    assert finished(answer(done, sent)).outcome is Outcome.DONE


def test_a_lookup_ends_once_and_takes_nothing_afterwards() -> None:
    found = operation()
    first, second = queries_in(found.start([at_distance(10), at_distance(20)], [], 100))
    answer(found, first)
    last = finished(found.end(Outcome.CANCELLED, 101))
    assert (last.outcome, [each.contact for each in last.result.closest]) == (
        Outcome.CANCELLED,
        [at_distance(10)],
    ), "with the results so far"
    late = pending_for(second)
    for commands in (
        found.end(Outcome.CLOSED, 102),
        answer(found, second),
        found.stalled(late, 102),
        found.failed(late.command, QueryFailure.TIMED_OUT, 103),
    ):
        assert list(commands) == []


class RecordedEnd:
    """A continuation that records how the lookup ended, and adds a command."""

    def __init__(self) -> None:
        self.ends: list[tuple[Outcome, float]] = []

    def lookup_ended(self, outcome: Outcome, result: LookupResult, now: float) -> Commands:
        self.ends.append((outcome, now))
        return [PeersFound(OPERATION, ())]


def test_a_continuation_is_told_of_the_end_and_may_add_commands() -> None:
    recorded = RecordedEnd()
    found = operation(then=recorded)
    commands = found.start([], [], 100)
    assert [type(command) for command in commands] == [LookupFinished, PeersFound]
    assert recorded.ends == [(Outcome.NO_CONTACTS, 100)]


# --- Peers ----------------------------------------------------------------------------------------

PEERS = [address(number, port=1) for number in range(500, 510)]


def found_peers(commands: Commands) -> list[Endpoint]:
    return [
        peer for command in commands if isinstance(command, PeersFound) for peer in command.peers
    ]


def test_each_peer_is_reported_once() -> None:
    found = operation(LookupKind.GET_PEERS)
    first, second = queries_in(found.start([at_distance(10), at_distance(20)], [], 100))
    assert found_peers(answer(found, first, values=[*PEERS[:3], PEERS[0]])) == PEERS[:3]
    commands = answer(found, second, values=PEERS[1:5])
    assert found_peers(commands) == PEERS[3:5]
    assert finished(commands).result.peers == tuple(PEERS[:5])


def test_an_answer_without_new_peers_causes_no_event() -> None:
    found = operation(LookupKind.GET_PEERS)
    first, second = queries_in(found.start([at_distance(10), at_distance(20)], [], 100))
    answer(found, first, values=PEERS)
    assert not any(
        isinstance(command, PeersFound) for command in answer(found, second, values=PEERS)
    )


def test_a_lookup_for_the_first_value_ends_with_the_first_peers() -> None:
    found = operation(LookupKind.GET_PEERS, first_value=True)
    first, second = queries_in(found.start([at_distance(10), at_distance(20)], [], 100))
    assert not any(isinstance(command, LookupFinished) for command in answer(found, first))
    commands = answer(found, second, values=PEERS[:1])
    assert (found_peers(commands), finished(commands).outcome) == (PEERS[:1], Outcome.DONE)


def test_the_number_of_peers_is_bounded() -> None:
    found = operation(LookupKind.GET_PEERS, replace(SMALL, max_peers=4))
    first, second = queries_in(found.start([at_distance(10), at_distance(20)], [], 100))
    assert found_peers(answer(found, first, values=PEERS[:3])) == PEERS[:3]
    assert found_peers(answer(found, second, values=PEERS[3:])) == PEERS[3:4]


def test_a_node_lookup_does_not_collect_peers() -> None:
    found = operation()
    (sent,) = queries_in(found.start([at_distance(10)], [], 100))
    commands = answer(found, sent, values=PEERS)
    assert (found_peers(commands), finished(commands).result.peers) == ([], ())


# --- The estimated size of the network ------------------------------------------------------------


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


def test_one_neighbour_gives_no_estimate() -> None:
    assert estimated_network_size([]) is estimated_network_size([5]) is None
    assert estimated_network_size([0, 0]) is None


# --- Lookups for peers only -----------------------------------------------------------------------


@pytest.mark.parametrize("for_peers", [True, False])
def test_a_lookup_for_peers_is_settled_by_the_first_answer_with_peers(for_peers: bool) -> None:
    found = operation(LookupKind.GET_PEERS, for_peers=for_peers)
    first, second = queries_in(
        found.start([at_distance(1), at_distance(2), at_distance(3)], [], 100)
    )
    assert found.group.retransmit
    answer(found, first, values=[address(500)])
    assert found.group.retransmit is not for_peers
    assert not found.finished  # other nodes may know more
    found.stalled(pending_for(second), 101)
    again = queries_in(found.stalled(pending_for(second), 102))
    assert (second.endpoint in [sent.endpoint for sent in again]) is not for_peers


def test_queries_for_the_table_are_background_queries() -> None:
    for is_for_table in (False, True):
        (sent,) = queries_in(operation(is_for_table=is_for_table).start([at_distance(1)], [], 100))
        assert sent.background is is_for_table
