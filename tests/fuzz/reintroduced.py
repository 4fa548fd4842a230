"""Faults of earlier versions, put back one by one, to measure whether the fuzzer finds them::

    python -m tests.fuzz.reintroduced --finding 12 --minutes 5

Each is put back by what the mended function did before, for as long as a ``with`` block lasts. The
compiled core cannot be changed so: run this from the sources, as all tests do.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import process_time
from typing import Any, Final
from unittest.mock import patch

from kadisc.core.addressing.own_ids import OwnIds
from kadisc.core.contract.queries import NO_COMMANDS, Commands, PendingQuery
from kadisc.core.contract.saved_state import SavedContact
from kadisc.core.dht import Dht
from kadisc.core.limits.proven_sources import ProvenSources, SourceClass
from kadisc.core.rpc.transactions import Transactions
from kadisc.core.table import saved_contacts
from kadisc.core.table.bucket import Entry
from kadisc.endpoints import Endpoint
from kadisc.wire import gossip
from kadisc.wire.envelope import TID_BYTES, TID_KEY

from .case import Case

FIRST_SEED: Final = 500_000


# --- what the functions did -----------------------------------------------------------------------


def _challenge_at_once(self: Dht, entry: Entry, now: float) -> Commands:
    """Another ID answered: the entry was asked again at once, and had not failed."""
    check = self._check(entry.contact, entry)
    check.spaced = False  # no query was
    return [check]


def _any_with_an_awaited_id(
    self: ProvenSources, payload: bytes, source: Endpoint, now: float
) -> SourceClass:
    """The transaction ID alone was looked at, and not whether the datagram is an answer."""
    self.shown_by = None
    at = payload.rfind(TID_KEY) + len(TID_KEY)
    if at >= len(TID_KEY) and self._admits(payload[at : at + TID_BYTES], source):
        return SourceClass.AWAITED
    return SourceClass.PROVEN if self.is_proven(source, now) else SourceClass.UNPROVEN


def _as_often_as_sent(self: Transactions, tid: bytes, source: Endpoint) -> bool:
    return self.awaits(tid, source)


def _no_failure(self: Dht, pending: PendingQuery, now: float) -> Commands:
    """An error to find_node was no failure of the contact."""
    return NO_COMMANDS


def _of_any_sign(number: int) -> int:
    return min(number, gossip.MAX_NIBBLE)


def _saved_with_any_age(entry: Entry, now: float) -> SavedContact:
    return SavedContact(
        entry.contact,
        now - entry.first_verified_at,
        now - entry.verified_at,
        entry.rtt_s,
        entry.client,
    )


# --- the findings ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """``kinds``: how failures of it begin."""

    what: str
    patches: tuple[Callable[[], Any], ...]
    kinds: tuple[str, ...]


FINDINGS: Final[dict[int, Finding]] = {
    1: Finding(
        "a contact with the next ID of this node ends it after a move",
        (
            lambda: patch.object(OwnIds, "bears", lambda self, contact: False),
            lambda: patch.object(OwnIds, "_had", lambda self, node_id: None),
            lambda: patch.object(saved_contacts.SavedContacts, "_drop_own", lambda self: None),
        ),
        ("ValueError in kadisc/ids.py", "inconsistent, a"),
    ),
    2: Finding(
        "a contact that answers with changing IDs is asked at the speed of its answers",
        (lambda: patch.object(Dht, "_contradicted", _challenge_at_once),),
        ("two queries of maintenance to one endpoint",),
    ),
    8: Finding(
        "queries with an awaited transaction ID pass every limit",
        (
            lambda: patch.object(ProvenSources, "classify", _any_with_an_awaited_id),
            lambda: patch.object(Transactions, "admits", _as_often_as_sent),
        ),
        ("more queries of one endpoint were read",),
    ),
    12: Finding(
        "a contact that answers with errors alone keeps its place",
        (lambda: patch.object(Dht, "refused", _no_failure),),
        ("a contact that answer",),
    ),
    21: Finding(
        "a clock that goes back raises, and the state that is saved cannot be read",
        (
            lambda: patch.object(gossip, "_nibble", _of_any_sign),
            lambda: patch.object(saved_contacts, "_saved", _saved_with_any_age),
        ),
        ("ValueError in kadisc/wire/gossip.py", "a state file has rows that are left out"),
    ),
}


@contextmanager
def put_back(number: int) -> Iterator[Finding]:
    finding = FINDINGS[number]
    with ExitStack() as stack:
        for each in finding.patches:
            stack.enter_context(each())
        yield finding


@dataclass(frozen=True)
class Search:
    """``kind``: of the failure that was found, None if none was; ``seconds``: of processor time."""

    kind: str | None
    cases: int
    moves: int
    seconds: float


def search(number: int, seconds: float, first_seed: int = FIRST_SEED) -> Search:
    """Plays cases until the fault is found, for so many seconds of processor time."""
    began, seed, moves = process_time(), first_seed, 0
    with put_back(number) as finding:
        while process_time() - began < seconds:
            case = Case.drawn(seed)
            failure = case.play()
            moves += len(case.steps) if failure is None else failure.after
            seed += 1
            if failure is not None and failure.kind.startswith(finding.kinds):
                spent = process_time() - began
                return Search(failure.kind, seed - first_seed, moves, spent)
    return Search(None, seed - first_seed, moves, process_time() - began)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz.reintroduced", description=__doc__.split("::")[0]
    )
    parser.add_argument("--finding", type=int, choices=FINDINGS, action="append")
    parser.add_argument("--minutes", type=float, default=5.0, help="of one core, for each finding")
    parser.add_argument("--seed", type=int, default=FIRST_SEED, help="of the first case")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    missed = 0
    for number in options.finding or FINDINGS:
        found = search(number, options.minutes * 60, options.seed)
        missed += found.kind is None
        if options.json:
            print(json.dumps({"finding": number, **vars(found)}), flush=True)
            continue
        after = f"{found.cases} cases, {found.moves} moves, {found.seconds:.1f} s"
        verdict = f"found after {after}: {found.kind}" if found.kind else f"NOT FOUND in {after}"
        print(f"{number:2}  {FINDINGS[number].what}\n    {verdict}", flush=True)
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
