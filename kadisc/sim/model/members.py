"""The members of the peer network: which hosts are members, their keys, and the peers that each
knows of when the simulation begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ...core.contract.identity import Identity
from ...core.peers.own_record import Membership
from ...core.peers.rendezvous import network_tag
from ..options import SimOptions
from .host import Host
from .world import World

NETWORK = "simnet"
TAG = network_tag(NETWORK)
EPOCH_S = 1_700_000_000.0
"""The wall-clock time at the beginning of the simulation."""


class Members:
    def __init__(self, options: SimOptions) -> None:
        self._options = options.gossip
        self._rng = Random(f"members {options.seed}")

    def draw(self) -> Identity | None:
        """The key of the next host, or None if it is no member: drawn by ``network_share``."""
        if self._options.network_share <= 0.0 or self._rng.random() >= self._options.network_share:
            return None
        return self.identity()

    def identity(self) -> Identity:
        return Identity.new(self._rng)

    def membership(self, identity: Identity, now: float) -> Membership:
        return Membership(identity, NETWORK, {"eth": 30303}, EPOCH_S + now)

    def introduce(self, world: World, hosts: Sequence[Host]) -> None:
        """Tells each member of some others drawn at random, attackers included by their share."""
        endpoints = [
            host.outside
            for host in hosts
            if not host.honest or (host.identity is not None and host.accepts_unsolicited)
        ]
        for host in hosts:
            peer_network = host.node.peer_network if host.honest else None
            if peer_network is None:
                continue
            heard = self._rng.sample(endpoints, min(self._options.saved_contacts, len(endpoints)))
            world.do(
                host,
                peer_network.report,
                [endpoint for endpoint in heard if endpoint != host.outside],
                "file",
            )
