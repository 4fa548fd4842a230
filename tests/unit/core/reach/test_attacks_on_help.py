"""Attacks by means of the help with tests of reachability, and on it: each with its defence off and
on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from kadisc.config import CLIENT_VERSION, CoreConfig
from kadisc.core.contract.reach_verdict import ReachVerdict
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.wire import krpc
from kadisc.wire.messages import Knock, Message, Ping, Reach, ReachResult, Reply
from tests.support.community import (
    TAG,
    Stranger,
    introduce,
    member,
    peer_network,
    record_fields,
    stranger,
)
from tests.support.reaching import (
    IP_AND_UDP_BYTES,
    RestrictedWorld,
    ask,
    asker,
    errs,
    get_token,
    helper,
    knock,
    knocks,
    nonce,
    probes,
    reach,
    reachability,
    served,
)
from tests.support.world import CONFIG, Host, World, address, without

VICTIM = make_endpoint("91.1.1.1", 6881)


# --- what others can be made to send --------------------------------------------------------------


def pings_at_victim(config: CoreConfig, *, helpers: int = 40, seconds: int = 120) -> int:
    """How many datagrams attackers, each in a netgroup of its own, make one witness send to a host
    that never asked for any.
    """
    world = World()
    witness = member(world, 0, config=config)
    attackers = [asker(world, witness, 500 + number) for number in range(helpers)]
    world.sent = []
    for second in range(seconds):
        for number, each in enumerate(attackers):
            port = Endpoint(VICTIM[:4] + (2000 + second).to_bytes(2, "big"))
            query = Knock(
                b"kkkk",
                each.id,
                nonce(second * helpers + number),
                TAG,
                port,
                each.tokens[witness.endpoint],
            )
            world.inject(witness, each.endpoint, krpc.encode(query))
        world.run(1.0)
    return sum(destination[:4] == VICTIM[:4] for _, _, destination, _ in world.sent)


def test_a_third_party_is_not_flooded_by_the_pings_of_witnesses() -> None:
    """The notes of contacted hosts alone would leave a ping every six minutes; they may collide,
    and they are no limit at all on many hosts of one subnet.
    """
    assert pings_at_victim(CONFIG) <= 6
    assert pings_at_subnet(without("witness_budgets")) > 100
    assert pings_at_subnet(CONFIG) <= 24


def pings_at_subnet(config: CoreConfig) -> int:
    """The same at all hosts of one subnet, each of which is a stranger to the witness."""
    world = World()
    witness = member(world, 0, config=config)
    attackers = [asker(world, witness, 500 + number) for number in range(4)]
    world.sent = []
    for host in range(1, 201):
        each = attackers[host % len(attackers)]
        to = make_endpoint(f"91.1.1.{host}", 6881)
        query = Knock(b"kkkk", each.id, nonce(host), TAG, to, each.tokens[witness.endpoint])
        world.inject(witness, each.endpoint, krpc.encode(query))
        world.run(0.1)
    return sum(destination[:3] == VICTIM[:3] for _, _, destination, _ in world.sent)


def test_budgets_of_a_witness() -> None:
    """30 an hour for one helper, 2 for a helper's netgroup and one target, 24 for a subnet."""
    world = World()
    config = replace(
        CONFIG, reach=replace(CONFIG.reach, total_ping_burst=1000, total_pings_per_s=100)
    )
    witness = member(world, 0, config=config)
    one = asker(world, witness)
    targets = [stranger(world, 1000 + number, answers=False) for number in range(40)]
    for number, target in enumerate(targets):
        knock(world, one, witness, target.endpoint, number, wait_s=3.0)
    assert sum(len(probes(each)) for each in targets) == 30
    helpers = [asker(world, witness, 700 + number) for number in range(40)]
    hosts = [make_endpoint(f"92.1.1.{number}", 6881) for number in range(1, 41)]
    for number, (each, to) in enumerate(zip(helpers, hosts, strict=True)):
        knock(world, each, witness, to, number, wait_s=3.0)
    assert served(witness)["knock.started"] == 30 + 24


def test_a_witness_waits_for_so_many_answers_at_once_and_no_more() -> None:
    world = World()
    config = without("witness_budgets")
    witness = member(world, 0, config=config)
    one = asker(world, witness)
    for number in range(100):
        query = Knock(
            b"kkkk",
            one.id,
            nonce(number),
            TAG,
            address(2000 + number),
            one.tokens[witness.endpoint],
        )
        witness.node.receive(krpc.encode(query), one.endpoint, world.now)
    assert served(witness) == {"knock.started": 32, "knock.busy": 68}
    world.flush(witness)
    world.run(9.0)
    assert served(witness)["knock.unanswered"] + served(witness).get("knock.gave-up", 0) == 32


# --- draining -------------------------------------------------------------------------------------


def network(world: World, size: int) -> list[Host]:
    """Members that have verified each other."""
    members = [member(world, number) for number in range(1, size + 1)]
    everyone = [each.endpoint for each in members]
    for each in members:
        peer_network(each).report(
            [other for other in everyone if other != each.endpoint], "operator", world.now
        )
        world.flush(each)
    world.run(30.0)
    return members


def verdict_while_witnesses_are_drained(drained: int) -> ReachVerdict:
    """A new node among 12 members that help it; an attacker keeps so many busy as witnesses."""
    world = World()
    members = network(world, 12)
    attacker = stranger(world, 900)
    number = 0
    for second in range(16):
        for each in members[:drained]:
            if not second:
                get_token(world, attacker, each)
            for _ in range(4):
                number += 1
                to = make_endpoint(f"{60 + number % 30}.{number // 30 % 250}.7.7", 6881)
                token = attacker.tokens[each.endpoint]
                query = Knock(b"kkkk", attacker.id, nonce(10_000 + number), TAG, to, token)
                world.inject(each, attacker.endpoint, krpc.encode(query))
        if second == 8:
            node = member(world, 100)
            peer_network(node).report([each.endpoint for each in members], "operator", world.now)
            world.flush(node)
        world.run(1.0)
    assert served(members[0]).get("knock.busy", 0) > 10 or not drained
    outcomes = sum((Counter(served(each)) for each in members), Counter())
    assert outcomes["reach.answered"] >= 2
    return reachability(node).verdict


def test_drained_witnesses_turn_no_verdict() -> None:
    assert verdict_while_witnesses_are_drained(0) is ReachVerdict.YES
    assert verdict_while_witnesses_are_drained(9) is ReachVerdict.YES


# --- forged sources, and bytes --------------------------------------------------------------------


def test_a_forged_source_gets_a_token_and_no_more_bytes_than_were_sent() -> None:
    world = World()
    host, witnesses = helper(world, 4)
    one = asker(world, host)
    record = record_fields(one.who, VICTIM, services={"eth": 30303})
    queries: list[Message] = [
        Reach(b"aaaa", 1, nonce(1), TAG),
        Reach(b"aaaa", 1, nonce(1), TAG, b"wrong"),
        Reach(b"aaaa", 1, nonce(1), TAG, one.tokens[host.endpoint]),  # of another endpoint
        Reach(b"aaaa", 1, nonce(1), TAG, None, 51413, version=CLIENT_VERSION),
        Reach(b"aaaa", 1, nonce(1), TAG, b"x", None, record, 30303),
        Reach(b"aaaa", 1, nonce(1), bytes(20)),
        Knock(b"aaaa", 1, nonce(1), TAG, address(5)),
        Knock(b"aaaa", 1, nonce(1), TAG, address(5), one.tokens[host.endpoint]),
        Knock(b"aaaa", 1, nonce(1), bytes(20), address(5)),
        Ping(b"aaaa", 1, nonce(1)),
    ]
    world.sent = []
    host.events.clear()
    for query in queries:
        payload = krpc.encode(query)
        before = len(world.sent)
        world.inject(host, VICTIM, payload)
        sent = world.sent[before:]
        assert {destination for _, _, destination, _ in sent} <= {VICTIM}
        assert sum(len(each) for *_, each in sent) <= len(payload)
        world.run(1.0)
    assert not any(knocks(each) for each in witnesses)
    assert not any(type(event).__name__ == "TcpDialWanted" for event in host.events)


def on_the_wire(payload: bytes) -> int:
    return len(payload) + IP_AND_UDP_BYTES


def test_no_method_sends_more_to_a_victim_than_065_of_what_the_attacker_sent() -> None:
    """Bytes with headers at an address that another node named, for each byte to a witness; and
    those of a TCP connection that nobody accepts.
    """
    world = World()
    witness = member(world, 0)
    one, target = asker(world, witness), stranger(world, 77, answers=False)
    query = Knock(
        b"kkkk",
        one.id,
        nonce(1),
        TAG,
        target.endpoint,
        one.tokens[witness.endpoint],
        version=CLIENT_VERSION,
    )
    payload = krpc.encode(query)
    world.sent = []
    world.inject(witness, one.endpoint, payload)
    world.run(30.0)
    at_target = sum(on_the_wire(each) for _, _, to, each in world.sent if to == target.endpoint)
    assert at_target == 108
    assert on_the_wire(payload) == 166
    assert at_target / on_the_wire(payload) <= 0.651
    # A helper is the attacker's means to reach the asker alone, and that asked.
    syn_bytes, syns_in_3_s = 60, 2
    record = record_fields(one.who, one.endpoint, services={"eth": 30303})
    dial = krpc.encode(Reach(b"aaaa", 1, nonce(1), TAG, bytes(8), None, record, 30303))
    assert syns_in_3_s * syn_bytes / on_the_wire(dial) <= 0.65


# --- evidence that is none ------------------------------------------------------------------------


def verdict_with_flows_kept_open(config: CoreConfig) -> ReachVerdict:
    """A node behind a router that lets in only addresses that the node has sent something to. Ten
    attackers are its peers; each has one accomplice, which the node asked once and which stayed
    silent, but sends junk every minute from then on. After seven minutes the accomplices ping.
    """
    behind = address(0)
    world = RestrictedWorld(behind)
    node = member(world, 0, config=config)
    attackers = helpers_with_witnesses(world, 10)
    helps = [each.help for each in attackers]
    accomplices = [address(200 + number) for number in range(10)]
    for attacker in attackers:
        attacker.help = errs(202)
    introduce(world, node, *(each.endpoint for each in attackers))
    for accomplice in accomplices:
        world.ping(node, accomplice)
    for minute in range(40):
        for accomplice in accomplices:
            world.send(accomplice, behind, b"junk")
        world.run(60.0)
        if minute == 7:
            for attacker, help in zip(attackers, helps, strict=True):
                attacker.help = help
    assert sum(node.node.counters.dropped.values()) > 100
    assert node.node.counters.accepted["query.ping"] >= 4  # they did get in
    return reachability(node).verdict


def test_a_flow_that_is_kept_open_makes_no_stranger() -> None:
    assert verdict_with_flows_kept_open(without("renewed_contacts")) is ReachVerdict.YES
    assert verdict_with_flows_kept_open(CONFIG) is not ReachVerdict.YES


def helpers_with_witnesses(
    world: World, count: int, *, hears_answers: bool = True
) -> list[Stranger]:
    """Scripted peers that help, each with a witness of its own. ``hears_answers``: whether answers
    to the witnesses arrive.
    """
    helpers: list[Stranger] = []

    def help_of(number: int) -> Callable[[Reach | Knock, Endpoint], None]:
        witness = stranger(world, 200 + number, answers=False)

        def help(query: Reach | Knock, source: Endpoint) -> None:
            ping = Ping(query.nonce[:4], witness.id, query.nonce, version=CLIENT_VERSION)
            world.send(witness.endpoint, source, krpc.encode(ping))

            def report() -> None:
                ok = any(each.tid == ping.tid for each in witness.told) and hears_answers
                reply = Reply(query.tid, 1, seen_as=source, version=CLIENT_VERSION)
                reply.reach = ReachResult(ok, witness.endpoint)
                world.send(helpers[number].endpoint, source, krpc.encode(reply))

            world.at(world.now + 0.5, report)

        return help

    helpers += [
        stranger(world, 1 + number, can_help=True, help=help_of(number)) for number in range(count)
    ]
    return helpers


def verdict_where_answers_are_lost(config: CoreConfig) -> ReachVerdict:
    """Answers do not get back to strangers, as where a VPN is the default route and a mapping at
    home lets pings in; honest witnesses say so.
    """
    world = World()
    node = member(world, 0, config=config)
    helpers = helpers_with_witnesses(world, 10, hears_answers=False)
    introduce(world, node, *(each.endpoint for each in helpers))
    world.run(100.0)
    return reachability(node).verdict


def test_a_ping_whose_answer_is_lost_proves_nothing() -> None:
    assert verdict_where_answers_are_lost(without("answered_witness")) is ReachVerdict.YES
    assert verdict_where_answers_are_lost(CONFIG) is ReachVerdict.UNKNOWN


# --- a flood while a round is under way -----------------------------------------------------------


def verdict_in_a_flood(config: CoreConfig) -> ReachVerdict:
    """Junk from forged sources uses up the limit on all unproven ones while ten honest helpers have
    ten witnesses ping the node.
    """
    limits = replace(config.limits, total_queries_per_s=4.0, total_query_burst=4.0)
    world = World()
    node = member(world, 0, config=replace(config, limits=limits))
    number = 0

    def pour() -> None:
        nonlocal number
        for _ in range(20):
            number += 1
            node.node.receive(b"junk", address(10_000 + number), world.now)
        node.node.drain_outbox()
        world.at(world.now + 0.05, pour)

    pour()
    helpers = helpers_with_witnesses(world, 10)
    introduce(world, node, *(each.endpoint for each in helpers))
    world.run(30.0)
    assert node.node.counters.dropped["limit.total"] > 1000
    return reachability(node).verdict


def test_a_flood_does_not_hide_that_strangers_get_in() -> None:
    assert verdict_in_a_flood(without("probe_lane")) is not ReachVerdict.YES
    assert verdict_in_a_flood(CONFIG) is ReachVerdict.YES


# --- hostile bytes --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["reach", "knock"])
def test_hostile_bytes_in_a_query_raise_nothing(method: str) -> None:
    world = World()
    host, _ = helper(world, 2)
    one = asker(world, host)
    rng = world.rng
    good = krpc.encode(
        reach(one, host)
        if method == "reach"
        else Knock(b"aaaa", 1, nonce(1), TAG, address(9), one.tokens[host.endpoint])
    )
    for _ in range(2000):
        changed = bytearray(good)
        for _ in range(rng.randrange(1, 4)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        host.node.receive(bytes(changed), one.endpoint, world.now)
        host.node.drain_outbox()
    counters = host.node.counters
    assert counters.received == sum(counters.accepted.values()) + sum(counters.dropped.values())
    assert isinstance(ask(world, asker(world, host, 501), host, 7), Reply)
