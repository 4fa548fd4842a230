"""With a map of autonomous systems, a hoster of many /16s counts as one operator: in the table, and
among the peers that the node returns.
"""

from __future__ import annotations

import random

from kadisc.as_map import AsMap
from kadisc.config import CoreConfig, Defences, TableConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.assembly import diversity_for
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.slot_ranking import FROM_16
from kadisc.core.peers_assembly import book_for, view_for
from kadisc.core.table.diversity import DiversityCaps
from kadisc.endpoints import Endpoint, make_endpoint
from tests.support.asmap import asmap
from tests.support.peers import answering, book_verified

HOSTER = {f"45.{number}.0.0/16": 64500 for number in range(40)}
MAP = AsMap(asmap(HOSTER | {"60.1.0.0/16": 7, "60.2.0.0/16": 7, "2a00:1::/32": 64500}))
UNMAPPED, MAPPED = AddressPolicy(False), AddressPolicy(False, as_map=MAP)


def hosted(number: int) -> Endpoint:
    """An endpoint in another /16 of the hoster for each number."""
    return make_endpoint(f"45.{number}.1.1", 6881)


def surplus_of(scopes: AddressPolicy) -> int:
    caps = diversity_for(CoreConfig(), scopes)
    found = 0
    for number in range(40):
        found += caps.is_surplus(hosted(number))
        caps.add(hosted(number), 0)
    return found


def test_a_hoster_of_forty_netgroups_is_surplus_only_with_a_map() -> None:
    assert surplus_of(UNMAPPED) == 0
    assert surplus_of(MAPPED) == 40 - TableConfig().per_asn_in_table


def test_a_removed_entry_makes_room() -> None:
    caps = diversity_for(CoreConfig(), MAPPED)
    for number in range(16):
        caps.add(hosted(number), number % 3)
    assert caps.is_surplus(hosted(20))
    caps.remove(hosted(3), 0)
    assert not caps.is_surplus(hosted(20))
    assert not caps.is_surplus(make_endpoint("99.1.1.1", 1)), (
        "an endpoint in no known system counts by prefix alone"
    )


def test_the_other_caps_still_hold() -> None:
    caps = diversity_for(CoreConfig(), MAPPED)
    caps.add(hosted(1), 0)
    assert caps.refusal(hosted(1), 0) == "cap-host"
    assert caps.refusal(make_endpoint("45.1.1.2", 1), 0) == "cap-subnet-bucket"
    assert isinstance(diversity_for(CoreConfig(), UNMAPPED), DiversityCaps)
    assert isinstance(
        diversity_for(CoreConfig(defences=Defences(diversity_caps=False)), MAPPED), NoDiversityCaps
    )


def test_the_netgroup_is_the_autonomous_system_where_the_map_has_it() -> None:
    one, other, stranger = (
        make_endpoint("60.1.1.1", 1),
        make_endpoint("60.2.1.1", 1),
        make_endpoint("61.2.1.1", 1),
    )
    assert (
        MAPPED.netgroup(one)
        == MAPPED.netgroup(other)
        != MAPPED.netgroup(stranger)
        == UNMAPPED.netgroup(stranger)
    )
    assert MAPPED.netgroup(make_endpoint("2a00:1::1", 1)) == MAPPED.netgroup(hosted(1)), (
        "both families belong to one operator"
    )
    assert UNMAPPED.netgroup(one) != UNMAPPED.netgroup(other)
    private = make_endpoint("10.0.0.1", 1)
    assert MAPPED.netgroup(private) == private
    assert (MAPPED.asn(private), MAPPED.asn(one), UNMAPPED.asn(one)) == (0, 7, 0)


def returned_of_the_hoster(scopes: AddressPolicy) -> int:
    """How many of 12 returned peers are of the hoster, if the book has 30 of it and 10 others."""
    book = book_for(CoreConfig(), random.Random(1), b"s" * 32, scopes)
    others = [make_endpoint(f"{number}.7.1.1", 6881) for number in range(70, 80)]
    for number, endpoint in enumerate([*map(hosted, range(30)), *others]):
        book_verified(
            book,
            VerifiedPeer(number.to_bytes(32, "big"), endpoint, number, b"", 1, {}),
            0.0,
            source="test",
        )
    return sum(entry.peer.endpoint[0] == 45 for entry in book.select(12, 1.0))


def test_returned_peers_are_spread_over_autonomous_systems() -> None:
    assert returned_of_the_hoster(UNMAPPED) >= 6
    assert returned_of_the_hoster(MAPPED) <= 2


def test_a_hoster_of_forty_netgroups_holds_the_slots_of_one() -> None:
    def of_the_hoster(scopes: AddressPolicy) -> float:
        """Share of the hoster in the hierarchical slots, with as many other peers as its own."""
        view = view_for(CoreConfig(), random.Random(5), scopes)
        for number in range(40):
            one = VerifiedPeer(bytes((number,)) * 32, hosted(number), number, b"", 1, {})
            view.offer(answering(one), 0.0)
            other = make_endpoint(f"{100 + number}.{number}.1.1", 6881)
            another = VerifiedPeer(bytes((100 + number,)) * 32, other, number, b"", 1, {})
            view.offer(answering(another), 0.0)
        held = [
            slot for slot in view.slots if slot.seat.begins == FROM_16 and slot.holder is not None
        ]
        return sum(slot.holder.peer.endpoint[0] == 45 for slot in held if slot.holder) / len(held)

    assert of_the_hoster(UNMAPPED) >= 0.3
    assert of_the_hoster(MAPPED) <= 0.1
