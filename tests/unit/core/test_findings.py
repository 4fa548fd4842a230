"""Attacks that break the node today. Each test says what must hold, and is expected to fail until
the fault is mended; the number is that of the finding.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable

import pytest

from kadisc.contacts import Contact
from kadisc.core.contract.events import Datagram, Event
from kadisc.core.contract.saved_state import SavedContact
from kadisc.core.core import Core
from kadisc.endpoints import Endpoint, Family
from kadisc.net.state.state_file import KeptState, decode_state, encode_state
from kadisc.wire import krpc
from kadisc.wire.messages import Error, Query, Reply
from tests.support.world import CONFIG, Host, World, address

Answer = Callable[[Query], Reply | Error | None]
OWN_ID = 1 << 150


def finding(number: int) -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, reason=f"finding {number} is not mended yet")


class ScriptedNode:
    """Takes the place of a core in the world: a function decides on each answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.queries: list[tuple[float, Query]] = []
        self.outbox: list[Datagram] = []

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        message = krpc.decode(payload)
        if not isinstance(message, Query):
            return
        self.queries.append((now, message))
        answer = self.answer(message)
        if answer is not None:
            self.outbox.append((krpc.encode(answer), source))

    def tick(self, now: float) -> None:
        pass

    def next_deadline(self) -> float:
        return float("inf")

    def drain_outbox(self) -> list[Datagram]:
        drained, self.outbox = self.outbox, []
        return drained

    def drain_events(self) -> list[Event]:
        return []


def put(world: World, endpoint: Endpoint, answer: Answer) -> ScriptedNode:
    node = ScriptedNode(answer)
    world.hosts[endpoint] = Host(node, endpoint)  # type: ignore[arg-type]
    return node


def core(own_id: int = OWN_ID) -> Core:
    return Core(CONFIG, random.Random(1), {Family.IPV4: own_id}, 0.0)


@finding(17)
def test_one_unreadable_row_of_the_state_does_not_cost_the_key() -> None:
    state = KeptState(bytes(range(32)))
    state.contacts["n"] = (SavedContact(Contact(5, address(1)), 1.0, 1.0),)
    database = sqlite3.connect(":memory:")
    database.deserialize(encode_state(state))
    database.execute("UPDATE contacts SET age_s = -1")
    database.commit()
    assert decode_state(database.serialize()).seed == bytes(range(32))
