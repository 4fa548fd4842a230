"""The history of lookups: what it keeps of each, and that it is bounded."""

from __future__ import annotations

from dataclasses import replace

from kadisc.contacts import Contact
from kadisc.core.contract.events import (
    AnnounceFinished,
    FoundNode,
    Joined,
    LookupFinished,
    LookupKind,
    LookupResult,
    OperationId,
    Outcome,
)
from kadisc.endpoints import Family, make_endpoint
from kadisc.observe.lookup_history import KEPT, LookupHistory

NODE = FoundNode(Contact(7, make_endpoint("45.1.2.3", 6881)), 0.05, None, b"t", 2)
RESULT = LookupResult(
    target=255,
    kind=LookupKind.FIND_NODE,
    family=Family.IPV4,
    closest=(NODE,),
    peers=(),
    answered=12,
    queries=15,
    hops=2,
    elapsed_s=0.75,
    refused={},
    network_size=None,
    suspicious=True,
    purpose="caller",
)


class At:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def ended(number: int, result: LookupResult = RESULT) -> LookupFinished:
    return LookupFinished(OperationId(number), Outcome.DONE, result)


def test_it_tells_what_a_lookup_took_and_came_to() -> None:
    at = At()
    history = LookupHistory(at)
    history.note(Joined(Family.IPV4, 3))
    history.note(ended(1))
    at.now += 4.0
    (lookup,) = history.lookups()
    assert (lookup.what, lookup.target, lookup.purpose) == ("find_node", "00" * 19 + "ff", "caller")
    assert (lookup.outcome, lookup.elapsed_s, lookup.hops) == (Outcome.DONE, 0.75, 2)
    assert (lookup.queries, lookup.answered, lookup.found) == (15, 12, 1)
    assert lookup.suspicious
    assert lookup.ended_s_ago == 4.0


def test_an_announce_is_one_row_with_the_lookup_before_it() -> None:
    at = At()
    history = LookupHistory(at)
    lookup = replace(RESULT, kind=LookupKind.GET_PEERS)
    history.note(ended(1, lookup))
    at.now += 0.5
    history.note(ended(2))
    at.now += 0.5
    history.note(
        AnnounceFinished(
            OperationId(3), Outcome.DONE, stored=(NODE.contact,) * 8, queries=23, lookup=lookup
        )
    )
    newest, last = history.lookups()
    assert (newest.what, newest.found, newest.queries) == ("announce_peer", 8, 23)
    assert newest.elapsed_s == 0.75 + 1.0
    assert newest.ended_s_ago == 0.0
    assert last.what == "find_node"
    # Of a lookup that it has not seen, or that is a part of a row already, it keeps nothing.
    history.note(AnnounceFinished(OperationId(4), Outcome.DONE, lookup=lookup))
    other = replace(lookup, elapsed_s=9.0)
    history.note(AnnounceFinished(OperationId(5), Outcome.DONE, lookup=other))
    history.note(AnnounceFinished(OperationId(6), Outcome.CANCELLED))
    assert [each.what for each in history.lookups()] == ["announce_peer", "find_node"]


def test_it_keeps_the_last_ones_only() -> None:
    at = At()
    history = LookupHistory(at)
    for number in range(3 * KEPT):
        at.now += 1.0
        history.note(ended(number, replace(RESULT, answered=number)))
    kept = history.lookups()
    assert [each.answered for each in kept] == list(range(3 * KEPT - 1, 2 * KEPT - 1, -1))
