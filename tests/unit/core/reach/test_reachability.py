"""A node finds out whether strangers reach it, in a small world with routers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kadisc.config import CoreConfig
from kadisc.core.contract.conduct import Conduct
from kadisc.core.contract.events import ReachabilityChanged
from kadisc.core.contract.reach_verdict import ReachVerdict
from kadisc.core.reach.reach_snapshot import ReachSnapshot
from kadisc.core.reach.reachability import Reachability
from kadisc.endpoints import Endpoint, Family, ip_of
from kadisc.wire.records import PeerRecord, decode_record
from tests.support.community import introduce, knows, member, peer_network
from tests.support.world import CONFIG, Host, World, address, without

MAPPING_S = 120.0
SMALL = replace(
    CONFIG,
    reach=replace(CONFIG.reach, misses=3),
    gossip=replace(CONFIG.gossip, pull_entries=1),
)
"""For a node in a world so small that it soon knows nearly all others, which then can't witness."""
YES, NO = ReachVerdict.YES, ReachVerdict.NO


class RoutedWorld(World):
    """Some hosts are behind routers that let in only those that the host sent to, but for what
    ``forwards`` maps.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.routers: dict[Endpoint, dict[bytes, float]] = {}
        self.forwards: dict[Endpoint, Endpoint] = {}
        """Outer endpoints, and the hosts behind them."""
        self._flows: dict[tuple[Endpoint, Endpoint], Endpoint] = {}
        """The answer to what came by a forward leaves from there."""
        self.deaf_to: Callable[[Endpoint, Endpoint], bool] = lambda source, destination: False

    def behind_a_router(self, host: Host) -> None:
        self.routers[host.endpoint] = {}

    def send(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        if self.deaf_to(source, destination):
            return
        if source in self.routers:
            self.routers[source][ip_of(destination)] = self.now
        super().send(self._flows.pop((source, destination), source), destination, payload)

    def _deliver(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        if destination in self.forwards:
            self._flows[self.forwards[destination], source] = destination
            super()._deliver(source, self.forwards[destination], payload)
            return
        flows = self.routers.get(destination)
        if flows is None or self.now - flows.get(ip_of(source), -1e9) <= MAPPING_S:
            super()._deliver(source, destination, payload)


def settled(
    seed: int, count: int = 24, config: CoreConfig = CONFIG, new_config: CoreConfig | None = None
) -> tuple[RoutedWorld, Host]:
    """A network in which all know each other, and a node that knows none yet."""
    world = RoutedWorld(seed)
    hosts = [member(world, number, config=config) for number in range(count)]
    endpoints = [host.endpoint for host in hosts]
    for host in hosts:
        peer_network(host).report(endpoints, "operator", 0.0)
        world.flush(host)
    world.run(60.0)
    return world, member(world, 200, config=new_config or config)


def reach_of(host: Host) -> Reachability:
    return peer_network(host).reach.families[Family.IPV4]


def snapshot(world: World, host: Host) -> ReachSnapshot:
    (found,) = host.node.snapshot(world.now).reach
    return found


def verdicts(host: Host) -> list[ReachVerdict]:
    return [event.verdict for event in host.events if isinstance(event, ReachabilityChanged)]


def record(host: Host) -> PeerRecord:
    return decode_record(peer_network(host).own_record)


def test_a_public_node_is_reached_by_strangers_within_seconds() -> None:
    world, new = settled(1, 16)
    introduce(world, new, *(address(number) for number in range(6)))
    world.run(5.0)
    assert verdicts(new)[-1] is YES
    found = snapshot(world, new)
    assert (found.verdict, found.endpoint, found.how) == (YES, new.endpoint, "direct")
    assert found.proven_s_ago is not None
    since_s = found.since_s
    assert 0.0 < since_s < 30.0
    assert found.reached_how in ("probe", "query")
    assert found.reached_by is not None
    assert found.reached_by != new.endpoint
    [test] = found.tests
    assert (test.endpoint, test.is_mapped, test.state) == (new.endpoint, False, "proven")
    assert test.proofs >= 2
    assert new.node.counters.reach_probes["proof"] >= 2
    assert Family.IPV4 not in record(new).closed
    world.run(10.0)
    assert 9.9 < snapshot(world, new).since_s - since_s < 10.1, "the verdict has held on"


def test_a_node_behind_a_router_says_so_in_its_record() -> None:
    world, new = settled(2, 24, new_config=SMALL)
    world.behind_a_router(new)
    introduce(world, new, *(address(number) for number in range(8)))
    world.run(60.0, until=lambda: NO in verdicts(new))
    assert verdicts(new)[-1] is NO
    world.run(40.0)
    assert record(new).closed == {Family.IPV4}
    assert record(new).endpoints[Family.IPV4] == new.endpoint
    conduct = reach_of(new).conduct
    assert not conduct.can_help
    assert not conduct.marks_queries, "the network is small: it can't spare the node"
    assert conduct.announces
    # A port of the router is forwarded: a stranger's query is a reason to test again.
    world.routers.clear()
    asker = member(world, 500)
    world.ping(asker, new.endpoint)
    world.run(0.5)
    assert snapshot(world, new).is_testing
    assert snapshot(world, new).verdict is NO, "until the test says something else"


def proven_by_a_mapped_port() -> tuple[RoutedWorld, Host, Endpoint]:
    """A node behind a router, and the port there that is mapped and let a stranger in."""
    world, new = settled(3, 24, new_config=SMALL)
    world.behind_a_router(new)
    outer = Endpoint(ip_of(new.endpoint) + (51_413).to_bytes(2, "big"))
    world.forwards[outer] = new.endpoint
    new.node.mapped(Family.IPV4, outer, world.now)
    introduce(world, new, *(address(number) for number in range(8)))
    world.run(60.0, until=lambda: YES in verdicts(new))
    return world, new, outer


def test_a_mapped_port_is_named_when_a_stranger_got_in_there() -> None:
    world, new, outer = proven_by_a_mapped_port()
    found = snapshot(world, new)
    assert (found.verdict, found.endpoint, found.how) == (YES, outer, "mapped")
    assert {(each.endpoint, each.is_mapped, each.state) for each in found.tests} >= {
        (outer, True, "proven")
    }
    world.run(40.0)
    assert record(new).endpoints[Family.IPV4] == outer
    assert not record(new).closed
    assert reach_of(new).conduct.port == 51_413
    # Those that ask it are told of the other port, and look for it there.
    world.run(200.0)
    finders = [host for host in world.hosts.values() if host is not new and outer in knows(host)]
    assert len(finders) >= 3
    # The mapping ends: what let strangers in is gone.
    del world.forwards[outer]
    new.node.mapped(Family.IPV4, None, world.now)
    world.flush(new)
    world.run(40.0)
    assert snapshot(world, new).verdict is not YES
    assert record(new).endpoints[Family.IPV4] == new.endpoint


def test_what_is_proven_of_a_mapped_port_stays_proven_where_others_come_to_see_it() -> None:
    """A NAT with a port for each destination answers from the mapped port those that came in there:
    so many may see that one that it becomes S, and later it is none again.
    """
    world, new, outer = proven_by_a_mapped_port()
    found, address_of_node = reach_of(new), new.node.dhts[Family.IPV4].parts.address
    inner, seen = address_of_node.port, found.endpoints[0]
    assert found.endpoints[1] == outer
    for port, endpoints in ((outer[-2:], (outer, None)), (inner, (seen, outer))):
        address_of_node.port = port
        found.address_changed(world.now)
        assert found.endpoints[:2] == endpoints
        assert found.verdict is YES
        tested = {each.endpoint: each.state for each in snapshot(world, new).tests}
        assert tested[outer] == "proven"
    # What is not proven is not carried along.
    assert tested[seen] != "proven"


@pytest.mark.slow
def test_a_router_may_say_what_is_not_true() -> None:
    world, new = settled(3, 16, new_config=SMALL)
    world.behind_a_router(new)
    outer = Endpoint(ip_of(new.endpoint) + (51_413).to_bytes(2, "big"))
    new.node.mapped(Family.IPV4, outer, world.now)
    introduce(world, new, *(address(number) for number in range(8)))
    world.run(60.0)
    assert YES not in verdicts(new)
    assert record(new).endpoints[Family.IPV4] == new.endpoint


@pytest.mark.parametrize("needs_answer", [True, False])
def test_a_stranger_that_gets_no_answer_proves_nothing(needs_answer: bool) -> None:
    """A VPN as the default route: pings come in, and the answers leave by another way."""
    config = CONFIG if needs_answer else without("answered_witness")
    # Those that hear the answers are contacted at once: as strangers they would prove something.
    config = replace(config, reach=replace(config.reach, reserve_share=0.0))
    world, new = settled(5, 20, config)
    known = {ip_of(address(number)) for number in range(8)}
    world.deaf_to = lambda source, destination: (
        source == new.endpoint and ip_of(destination) not in known
    )
    introduce(world, new, *(address(number) for number in range(8)))
    world.run(10.0)
    found = snapshot(world, new)
    assert (found.verdict is YES) is not needs_answer
    assert found.one_way


@pytest.mark.parametrize("said", ["no", pytest.param("yes", marks=pytest.mark.slow)])
def test_what_the_operator_says_fixes_conduct_and_the_tests_go_on(said: str) -> None:
    world, new = settled(6, 16)
    new = member(world, 300, config=replace(CONFIG, reachable=said))
    introduce(world, new, *(address(number) for number in range(6)))
    world.run(40.0)
    assert snapshot(world, new).verdict is YES
    assert record(new).closed == (set() if said == "yes" else {Family.IPV4})
    assert reach_of(new).conduct.can_help is (said == "yes")


@pytest.mark.parametrize("field", ["read_only", "tests_reach"])
def test_some_nodes_do_not_test(field: str) -> None:
    world, _ = settled(7, 8)
    new = member(world, 400, config=replace(CONFIG, **{field: field == "read_only"}))
    introduce(world, new, *(address(number) for number in range(6)))
    world.run(60.0)
    assert snapshot(world, new).verdict is ReachVerdict.UNKNOWN
    assert "reach" not in new.node.counters.queries_sent
    assert not reach_of(new).conduct.can_help


def test_conduct_before_anything_is_known_is_as_ever() -> None:
    conduct = Conduct()
    assert (conduct.announces, conduct.marks_queries, conduct.closed) == (True, False, False)


def test_after_a_restart_on_the_same_port_a_proof_is_only_likely_for_a_while() -> None:
    world, new = settled(1, 16)
    began = world.now
    new.node.ended_on_this_port(Family.IPV4, 270.0, began)
    introduce(world, new, *(address(number) for number in range(6)))
    world.run(5.0)
    assert new.node.counters.reach_probes["proof"] >= 2
    assert verdicts(new)[-1] is ReachVerdict.LIKELY
    world.run(began + 59.0 - world.now)
    assert verdicts(new)[-1] is ReachVerdict.LIKELY
    world.run(2.0)
    assert verdicts(new)[-1] is YES
