"""A contact whose ID is another one in each answer."""

from __future__ import annotations

import secrets

import trio

from ..case import Case
from ..probe import Asker, ConformanceProbe
from ..verdict import Failed, Skipped

CONTACTS = 6
FIRST_PLACE = 8
"""Of source addresses that no case of `conduct.py` uses: some nodes take one contact an address."""
MAX_IN_10_S = 20
"""Queries to one endpoint: a check, its repetition, and the lookups that go there. In a small
network each lookup asks every node, and a new node begins several: 9 were seen.
"""
WAIT_STEPS = 30
"""Times ``settle_s``, how long they are watched: kadisc checks a new contact after a minute, and
one contact every 4 s.
"""


async def prepare(probe: ConformanceProbe) -> None:
    """Begins now, if there are addresses enough for all cases."""
    if len(probe.sources) >= FIRST_PLACE + CONTACTS:
        await _meet(probe)


async def _meet(probe: ConformanceProbe) -> None:
    """Contacts that the node takes into its table, as far as it takes any."""
    for number in range(CONTACTS):
        node_id = probe.near(number + 2)
        asker = probe.open(FIRST_PLACE + number, node_id, answers=True, changes_id=True)
        await probe.ask("find_node", asker=asker, read_only=False, target=secrets.token_bytes(20))


async def changing_ids(probe: ConformanceProbe) -> str:
    """Attack: a contact that answers each query with another ID makes a node look again at once,
    and again: it is queried as fast as it answers.
    """
    if not any(asker.changes_id for asker in probe.askers):
        await _meet(probe)
    askers = [asker for asker in probe.askers if asker.changes_id]
    began_at = min((asker.opened_at for asker in askers), default=trio.current_time())
    end = began_at + WAIT_STEPS * probe.pace.settle_s
    while (most := max(map(_most_in_10_s, askers), default=0)) <= MAX_IN_10_S:
        if trio.current_time() >= end:
            break
        await trio.sleep(probe.pace.settle_s / 5)
    asked = sum(len(asker.asked_at) for asker in askers)
    for asker in askers:
        asker.answers = False
    if not asked:
        raise Skipped("it queried none of the contacts whose ID changes")
    text = (
        f"{asked} queries to {len(askers)} contacts whose ID changes, at most {most} to one in 10 s"
    )
    if most > MAX_IN_10_S:
        raise Failed(text)
    return text


def _most_in_10_s(asker: Asker) -> int:
    times = list(asker.asked_at)
    return max((sum(begin <= at < begin + 10.0 for at in times) for begin in times), default=0)


CASES = (
    Case(
        "changing-ids",
        "practice",
        "a contact that answers with another ID each time is not queried without end",
        changing_ids,
        prepare=prepare,
        destructive=True,
    ),
)
