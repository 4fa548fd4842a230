"""A settled node restarts with its saved state: when is its table complete again?"""

from __future__ import annotations

from ..lab import Lab
from ..measure.oracle import SETTLED_S
from ..measure.statistics import Metrics, share, spread
from ..model.host import Host
from .join import PATIENCE_S, TimedJoin, look
from .scenario import Scenario


def run(lab: Lab) -> Metrics:
    lab.settle()
    returned: list[TimedJoin] = []
    down_s = lab.options.down_s
    with lab.measured():
        every_s = max(60.0 * lab.options.minutes / lab.options.joins, down_s)
        for _ in range(lab.options.joins):
            settled = [
                host
                for host in lab.acceptors()
                if host.up_since <= lab.world.now - SETTLED_S and host.nat is None
            ]
            if not settled:
                break
            lab.world.at(
                lab.world.now + down_s,
                start_again,
                lab,
                go_down(lab, lab.rng.choice(settled)),
                returned,
            )
            lab.run(every_s)
        lab.run_while(
            lambda: any(
                each.complete_s is None and lab.world.now < each.started_at + PATIENCE_S
                for each in returned
            ),
            PATIENCE_S,
        )
    complete = [each for each in returned if each.complete_s is not None]
    return {
        "mrtt_ms": round(lab.mrtt_s * 1000, 1),
        "restarts": len(returned),
        "complete": share(len(complete), len(returned)),
        **spread(
            "neighbours_mrtt",
            [each.neighbours_s / lab.mrtt_s for each in returned if each.neighbours_s is not None],
            2,
        ),
        **spread(
            "complete_mrtt",
            [each.complete_s / lab.mrtt_s for each in complete if each.complete_s is not None],
            2,
        ),
        **spread("queries_until_complete", [each.queries for each in complete], 0),
    }


def go_down(lab: Lab, host: Host) -> Host:
    """Stops the host; returns its successor, not up yet, with the saved contacts."""
    saved = host.node.export_state(lab.world.now)
    lab.stop(host)
    again = lab.reborn(host)
    again.dht.restore(saved.dhts[0].contacts, lab.world.now)
    return again


def start_again(lab: Lab, host: Host, returned: list[TimedJoin]) -> None:
    host.up_since = lab.world.now
    join = TimedJoin(host, lab.world.now)
    returned.append(join)
    lab.join(host, contacts=0)
    look(lab, join)


SCENARIO = Scenario(
    "restart",
    "settled nodes restart after a minute: time and queries until their tables are complete",
    run,
)
