"""How often does a member of the peer network reach another one directly, at the endpoint that the
other's record names, without any flow between them before?

``direct``: the share of ordered random pairs. ``bound``: the same if every record named the best
endpoint that there is. ``without_mappings``: the same if boxes granted no mappings.
``network.nat.mapping_routers`` is the share of the boxes that grant some.
"""

from __future__ import annotations

from ...endpoints import Endpoint, family_of
from ...wire.records import decode_record
from ..lab import Lab
from ..measure.statistics import Metrics, share
from ..model.host import Host
from ..model.router import RoutedNat
from ..probes.gossip_metrics import members, peer_network_of
from ..probes.reach_probe import REACH_SETTINGS, reach_of
from .scenario import Scenario

PAIRS = 20_000


def run(lab: Lab) -> Metrics:
    lab.settle()
    with lab.measured():
        lab.run(60.0 * lab.options.minutes)
    hosts = members(lab, settled_s=300.0)
    can_send = {host.number: _sends(host, lab.world.now) for host in hosts}
    named = {host.number: _is_reached(lab, host, _named_endpoint(host)) for host in hosts}
    best = {
        host.number: any(
            _is_reached(lab, host, endpoint) for endpoint in (host.outside, _forwarded(host))
        )
        for host in hosts
    }
    plain = {
        host.number: host.nat is None
        or (host.nat.inner if isinstance(host.nat, RoutedNat) else host.nat).accepts_unsolicited
        for host in hosts
    }
    direct = bound = without = 0
    for _ in range(PAIRS):
        a, b = lab.rng.sample(hosts, 2)
        if can_send[a.number]:
            direct += named[b.number]
            bound += best[b.number]
            without += plain[b.number]
    verdicts = [reach_of(host, lab.world.now).verdict.value for host in hosts]
    return {
        "members": len(hosts),
        "mapped": share(sum(_forwarded(host) is not None for host in hosts), len(hosts)),
        "direct": share(direct, PAIRS),
        "bound": share(bound, PAIRS),
        "without_mappings": share(without, PAIRS),
        **{
            f"verdict_{verdict}": share(verdicts.count(verdict), len(hosts))
            for verdict in ("yes", "likely", "no", "unknown")
        },
    }


def _sends(host: Host, now: float) -> bool:
    return host.nat is None or host.nat.outbound(host.endpoint, now) is not None


def _forwarded(host: Host) -> Endpoint | None:
    return host.nat.forwarded if isinstance(host.nat, RoutedNat) else None


def _named_endpoint(host: Host) -> Endpoint | None:
    """What its own record names for its family."""
    record = decode_record(peer_network_of(host).own_record)
    return record.endpoints.get(family_of(host.endpoint))


def _is_reached(lab: Lab, host: Host, endpoint: Endpoint | None) -> bool:
    return endpoint is not None and lab.oracle.strangers_reach(host, endpoint)


SCENARIO = Scenario(
    "reach-pairs",
    "one box in four maps ports: how many random pairs of members reach each other directly?",
    run,
    {
        **REACH_SETTINGS,
        "nodes": "400",
        "network.nat.mapping_routers": "0.25",
        "network.nat.address_restricted_share": "0",
        "network.nat.several_hosts": "0",
        "minutes": "5",
    },
)
