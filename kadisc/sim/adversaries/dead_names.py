"""A contact whose answers name endpoints without a node: in answers to lookups under IDs beside
the target, among the peers announced under an info-hash, and among the peers that gossip names.

Attack: each name costs its sender some 30 bytes, and the node that believes it a query, the wait
for an answer that does not come, and a place among those that are to be checked. A node whose
queries fail may also take itself for offline.
"""

from __future__ import annotations

from dataclasses import replace

from ...contacts import Contact
from ...core.core import Core
from ...endpoints import Endpoint, Family
from ...ids import NodeId, random_id
from ...wire.gossip import MAX_WANT, NamedPeer, pack_peers
from ...wire.messages import FindNode, Get, GetPeers, Query, Reply
from ..model.population import unused_endpoint
from .adversary import name
from .flooder import FRESHEST_TTL
from .ring import beside
from .turning import TurningGroup, TurningNode

NAMES = {Family.IPV4: 32, Family.IPV6: 20}
"""About as many as fit into an answer."""


class DeadNamesNode(TurningNode):
    def __init__(self, node: Core, group: TurningGroup) -> None:
        super().__init__(node, group)
        self._target: NodeId | None = None

    def withholds(self, query: Query, source: Endpoint) -> bool:
        # The node answers at once, so that the next reply is the answer to this query.
        self._target = None
        if isinstance(query, FindNode | Get):
            self._target = query.target
        elif isinstance(query, GetPeers):
            self._target = query.info_hash
        return False

    def altered(self, reply: Reply, destination: Endpoint) -> bool:
        target, self._target = self._target, None
        if reply.news is not None:
            if reply.news.peers or reply.news.peers6:
                dead = pack_peers(self._dead_peer() for _ in range(MAX_WANT))
                if self._group.family is Family.IPV6:
                    reply.news = replace(reply.news, peers6=dead)
                else:
                    reply.news = replace(reply.news, peers=dead)
            return True
        if target is None or reply.nodes is reply.nodes6 is None:
            return False
        endpoints = [self._dead() for _ in range(NAMES[self._group.family])]
        name(reply, [Contact(beside(target, endpoint), endpoint) for endpoint in endpoints])
        if reply.values:
            reply.values = [self._dead() for _ in reply.values]
        return True

    def _dead(self) -> Endpoint:
        return unused_endpoint(self._group.rng, self._group.family)

    def _dead_peer(self) -> NamedPeer:
        return NamedPeer(Contact(random_id(self._group.rng), self._dead()), FRESHEST_TTL, 0)


class DeadNames(TurningGroup):
    node_class = DeadNamesNode
