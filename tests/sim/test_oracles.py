"""Each oracle notices what it promises to notice, and nothing in honest networks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random

import pytest

from kadisc.config import Defences
from kadisc.core.contract.events import (
    AnnounceFinished,
    Outcome,
    StoreRefusal,
    WentOffline,
)
from kadisc.core.contract.saved_state import SavedDht, SavedState
from kadisc.core.table.check import Check, check_query
from kadisc.endpoints import Endpoint, Family
from kadisc.net.state.round_trip import reloaded
from kadisc.sim.lab import Lab
from kadisc.sim.model.host import Host
from kadisc.sim.oracles.budgets import WINDOW_S, bounds_of_bytes
from kadisc.sim.oracles.violation import Violation
from kadisc.wire import krpc
from kadisc.wire.messages import FindNode, Reply
from tests.sim.support import options
from tests.support.world import address

SMALL = ("nodes=14", "warmup_s=1", "churn.profile=none", "population.reachable=1")


def settled(*settings: str, asserted: Defences | None = None) -> Lab:
    lab = Lab(options("lookup", *SMALL, *settings), asserted=asserted, reload=reloaded)
    lab.settle()
    return lab


@contextmanager
def broken(oracle: str, match: str) -> Iterator[None]:
    with pytest.raises(Violation, match=match) as caught:
        yield
    assert caught.value.oracle == oracle
    assert caught.value.at_s is not None
    assert caught.value.node and caught.value.evidence in str(caught.value)


def first_contact(host: Host) -> Endpoint:
    return next(iter(host.dht.table)).contact.endpoint


def check(lab: Lab, host: Host, endpoint: Endpoint) -> None:
    """The core sends a check of a contact, whatever its spacing says."""
    dht, sender = host.dht, host.node._sender
    query = FindNode(b"", dht.own_id, dht.own_id)
    owner = Check(dht.parts.candidates, dht.table.at(endpoint), dht.parts.size_reports)
    command = check_query(endpoint, None, query, owner, host.node.counters)
    now = lab.world.now + host.skew_s
    sender._send_query(command, sender._destinations[lab.family], now)
    lab.world.flush(host)


def test_two_checks_of_one_endpoint_within_ten_seconds() -> None:
    lab = settled()
    host = lab.live()[0]
    where = first_contact(host)
    lab.run(30.0)
    check(lab, host, where)
    with broken("spacing", "after another one"):
        check(lab, host, where)


def test_a_contact_that_answers_nothing_and_is_returned() -> None:
    lab = settled("core.defences.spaced_maintenance=off")
    host = lab.live()[0]
    where = first_contact(host)
    gone = lab.oracle.at(where)
    assert gone is not None
    lab.stop(gone)
    with broken("unanswered", "without a reply"):
        for _ in range(8):
            check(lab, host, where)
            lab.run(11.0)
            entry = host.dht.table.at(where)
            assert entry is not None
            entry.failures = 0  # as if it had not failed
            entry.failed_at = lab.world.now


def test_checks_of_the_dead_alone() -> None:
    lab = settled()
    host = lab.live()[0]
    with broken("dead-checks", "addresses without a node"):
        for number in range(300):
            check(lab, host, address(50_000 + number))


def test_bytes_beyond_the_budget_in_force() -> None:
    lab = settled("core.limits.proven_host_reply_bytes_per_s=100")
    host, most = lab.live()[0], bounds_of_bytes(lab.options.core.limits).address
    payload = krpc.encode(Reply(b"aaaa", 1, token=b"x" * 900))
    for size, fails in ((0.5, False), (1.1, True)):
        lab.run(2 * WINDOW_S)
        lab.oracles.look(lab.world.now)
        for _ in range(int(size * most / len(payload)) + 1):
            lab.oracles.sent(host, [(payload, address(99))], lab.world.now)
        lab.world.now += WINDOW_S + 1.0
        if fails:
            with broken("bytes", r"\(address\) in 10 s"):
                lab.oracles.look(lab.world.now)
        else:
            lab.oracles.look(lab.world.now)


def test_bytes_to_a_stranger_beyond_its_budget() -> None:
    lab = settled("paranoid=on")
    host = lab.live()[0]
    payload = krpc.encode(Reply(b"aaaa", 1, token=b"x" * 900))
    lab.oracles.look(lab.world.now)
    for _ in range(100):
        lab.oracles.sent(host, [(payload, address(99))], lab.world.now)
    with broken("bytes-to-strangers", "the budgets in force allow"):
        lab.oracles.look(lab.world.now + 2 * WINDOW_S)


def test_a_start_that_does_not_arrive() -> None:
    lab = settled()
    host = lab.new_host(reachable=True)
    lab.boot(host)
    lab.oracles.joins(host)
    with broken("joined", "not joined after"):
        lab.run(300.0)


def test_a_node_that_takes_itself_for_offline() -> None:
    lab = settled()
    host, event = lab.live()[0], WentOffline(Family.IPV4)
    lab.oracles.happened(host, [event], lab.world.now)
    lab.oracles.happened(host, [event], lab.world.now + 700.0)
    with broken("offline", "contacts can be reached"):
        lab.oracles.happened(host, [event], lab.world.now + 760.0)


def test_an_announce_that_honest_nodes_refuse() -> None:
    lab = settled()
    host, *others = lab.live()
    refused = tuple(StoreRefusal(other.contact, 202, "no room") for other in others[:3])
    event = AnnounceFinished(1, Outcome.ERROR_ANSWER, refused=refused)
    with broken("announces", "refused by 3 honest nodes"):
        lab.oracles.happened(host, [event], lab.world.now)
    lab.oracles.happened(host, [replace(event, refused=refused[:1])], lab.world.now)


def test_a_saved_state_that_the_file_does_not_bring_back() -> None:
    lab = Lab(
        options("lookup", *SMALL, "paranoid=on"),
        reload=lambda state, network, damage: SavedState(
            tuple(SavedDht(dht.family, dht.ip, dht.contacts[1:]) for dht in state.dhts)
        ),
    )
    with broken("saved-state", "contacts of ipv4 differ"):
        lab.settle(warmup_s=100.0)


class BusyCore:
    """In place of a core: each datagram takes as many seconds of CPU time as it says."""

    def receive(self, payload: bytes, source: Endpoint, now: float) -> None:
        ends_at = time.thread_time() + float(payload)
        while time.thread_time() < ends_at:
            pass


def test_a_datagram_that_takes_long() -> None:
    lab = settled("paranoid=on")
    host, caller = lab.live()[0], lab.world.caller
    assert caller is not None
    host.node = BusyCore()  # type: ignore[assignment]
    for _ in range(3):
        caller.receive(host, b"0.005", address(1), lab.world.now)
    with broken("call-time", "ms of CPU time"):
        for _ in range(5):  # garbage may be collected during one of them
            caller.receive(host, b"0.2", address(1), lab.world.now)


def test_an_oracle_does_not_rely_on_a_defence_that_is_off() -> None:
    off = settled("core.defences.spaced_maintenance=off")
    where = first_contact(off.live()[0])
    check(off, off.live()[0], where)
    check(off, off.live()[0], where)
    lab = settled("core.defences.spaced_maintenance=off", asserted=Defences())
    where = first_contact(lab.live()[0])
    check(lab, lab.live()[0], where)
    with broken("spacing", "after another one"):
        check(lab, lab.live()[0], where)


def test_a_damaged_state_is_read_as_far_as_it_goes() -> None:
    lab = settled()
    state = lab.live()[0].node.export_state(lab.world.now)
    assert reloaded(state, "net").dhts[0].contacts == state.dhts[0].contacts
    rng = Random(5)
    kept = [len(dht.contacts) for _ in range(40) for dht in reloaded(state, "net", rng).dhts[:1]]
    assert kept and max(kept) <= len(state.dhts[0].contacts)
