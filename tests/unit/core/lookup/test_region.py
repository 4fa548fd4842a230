"""A lookup that found improbably many nodes near its target asks on, in the region around it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kadisc.config import LookupConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.bep42 import Bep42Check, anywhere
from kadisc.core.baselines.lookup import no_region
from kadisc.core.lookup.closest import ClosestLookup
from kadisc.core.lookup.peer import LookupRules, Peer
from kadisc.core.lookup.region import MakeRegion, Region
from kadisc.endpoints import Endpoint
from kadisc.ids import ID_SPACE, NodeId
from tests.support.contacts import OWN_ID
from tests.support.lookups import RULES, TARGET, at_distance
from tests.support.world import address

NODES = 1000
GAP = ID_SPACE // NODES
"""The mean distance between nodes."""
K, MOST = 8, 30
COLLUDERS = 200
FIRST_COLLUDER = 5000


def honest(rank: int) -> Contact:
    return at_distance(rank * GAP, address(rank))


def colluder(number: int, gap: int = GAP // 8) -> Contact:
    """Eight times as dense as the network is."""
    return at_distance((number + 1) * gap + 7, address(FIRST_COLLUDER + number))


def forged(number: int) -> Contact:
    return colluder(number, gap=1)


class Network:
    """Honest nodes name the 8 closest honest ones; each colluder 8 others of its kind in turn."""

    def __init__(self, forges: bool) -> None:
        self.colluders = [(forged if forges else colluder)(each) for each in range(COLLUDERS)]
        self.honest = [honest(rank) for rank in range(1, 60)]
        self.told = 0
        self.asked: list[Endpoint] = []

    def lookup(
        self, make: MakeRegion, first: Sequence[Contact], rules: LookupRules = RULES
    ) -> ClosestLookup:
        region = make(float(NODES), K, MOST, rules.bep42_valid)
        lookup = ClosestLookup(TARGET, {OWN_ID}, LookupConfig(), rules, K, region=region)
        queue = lookup.start(first)
        by_endpoint = {each.endpoint: each for each in (*self.colluders, *self.honest)}
        while queue:
            peer = queue.pop(0)
            self.asked.append(peer.endpoint)
            contact = by_endpoint[peer.endpoint]
            queue += lookup.answered(peer.endpoint, contact.id, self._names(contact))
        assert lookup.finished
        return lookup

    def _names(self, contact: Contact) -> list[Contact]:
        if contact in self.honest:
            return self.honest[:8]
        self.told += 8
        return [self.colluders[each % COLLUDERS] for each in range(self.told - 8, self.told)]


def is_honest(peers: Sequence[Peer]) -> list[bool]:
    return [peer.endpoint in {honest(rank).endpoint for rank in range(1, 60)} for peer in peers]


START = [honest(20), honest(30), colluder(COLLUDERS - 1)]


def test_the_attack_succeeds_without_regions() -> None:
    network = Network(forges=False)
    lookup = network.lookup(no_region, START)
    assert sum(is_honest(lookup.closest())) <= 1
    assert not lookup.suspicious
    assert lookup.region() == []


def test_with_regions_it_asks_on_up_to_a_bound_and_stores_at_honest_nodes_too() -> None:
    network = Network(forges=False)
    lookup = network.lookup(Region, START)
    assert lookup.suspicious
    assert len(network.asked) <= MOST
    region = lookup.region()
    assert 0 < len(region) <= MOST - K
    assert not {peer.endpoint for peer in region} & {each.endpoint for each in lookup.closest()}
    assert sum(is_honest([*lookup.closest(), *region])) >= 2, "the closest 24 have so many"
    assert all(peer.distance < 20 * GAP for peer in region)


def test_nodes_right_beside_the_target_of_a_suspicious_lookup_do_not_count() -> None:
    network = Network(forges=True)
    lookup = network.lookup(Region, [honest(20), forged(0)])
    assert lookup.suspicious
    assert all(is_honest(lookup.closest()))
    assert [peer.distance for peer in lookup.closest()] == [rank * GAP for rank in range(1, 9)]


def test_an_honest_lookup_asks_the_same_with_and_without() -> None:
    asked = []
    for make in (no_region, Region):
        network = Network(forges=False)
        lookup = network.lookup(make, [honest(20), honest(30), honest(40)])
        assert not lookup.suspicious
        assert lookup.region() == []
        asked.append(network.asked)
    assert asked[0] == asked[1]


@pytest.mark.parametrize("size", [None, 20.0])
def test_while_the_size_is_unknown_and_in_small_networks_nothing_is_suspicious(
    size: float | None,
) -> None:
    def make(_: float | None, k: int, most: int, valid: Bep42Check) -> Region:
        return Region(size, k, most, valid)

    assert not Network(forges=True).lookup(make, [honest(20), forged(0)]).suspicious


def test_of_ids_that_do_not_follow_from_their_address_at_most_half_are_asked() -> None:
    """Forged ones at distances that honest nodes have leave room for the valid ones."""

    def valid(node_id: NodeId, endpoint: Endpoint) -> bool:
        return endpoint in honest_endpoints

    network = Network(forges=False)
    honest_endpoints = {each.endpoint for each in network.honest}
    rules = LookupRules(RULES.subnet, RULES.host, 1, valid)
    lookup = network.lookup(Region, START, rules)
    assert lookup.suspicious
    found = {peer.endpoint for peer in (*lookup.closest(), *lookup.region())}
    assert {honest(rank).endpoint for rank in range(1, 9)} <= found, network.asked


def test_the_silence_of_a_node_of_the_region_is_waited_for_and_ends() -> None:
    network = Network(forges=True)
    region = Region(float(NODES), K, MOST, anywhere)
    lookup = ClosestLookup(TARGET, {OWN_ID}, LookupConfig(), RULES, K, region=region)
    by_endpoint = {each.endpoint: each for each in (*network.colluders, *network.honest)}
    queue, silent = lookup.start([honest(20), forged(0)]), []
    while queue or silent:
        if not queue:
            queue += lookup.stalled(silent[0].endpoint)
            queue += lookup.stalled(silent.pop(0).endpoint)
            continue
        peer = queue.pop(0)
        if peer.endpoint == honest(3).endpoint:
            silent.append(peer)
            continue
        contact = by_endpoint[peer.endpoint]
        queue += lookup.answered(peer.endpoint, contact.id, network._names(contact))
        if silent:
            assert not lookup.finished
    assert lookup.finished
    assert honest(2).endpoint in {peer.endpoint for peer in lookup.closest()}
