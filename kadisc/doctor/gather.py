"""Takes the facts of a node, after tests that are under way have ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import trio

from ..net.api.node import Node
from ..observe.describe import family_name
from .facts import DoctorFacts, FamilyFacts

MAX_WAIT_S: Final = 30.0
"""The longest that facts are waited for."""
LOOK_AGAIN_S: Final = 0.25
TELL_EVERY_S: Final = 1.0

Tell = Callable[[Mapping[str, object]], None]


async def gather(
    node: Node, *, is_lasting: bool, wait_s: float, tell: Tell | None = None
) -> DoctorFacts:
    """The facts, as soon as nothing is under way that would change them, and after ``wait_s``
    seconds at most. ``tell`` gets ``{"waiting": {"for": [...], "elapsed_s": ...}}`` each second.
    """
    await trio.lowlevel.checkpoint()
    began = trio.current_time()
    told_at = began
    while (what := under_way(facts := facts_of(node, is_lasting=is_lasting))) and (
        trio.current_time() < began + wait_s
    ):
        if tell is not None and trio.current_time() >= told_at:
            told_at += TELL_EVERY_S
            elapsed_s = round(trio.current_time() - began, 1)
            tell({"waiting": {"for": list(what), "elapsed_s": elapsed_s}})
        await trio.sleep(LOOK_AGAIN_S)
    return facts


def facts_of(node: Node, *, is_lasting: bool) -> DoctorFacts:
    """The facts at this moment."""
    snapshot = node.snapshot()
    sockets = {each.family: each for each in node.sockets()}
    return DoctorFacts(
        is_lasting=is_lasting,
        uptime_s=node.uptime_s,
        read_only=node.config.core.read_only,
        waits_for_contact=node.waits_for_contact,
        families=tuple(FamilyFacts(dht, sockets[dht.family]) for dht in snapshot.dhts),
        state_dir=node.config.state_dir,
        keeps_state=node.keeps_state,
        cannot_save=node.cannot_save,
    )


def under_way(facts: DoctorFacts) -> tuple[str, ...]:
    """What may still change the findings within seconds, as words for people."""
    young = facts.uptime_s < MAX_WAIT_S
    return tuple(
        f"{family_name(each.family)} to join"
        for each in facts.families
        if young and not each.dht.joined
    )
