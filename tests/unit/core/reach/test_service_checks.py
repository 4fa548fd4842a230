"""Other nodes check the TCP ports of a node's services."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.config import CoreConfig
from kadisc.core.contract.events import DialOutcome, ServiceTested, TcpDialWanted
from kadisc.core.reach.reach_snapshot import ServiceReach
from kadisc.endpoints import Endpoint, ip_of
from tests.support.community import introduce, member, peer_network
from tests.support.world import CONFIG, Host, World, address

PORT = 30_200


class DialledWorld(World):
    """``outcome_at``: how the connections end that a host opens."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.outcomes: list[DialOutcome] = []
        self.dialled: list[Endpoint] = []

    def flush(self, host: Host) -> None:
        super().flush(host)
        wanted = [each for each in host.events if isinstance(each, TcpDialWanted)]
        host.events = [each for each in host.events if not isinstance(each, TcpDialWanted)]
        for each in wanted:
            outcome = self.outcomes[len(self.dialled) % len(self.outcomes)]
            self.dialled.append(each.endpoint)
            host.node.tcp_dialled(each.dial, outcome, self.now)
            super().flush(host)


def checked(outcomes: list[DialOutcome], config: CoreConfig = CONFIG) -> tuple[World, Host]:
    world = DialledWorld(1)
    world.outcomes = outcomes
    hosts = [
        member(world, number, config=replace(CONFIG, check_services=False)) for number in range(10)
    ]
    for host in hosts:
        peer_network(host).report([each.endpoint for each in hosts], "operator", 0.0)
        world.flush(host)
    world.run(30.0)
    new = member(world, 200, config=config, services={"eth": PORT, "low": 80, "fork": b"\1"})
    introduce(world, new, *(host.endpoint for host in hosts))
    world.run(90.0)
    assert all(ip_of(each) == ip_of(new.endpoint) for each in world.dialled)
    return world, new


def results(host: Host) -> list[ServiceTested]:
    return [event for event in host.events if isinstance(event, ServiceTested)]


ACCEPTED, REFUSED, SILENT = DialOutcome.ACCEPTED, DialOutcome.REFUSED, DialOutcome.SILENT


@pytest.mark.parametrize(
    ("outcomes", "answer", "accepted"),
    [
        ([ACCEPTED], "open", 5),
        ([ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED, REFUSED], "open", 4),
        ([ACCEPTED, REFUSED], "unsure", 3),
        ([REFUSED, SILENT, SILENT, REFUSED, ACCEPTED], "closed", 1),
        ([SILENT], "closed", 0),
    ],
)
def test_four_of_five_helpers_decide(
    outcomes: list[DialOutcome], answer: str, accepted: int
) -> None:
    world, new = checked(outcomes)
    assert results(new)[0] == ServiceTested("eth", PORT, answer, accepted, 5)
    assert new.node.snapshot(world.now).services == (
        ServiceReach("eth", PORT, answer, accepted, 5),
    )


def test_a_change_of_the_services_is_followed_by_another_check() -> None:
    world, new = checked([ACCEPTED])
    count = len(results(new))
    peer_network(new).set_services({"eth": PORT + 1}, world.now)
    world.run(200.0)
    assert [event.port for event in results(new)[count:]] == [PORT + 1]
    assert len(new.node.snapshot(world.now).services) == 1


@pytest.mark.parametrize("field", ["check_services", "tests_reach"])
def test_checks_can_be_switched_off(field: str) -> None:
    _, new = checked([ACCEPTED], replace(CONFIG, **{field: False}))
    assert results(new) == []


def test_without_helpers_nothing_is_said() -> None:
    world = World(2)
    new = member(world, 1, services={"eth": PORT})
    introduce(world, new, address(50))
    world.run(100.0)
    assert results(new) == []
    assert new.node.snapshot(world.now).services == ()
