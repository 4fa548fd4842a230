"""What must be true again some minutes after the faults have stopped, though the adversaries are
still there: every node has joined, is online and knows others, lookups find nodes, and members know
peers of their network.
"""

from __future__ import annotations

from typing import Final

from ...core.contract.events import LookupFinished, NodeAnswered
from ...endpoints import format_endpoint
from ..lab import Lab
from ..model.host import Host
from ..oracles.joins import has_udp
from ..oracles.violation import Violation, violation
from .plan import LIVENESS_S, HuntPlan

SETTLED_S: Final = LIVENESS_S - 60.0
"""Of the nodes that have been up for so long it is demanded."""
LOOKUPS: Final = 20
LOOKUP_S: Final = 30.0
FOUND: Final = 0.8
"""The share of the lookups that must find the node that they look for."""
MIN_HOSTS: Final = 4
"""In a smaller network nothing is demanded."""
NEEDED: Final = ("offline_detection", "exact_matching")
NEEDED_BY_LOOKUPS: Final = ("lookup_caps", "bep42_ids", "verified_admission", *NEEDED)
NEEDED_BY_MEMBERS: Final = (
    "record_rules",
    "key_proofs",
    "peer_candidate_limits",
    "tombstones",
    "mass_failure",
    *NEEDED,
)


def check_recovery(lab: Lab, plan: HuntPlan) -> None:
    """Raises Violation."""
    hosts = [host for host in lab.live(settled_s=SETTLED_S) if has_udp(host)]
    acceptors = [host for host in hosts if host.accepts_unsolicited]
    if len(acceptors) < MIN_HOSTS:
        return
    if _holds(plan, NEEDED):
        for host in hosts:
            _check_host(lab, host, acceptors)
    if _holds(plan, NEEDED_BY_MEMBERS):
        _check_members(lab, hosts, acceptors)
    if _holds(plan, NEEDED_BY_LOOKUPS):
        _check_lookups(lab, hosts, acceptors)


def _holds(plan: HuntPlan, needs: tuple[str, ...]) -> bool:
    return all(getattr(plan.asserted, name) for name in needs)


def _broken(lab: Lab, host: Host, evidence: str) -> Violation:
    return violation("liveness", host, lab.world.now, f"after the faults have stopped, {evidence}")


def _check_host(lab: Lab, host: Host, acceptors: list[Host]) -> None:
    dht = host.dht
    others = len(acceptors) - (host in acceptors)
    if not dht.joined:
        raise _broken(lab, host, f"it has not joined, though {others} nodes accept its queries")
    if not dht.parts.link.online:
        raise _broken(lab, host, "it takes itself for offline")
    alive = sum(lab.oracle.is_alive(entry.contact) for entry in dht.table)
    if alive < min(MIN_HOSTS, others) / 2:
        raise _broken(
            lab, host, f"{alive} of its {len(dht.table)} contacts are up, of {others} that could be"
        )


def _check_members(lab: Lab, hosts: list[Host], acceptors: list[Host]) -> None:
    members = [host for host in acceptors if host.node.peer_network is not None]
    if len(members) < MIN_HOSTS:
        return
    for host in hosts:
        network = host.node.peer_network
        if network is not None and not network.snapshot(lab.world.now).verified:
            raise _broken(
                lab, host, f"it knows no peer of its network, which has {len(members)} others"
            )


def _check_lookups(lab: Lab, hosts: list[Host], acceptors: list[Host]) -> None:
    """Each looks up the ID of a node that is up and behind no NAT: nodes behind one box share the
    places of an address, and one whose box forwards a port may be seen at another one. Nor has it
    come or moved lately: at its new address it is in the quarantine of all others first.
    """
    found: list[bool] = []
    missed = ""
    maintenance = lab.options.core.maintenance
    quarantined_s = maintenance.new_neighbour_silence_s + 2 * maintenance.fresh_check_s
    since, struck_at = lab.world.now - quarantined_s, lab.oracles.disturbed_at
    acceptors = [
        host
        for host in acceptors
        if host.nat is None
        and host.here_since <= since
        and struck_at.get(host.number, since) <= since
    ]
    if len(acceptors) < MIN_HOSTS:
        return
    for number in range(LOOKUPS):
        host, wanted = hosts[number % len(hosts)], lab.rng.choice(acceptors)
        if host is wanted or not host.up or not wanted.up or host.on_event is not None:
            continue
        answered = _looked_up(lab, host, wanted)
        if answered is None or not wanted.up:
            continue
        found.append(answered)
        if not answered:
            missed = f"{format_endpoint(wanted.outside)}, missed by host {host.number}"
    if found and sum(found) < FOUND * len(found):
        raise _broken(
            lab,
            hosts[0],
            f"{sum(found)} of {len(found)} lookups found the node whose ID they looked up "
            f"(the last one: {missed})",
        )


def _looked_up(lab: Lab, host: Host, wanted: Host) -> bool | None:
    """Whether the node answered; None if the asker left."""
    heard: list[bool] = []
    target = wanted.id

    def on_event(now: float, event: object) -> None:
        if isinstance(event, NodeAnswered) and event.node.contact.endpoint == wanted.outside:
            heard.append(True)
        elif isinstance(event, LookupFinished) and event.operation == operation:
            heard.append(False)
            host.on_event = None

    operation = lab.world.do(host, host.node.start_lookup, target, family=lab.family)
    host.on_event = on_event
    lab.run_while(lambda: False not in heard and host.up, LOOKUP_S)
    host.on_event = None
    return True in heard if host.up else None
