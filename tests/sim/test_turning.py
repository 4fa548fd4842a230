"""Adversaries that turn: each behaves like an honest node, and from the turn on as it is meant to.
With its defence off it does more harm than with it on, and what it does in a whole network is the
same in every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from kadisc.config import CoreConfig
from kadisc.core.contract.identity import Identity
from kadisc.endpoints import Endpoint, Family
from kadisc.errors import UsageError
from kadisc.ids import random_id
from kadisc.sim.adversaries.adversary import Adversary
from kadisc.sim.adversaries.kinds import AdversaryGroup, Campaign, MemberParts
from kadisc.sim.adversaries.netgroup_flood import Newcomer
from kadisc.sim.adversaries.registry import KINDS, TURNING
from kadisc.sim.options import SimOptions
from kadisc.sim.settings import with_settings
from kadisc.wire import krpc
from kadisc.wire.compact import contacts_from
from kadisc.wire.gossip import peers_from
from kadisc.wire.messages import Error, FindNode, Gossip, Message, Ping, Query, Reply
from tests.sim.support import run
from tests.support.community import TAG, introduce, member
from tests.support.maintenance import watching_maintenance
from tests.support.world import CONFIG, Host, World, address, synthetic, without

TURNS_AT = 10_000.0
NEVER_DREW = Identity(bytes(32))
"""Of the parts of a member that has its node already."""


def group_of(kind: str, *settings: str) -> AdversaryGroup:
    return KINDS[kind].group(with_settings(SimOptions(), settings), Random(1))


def replaced(group: AdversaryGroup, hosts: Sequence[Host]) -> list[Adversary]:
    """Each host becomes an adversary with the node that it had inside."""
    made = []
    for host in hosts:
        adversary = group.member(MemberParts(host.id, NEVER_DREW, host.node))
        adversary.endpoint = host.endpoint
        host.node = adversary  # type: ignore[assignment]
        made.append(adversary)
    return made


def turn_at(group: AdversaryGroup, at: float) -> None:
    group.begin(Campaign((), at, at))


# --- one of each kind -----------------------------------------------------------------------------


class Asker:
    """Asks one adversary, a member of a community of six, before its turn and after it."""

    def __init__(self, kind: str) -> None:
        self.world = World(2, one_way_s=0.02)
        members = [member(self.world, number) for number in range(1, 7)]
        for each in members:
            self.world.join(each, members[:2])
            introduce(self.world, each, *(other.endpoint for other in members if other is not each))
        self.world.run(60.0)
        self.host = members[-1]
        self.own_id = self.host.id
        self.group = group_of(kind)
        replaced(self.group, [self.host])
        self._token = b""

    def turn(self) -> None:
        turn_at(self.group, self.world.now)

    def ask(self, query: Query) -> Message | None:
        self.host.node.receive(krpc.encode(query), address(40_000), self.world.now)
        answers = [
            krpc.decode(payload)
            for payload, destination in self.host.node.drain_outbox()
            if destination == address(40_000)
        ]
        return answers[0] if answers else None

    def find_node(self) -> Message | None:
        return self.ask(FindNode(b"aaaa", 7, 1 << 150))

    def gossip(self) -> Message | None:
        """The second query has the token of the first, and is told of peers."""
        answer = self.ask(Gossip(b"gggg", 7, TAG, 0, pad=400))
        if isinstance(answer, Reply) and answer.token is not None:
            return self.ask(Gossip(b"gggg", 7, TAG, 8, token=answer.token))
        return answer

    def endpoints(self, answer: Message | None) -> set[Endpoint]:
        assert isinstance(answer, Reply)
        if answer.news is not None:
            named = [each.contact for each in peers_from(answer.news.peers, Family.IPV4)]
        else:
            named = contacts_from(answer.nodes or b"", Family.IPV4)
        return {contact.endpoint for contact in named}


@pytest.mark.parametrize("kind", [kind.name for kind in TURNING])
def test_before_its_turn_an_adversary_answers_like_an_honest_node(kind: str) -> None:
    asker = Asker(kind)
    for answer in (asker.ask(Ping(b"pppp", 7)), asker.find_node(), asker.gossip()):
        assert isinstance(answer, Reply)
        assert answer.sender == asker.own_id
        assert answer.seen_as in (None, address(40_000))
    assert asker.endpoints(asker.find_node()) <= set(asker.world.hosts)
    assert asker.endpoints(asker.gossip()) <= set(asker.world.hosts)
    assert len(asker.endpoints(asker.gossip())) >= 3


def test_changing_ids_are_in_two_answers_each() -> None:
    asker = Asker("changing-ids")
    asker.turn()
    answers = [asker.find_node() for _ in range(6)]
    shown = [answer.sender for answer in answers if isinstance(answer, Reply)]
    assert shown[::2] == shown[1::2]
    assert len({asker.own_id, *shown}) == 4


def test_errors_alone_answer_everything() -> None:
    asker = Asker("errors-alone")
    asker.turn()
    for answer in (asker.ask(Ping(b"pppp", 7)), asker.find_node(), asker.gossip()):
        assert isinstance(answer, Error)
        assert answer.code == 202


def test_dead_names_are_in_answers_to_lookups_and_to_gossip() -> None:
    asker = Asker("dead-names")
    asker.turn()
    for answer in (asker.find_node(), asker.gossip()):
        named = asker.endpoints(answer)
        assert len(named) >= 16
        assert named.isdisjoint(asker.world.hosts)
    assert isinstance(asker.ask(Ping(b"pppp", 7)), Reply)


def test_pings_alone_are_answered() -> None:
    asker = Asker("pings-alone")
    asker.turn()
    assert isinstance(asker.ask(Ping(b"pppp", 7)), Reply)
    assert asker.find_node() is None
    assert asker.gossip() is None


def test_liars_tell_all_the_same_lie() -> None:
    asker = Asker("turning-liars")
    asker.turn()
    lies = {
        answer.seen_as
        for answer in (asker.ask(Ping(b"pppp", 7)), asker.find_node())
        if isinstance(answer, Reply)
    }
    assert len(lies) == 1
    assert lies.isdisjoint({None, address(40_000)})


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_newcomers_are_brought_in_at_the_turn_and_are_silent_before(family: str) -> None:
    group = group_of("netgroup-flood", "attack.addresses=5", f"family={family}")
    own = random_id(Random(2))
    world = World(2)
    inside = world.add(address(1))
    [gateway] = replaced(group, [inside])
    brought: list[tuple[Adversary, Endpoint]] = []

    def bring_in(adversary: Adversary, beside: Endpoint) -> None:
        if len(brought) < 3:  # there are no more addresses
            adversary.endpoint = address(100 + len(brought))
            brought.append((adversary, beside))

    victim = world.add(address(9), own_id=own)
    host: Any = victim
    host.outside = victim.endpoint
    group.begin(Campaign([host], 0.0, TURNS_AT, bring_in))
    assert [beside for _, beside in brought] == 3 * [gateway.endpoint]
    for newcomer, _ in brought:
        assert isinstance(newcomer, Newcomer)
        assert newcomer.next_deadline() >= TURNS_AT
        newcomer.tick(TURNS_AT - 1.0)
        assert newcomer.drain_outbox() == []
        newcomer.tick(newcomer.next_deadline())
        sent = [krpc.decode(payload) for payload, _ in newcomer.drain_outbox()]
        assert {type(message) for message in sent} == {Gossip, FindNode}


# --- with and without the defence -----------------------------------------------------------------


def maintenance_at(kind: str, config: CoreConfig, seconds: float) -> tuple[int, float]:
    """The most checks that began in 10 s at one endpoint, and the share of an honest node's table
    that six of thirty nodes have at the end.
    """
    with watching_maintenance() as oracle:
        world = World(4, one_way_s=0.02)
        hosts = synthetic(world, 30, config)
        for host in hosts:
            dht = host.node.dhts[Family.IPV4]
            for entry in dht.table:
                dht.parts.revalidation.plan(entry)
        group = group_of(kind)
        turned = {host.endpoint for host in hosts[::5]}
        table = hosts[1].node.dhts[Family.IPV4].table
        replaced(group, hosts[::5])
        turn_at(group, 0.0)
        for host in hosts:
            world.flush(host)
        world.run(seconds)
    entries = [entry for entry in table if entry.returnable]
    return oracle.most(), sum(entry.contact.endpoint in turned for entry in entries) / len(entries)


def test_contacts_that_change_their_ids_are_asked_no_more_often_than_others() -> None:
    assert maintenance_at("changing-ids", CONFIG, 300.0)[0] <= 1
    undefended = without("spaced_maintenance")
    assert maintenance_at("changing-ids", undefended, 300.0)[0] > 1


@pytest.mark.parametrize("kind", ["errors-alone", "pings-alone"])
def test_contacts_that_are_of_no_use_any_more_leave_the_table(kind: str) -> None:
    most, share = maintenance_at(kind, CONFIG, 900.0)
    assert most <= 1
    assert share <= 0.02


# --- the scenario ---------------------------------------------------------------------------------

TINY = ("nodes=14", "warmup_s=20", "minutes=0.4", "attack.lookups=6")


def test_a_run_is_deterministic_and_the_kinds_differ_only_after_the_turn() -> None:
    settings = (*TINY, "attack.ablations=off")
    first = run("turning", *settings, "attack.kind=dead-names")
    again = run("turning", *settings, "attack.kind=dead-names")
    other = run("turning", *settings, "attack.kind=errors-alone", "family=ipv4")
    assert (first.digest, first.metrics) == (again.digest, again.metrics)
    assert other.digest != first.digest
    assert {name for name in first.metrics if name.endswith("_before")} > {"table_before"}
    for name, value in first.metrics.items():
        if name.endswith("_before"):
            assert other.metrics[name] == value, name
    assert first.metrics["to_nobody_after"] > 0.2  # type: ignore[operator]
    assert other.metrics["to_nobody_after"] == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_a_flood_of_one_netgroup_takes_few_slots_and_samples(family: str) -> None:
    """Of places in the table, of which a network of 24 nodes has more than it can fill, it takes
    nearly half, whatever the defences.
    """
    small = ("nodes=24", "warmup_s=30", "minutes=0.5", "attack.lookups=10", "attack.addresses=30")
    settings = (*small, "attack.ablations=off", f"family={family}", "attack.share=0")
    flooded = run("turning", *settings, "attack.kind=netgroup-flood").metrics
    assert (flooded["adversaries"], flooded["newcomers"]) == (1, 30)
    assert flooded["returned_after"] >= 0.9  # type: ignore[operator]
    off = [
        f"core.defences.{name}=off"
        for name in ("diversity_caps", "lookup_caps", "ranked_slots", "ipv6_shares", "book_groups")
    ]
    undefended = run("turning", *settings, *off, "attack.kind=netgroup-flood").metrics
    assert flooded["samples_after"] <= 0.15  # type: ignore[operator]
    assert undefended["samples_after"] >= 0.3  # type: ignore[operator]
    assert undefended["slots_after"] > 1.5 * flooded["slots_after"]  # type: ignore[operator]
    assert undefended["recall_after"] < flooded["recall_after"]  # type: ignore[operator]


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="changing-ids, errors-alone"):
        run("turning", *TINY, "attack.kind=nonsense")
