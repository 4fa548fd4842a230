"""80 % of the nodes crash at the same time: does the network stay connected, and do nodes return
that have only their saved address book?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.contract.saved_state import SavedState
from ..lab import Lab
from ..measure.statistics import Metrics, share, spread
from ..model.host import Host
from ..probes.gossip_metrics import (
    GOSSIP_SETTINGS,
    DrawTally,
    largest_part,
    members,
    peer_network_of,
)
from .scenario import Scenario

CALM_S = 300.0
"""The time between the crash and the restarts."""
ENOUGH = 8
"""Verified peers with which a restarted node has returned."""
HANDED = 20
"""Peers that each application asks for."""


@dataclass(slots=True)
class Returned:
    host: Host
    at: float
    first_s: float | None = None
    enough_s: float | None = None


def run(lab: Lab) -> Metrics:
    lab.settle()
    with lab.measured():
        hosts = members(lab)
        crashing = lab.rng.sample(hosts, round(lab.options.crash * len(hosts)))
        coming_back = [host for host in crashing if host.nat is None][: lab.options.joins]
        saved = {host.number: host.node.export_state(lab.world.now) for host in coming_back}
        for host in crashing:
            lab.stop(host)
        survivors = members(lab)
        at_once = largest_part(lab, survivors)
        early = _handed(lab, survivors, at_s=60.0)
        lab.run(CALM_S - 60.0)
        survivors = [host for host in survivors if host.up]
        later = largest_part(lab, survivors)
        handed, held, believed = _handed(lab, survivors), DrawTally(), DrawTally()
        for host in survivors:
            peer_network, now = peer_network_of(host), lab.world.now
            held.add(lab, (seen.peer.endpoint for seen in peer_network.snapshot(now).view.peers))
            believed.add(lab, (peer.endpoint for peer in peer_network.verified()))
        returned = [_start_again(lab, host, saved[host.number]) for host in coming_back]
        lab.run_while(lambda: _look(lab, returned), 60.0 * lab.options.minutes)
    back = [each.enough_s for each in returned if each.enough_s is not None]
    return {
        "members": len(hosts),
        "crashed": len(crashing),
        "connected_at_once": at_once,
        "connected_after_5_min": later,
        "dead_handed_out_after_1_min": share(early.unused, early.drawn),
        "dead_handed_out_after_5_min": share(handed.unused, handed.drawn),
        "handed_out_after_5_min_mean": round(handed.drawn / max(1, len(survivors)), 1),
        "dead_in_slots_after_5_min": share(held.unused, held.drawn),
        "dead_among_verified_after_5_min": share(believed.unused, believed.drawn),
        "restarts": len(returned),
        "back_within_60_s": share(sum(seconds <= 60.0 for seconds in back), len(returned)),
        **spread(
            "first_peer_s", [each.first_s for each in returned if each.first_s is not None], 1
        ),
        **spread("enough_peers_s", back, 1),
    }


def _handed(lab: Lab, hosts: Sequence[Host], *, at_s: float = 0.0) -> DrawTally:
    """What the application of each host would be given after ``at_s`` more seconds."""
    lab.run(at_s)
    handed = DrawTally()
    for host in hosts:
        if host.up:
            handed.add(
                lab, (peer.endpoint for peer in peer_network_of(host).peers(HANDED, lab.world.now))
            )
    return handed


def _start_again(lab: Lab, host: Host, saved: SavedState) -> Returned:
    """Restarts a host with its saved book alone: no contacts of the DHT, no bootstrap."""
    again = lab.reborn(host, knows_address=True)
    lab.boot(again)
    lab.world.do(again, again.node.restore, SavedState((), saved.peer_network))
    return Returned(again, lab.world.now)


def _look(lab: Lab, returned: list[Returned]) -> bool:
    for each in returned:
        verified, elapsed_s = len(peer_network_of(each.host).verified()), lab.world.now - each.at
        if verified and each.first_s is None:
            each.first_s = elapsed_s
        if verified >= ENOUGH and each.enough_s is None:
            each.enough_s = elapsed_s
    return any(each.enough_s is None for each in returned)


SCENARIO = Scenario(
    "gossip-restart",
    "80 % of the nodes crash: do the others stay connected, do nodes return by their saved book?",
    run,
    {**GOSSIP_SETTINGS, "warmup_s": "1200", "minutes": "5", "joins": "20", "crash": "0.8"},
)
