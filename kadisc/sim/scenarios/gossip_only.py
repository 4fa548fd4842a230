"""Every bucket of a new node holds attackers, and so does every bootstrap node: does the node still
find its peer network?

Three kinds of new nodes join by attackers alone: with the address book of an earlier run, with a
single peer (from the operator or the LAN), and with nothing but the poisoned DHT.
"""

from __future__ import annotations

from collections.abc import Callable

from ...contacts import Contact
from ...core.contract.saved_state import SavedState
from ..attacks.flood import FLOOD_SETTINGS, settle_with_flooders
from ..lab import Lab
from ..measure.statistics import Metrics, mean, share
from ..model.host import Host
from ..probes.gossip_metrics import DrawTally, members, peer_network_of
from ..probes.honest_probe import HonestProbe
from .scenario import Scenario

ENOUGH = 8
"""Honest verified peers with which a node has found its network."""
LOOKUPS_TAKE_S = 60.0
"""How long the lookups of each kind of node are spread over."""
BOOTSTRAPS = 3
"""The number of bootstrap nodes."""


def run(lab: Lab) -> Metrics:
    group, attackers = settle_with_flooders(lab)
    kinds: dict[str, Callable[[Lab, Host], None]] = {
        "book": _with_book,
        "one_peer": _with_one_peer,
        "nothing": _with_nothing,
    }
    victims: dict[str, list[Host]] = {name: [] for name in kinds}
    with lab.measured():
        for name, equip in kinds.items():
            for _ in range(lab.options.attack.victims):
                host = lab.new_host(
                    reachable=True, knows_address=True, identity=lab.members.identity()
                )
                lab.boot(host)
                _poison(lab, host, attackers)
                equip(lab, host)
                victims[name].append(host)
                group.victims[host.outside] = host.id
        group.flood(group.victims)
        lab.run(60.0 * lab.options.minutes)
        found: Metrics = {"attackers": len(attackers), "members": len(members(lab))}
        for name, hosts in victims.items():
            found |= _fate(lab, name, hosts)
    return found


def _poison(lab: Lab, host: Host, attackers: list[Host]) -> None:
    """Fills the table of the host with attackers, near and far; it joins by attackers."""
    dht = host.dht
    for attacker in attackers:
        entry = dht.table.offer(Contact(attacker.id, attacker.outside), lab.world.now).entry
        if entry is not None:
            dht.parts.revalidation.plan(entry)
    lab.filled(host)
    bootstrap = [
        attacker.outside for attacker in lab.rng.sample(attackers, min(BOOTSTRAPS, len(attackers)))
    ]
    lab.world.do(host, host.node.join, bootstrap, family=lab.family)


def _with_book(lab: Lab, host: Host) -> None:
    other = lab.rng.choice(
        [
            each
            for each in members(lab)
            if each is not host and len(peer_network_of(each).verified()) >= ENOUGH
        ]
    )
    lab.world.do(
        host, host.node.restore, SavedState((), other.node.export_state(lab.world.now).peer_network)
    )


def _with_one_peer(lab: Lab, host: Host) -> None:
    other = lab.rng.choice(
        [each for each in members(lab) if each is not host and each.accepts_unsolicited]
    )
    lab.world.do(host, peer_network_of(host).report, [other.outside], "operator")


def _with_nothing(lab: Lab, host: Host) -> None:
    pass


def _fate(lab: Lab, name: str, hosts: list[Host]) -> Metrics:
    """Honest verified peers, attackers' share of buckets, and success of lookups."""
    verified, buckets, honest = DrawTally(), DrawTally(), []
    for host in hosts:
        peers = [peer.endpoint for peer in peer_network_of(host).verified()]
        verified.add(lab, peers)
        honest.append(
            sum(
                (there := lab.oracle.at(endpoint)) is not None and there.honest
                for endpoint in peers
            )
        )
        buckets.add(lab, (entry.contact.endpoint for entry in host.dht.table))
    probe = HonestProbe(lab, lambda: next((host for host in hosts if host.on_event is None), None))
    probe.go_on_for(LOOKUPS_TAKE_S, lab.options.attack.lookups)
    return {
        f"{name}_found_network": share(sum(count >= ENOUGH for count in honest), len(hosts)),
        f"{name}_honest_peers_mean": mean(honest),
        **verified.shares(f"{name}_attackers"),
        f"{name}_attackers_in_buckets": share(buckets.theirs, buckets.drawn),
        **{
            key: value
            for key, value in probe.metrics(f"{name}_lookups_").items()
            if key.endswith(("found", "lookups"))
        },
    }


SCENARIO = Scenario(
    "gossip-only",
    "all buckets of a new node are poisoned: does it find its network by its book, or by one peer?",
    run,
    {
        **FLOOD_SETTINGS,
        "warmup_s": "900",
        "minutes": "20",
        "attack.victims": "8",
        "attack.lookups": "60",
        "attack.paths": "8",
        "attack.k": "16",
    },
)
