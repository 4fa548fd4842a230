"""Static peers are tried again and again until the operator removes them."""

from __future__ import annotations

from kadisc.config import CoreConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.table.diversity import DiversityCaps
from kadisc.core.table.routing_table import RoutingTable
from kadisc.core.table.static_peers import StaticPeers
from kadisc.endpoints import Family, make_endpoint

CONFIG = CoreConfig()
PEER = make_endpoint("11.0.0.1", 6881)


def test_a_static_peer_is_due_again_until_it_is_removed() -> None:
    policy = AddressPolicy(False)
    caps = DiversityCaps(CONFIG.table, policy)
    table = RoutingTable(Family.IPV4, 1 << 159, CONFIG.table, policy, caps)
    static_peers = StaticPeers(CONFIG.maintenance, table)
    static_peers.add(PEER, 5.0)
    assert static_peers.deadline == 5.0
    assert static_peers.due(4.9) == []
    assert static_peers.due(5.0) == [PEER]
    assert static_peers.deadline == 35.0
    static_peers.remove(PEER)
    assert static_peers.deadline == float("inf")
    static_peers.remove(PEER)
