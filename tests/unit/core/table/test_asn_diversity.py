"""With a map of autonomous systems, one hoster of many /16s is one operator: in the table, and
among the peers that are given.
"""

from __future__ import annotations

import random

from kadisc.as_map import AsMap
from kadisc.config import CoreConfig, Defences, TableConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.assembly import book_for, diversity_for, view_for
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.slot_ranking import FROM_16
from kadisc.core.table.diversity import DiversityCaps
from kadisc.endpoints import Endpoint, make_endpoint
from tests.support.asmap import asmap

HOSTER = {f"45.{number}.0.0/16": 64500 for number in range(40)}
MAP = AsMap(asmap(HOSTER | {"60.1.0.0/16": 7, "60.2.0.0/16": 7, "2a00:1::/32": 64500}))
BARE, MAPPED = AddressPolicy(False), AddressPolicy(False, as_map=MAP)


def hosted(number: int) -> Endpoint:
    """One in each /16 of the hoster."""
    return make_endpoint(f"45.{number}.1.1", 6881)


def surplus_of(scopes: AddressPolicy) -> int:
    caps = diversity_for(CoreConfig(), scopes)
    found = 0
    for number in range(40):
        found += caps.is_surplus(hosted(number))
        caps.add(hosted(number), 0)
    return found


def test_a_hoster_of_forty_networks_fills_a_table_unseen_without_a_map() -> None:
    assert surplus_of(BARE) == 0
    assert surplus_of(MAPPED) == 40 - TableConfig().per_asn_in_table


def test_whoever_leaves_makes_room() -> None:
    caps = diversity_for(CoreConfig(), MAPPED)
    for number in range(16):
        caps.add(hosted(number), number % 3)
    assert caps.is_surplus(hosted(20))
    caps.remove(hosted(3), 0)
    assert not caps.is_surplus(hosted(20))
    assert not caps.is_surplus(make_endpoint("99.1.1.1", 1)), (
        "who is in no system that the map knows counts by prefix alone"
    )


def test_the_other_caps_still_hold() -> None:
    caps = diversity_for(CoreConfig(), MAPPED)
    caps.add(hosted(1), 0)
    assert caps.refusal(hosted(1), 0) == "cap-host"
    assert caps.refusal(make_endpoint("45.1.1.2", 1), 0) == "cap-subnet-bucket"
    assert isinstance(diversity_for(CoreConfig(), BARE), DiversityCaps)
    assert isinstance(
        diversity_for(CoreConfig(defences=Defences(diversity_caps=False)), MAPPED), NoDiversityCaps
    )


def test_a_large_network_is_a_system_where_it_is_known() -> None:
    one, other, stranger = (
        make_endpoint("60.1.1.1", 1),
        make_endpoint("60.2.1.1", 1),
        make_endpoint("61.2.1.1", 1),
    )
    assert (
        MAPPED.netgroup(one)
        == MAPPED.netgroup(other)
        != MAPPED.netgroup(stranger)
        == BARE.netgroup(stranger)
    )
    assert MAPPED.netgroup(make_endpoint("2a00:1::1", 1)) == MAPPED.netgroup(hosted(1)), (
        "both families are one operator's"
    )
    assert BARE.netgroup(one) != BARE.netgroup(other)
    private = make_endpoint("10.0.0.1", 1)
    assert MAPPED.netgroup(private) == private
    assert (MAPPED.asn(private), MAPPED.asn(one), BARE.asn(one)) == (0, 7, 0)


def given_of_the_hoster(scopes: AddressPolicy) -> int:
    """Of 12 peers, where 30 of the hoster's and 10 others are known."""
    book = book_for(CoreConfig(), random.Random(1), b"s" * 32, scopes)
    others = [make_endpoint(f"{number}.7.1.1", 6881) for number in range(70, 80)]
    for number, endpoint in enumerate([*map(hosted, range(30)), *others]):
        book.verified(
            VerifiedPeer(number.to_bytes(32, "big"), endpoint, number, b"", 1, {}),
            0.0,
            source="test",
        )
    return sum(entry.peer.endpoint[0] == 45 for entry in book.select(12, 1.0))


def test_peers_are_spread_over_systems() -> None:
    assert given_of_the_hoster(BARE) >= 6
    assert given_of_the_hoster(MAPPED) <= 2


def test_a_hoster_of_forty_networks_holds_the_slots_of_one() -> None:
    def of_the_hoster(scopes: AddressPolicy) -> float:
        """Its part of the hierarchical slots among as many others as it has networks."""
        view = view_for(CoreConfig(), random.Random(5), scopes)
        for number in range(40):
            view.offer(VerifiedPeer(bytes((number,)) * 32, hosted(number), number, b"", 1, {}), 0.0)
            other = make_endpoint(f"{100 + number}.{number}.1.1", 6881)
            view.offer(VerifiedPeer(bytes((100 + number,)) * 32, other, number, b"", 1, {}), 0.0)
        held = [
            slot for slot in view.slots if slot.seat.begins == FROM_16 and slot.holder is not None
        ]
        return sum(slot.holder.peer.endpoint[0] == 45 for slot in held if slot.holder) / len(held)

    assert of_the_hoster(BARE) >= 0.3
    assert of_the_hoster(MAPPED) <= 0.1
