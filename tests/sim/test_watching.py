"""A watcher of a host may stop at any event."""

from __future__ import annotations

from kadisc.core.contract.events import LookupFinished
from kadisc.endpoints import Family
from kadisc.sim.model.world import World
from kadisc.sim.options import SimOptions
from tests.sim.support import bare_host


def test_a_watcher_that_stops_within_a_batch_gets_no_more_events() -> None:
    world, host, seen = World(SimOptions()), bare_host(1), list[object]()

    def once(now: float, event: object) -> None:
        seen.append(event)
        host.on_event = None

    host.on_event = once
    for target in (1, 2):  # without contacts both end at once
        host.node.start_lookup(target, 0.0, family=Family.IPV4)
    world.flush(host)
    assert [type(event) for event in seen] == [LookupFinished]
