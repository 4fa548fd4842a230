"""The bounded stores compared with naive models: the peer store, the item store, the queue of
candidates, the memory of nodes that sent queries.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from kadisc.config import MaintenanceConfig, ServingConfig, StoreConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.serving import FirstCome, NoStoreShares
from kadisc.core.baselines.table import NoNamingShares
from kadisc.core.serving.fair_shares import FairShares
from kadisc.core.serving.item_store import ITEM_BYTES, ItemStore
from kadisc.core.serving.peer_store import PeerStore
from kadisc.core.table.candidates import Candidates, InFlight
from kadisc.core.table.naming_shares import ASKERS, OWN, NamingShares
from kadisc.core.table.nat_quarantine import InboundMemory
from kadisc.endpoints import Endpoint, make_endpoint, subnet_prefix
from kadisc.wire.items import Item
from tests.support.world import address

HOSTS = [make_endpoint(f"50.1.{network}.{host}", 1) for network in range(4) for host in range(1, 7)]
waits = st.sampled_from([0.0, 0.1, 7.0, 300.0])

# --- Peers ----------------------------------------------------------------------------------------

SERVING = ServingConfig(
    max_info_hashes=3,
    max_peers_per_info_hash=4,
    max_peers_stored=8,
    max_stored_per_subnet=3,
    peer_lifetime_s=1000.0,
)


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(HOSTS), waits), max_size=60))
def test_the_peer_store_keeps_what_its_bounds_allow(
    announces: list[tuple[int, Endpoint, float]],
) -> None:
    shares = NoStoreShares(random.Random(1))
    store = PeerStore(SERVING, AddressPolicy(False), shares, FirstCome("full"), list)
    naive: dict[tuple[int, Endpoint], float] = {}
    now = 0.0
    for info_hash, peer, wait in announces:
        now += wait
        naive = {key: until for key, until in naive.items() if until > now}
        fits = (info_hash, peer) in naive or (
            len(naive) < SERVING.max_peers_stored
            and len({key[0] for key in naive} | {info_hash}) <= SERVING.max_info_hashes
            and sum(key[0] == info_hash for key in naive) < SERVING.max_peers_per_info_hash
            and sum(subnet_prefix(key[1]) == subnet_prefix(peer) for key in naive)
            < SERVING.max_stored_per_subnet
        )
        assert (store.add(info_hash, peer, now) is None) == fits
        if fits:
            naive[info_hash, peer] = now + SERVING.peer_lifetime_s
        assert len(store) == len(naive)
        assert store.deadline <= min(naive.values(), default=float("inf"))
        for each in range(5):
            assert set(store.sample(each, address(1), 99, now)) == {
                key[1] for key in naive if key[0] == each
            }


# --- Items ----------------------------------------------------------------------------------------

STORE = StoreConfig(
    max_items=8,
    max_bytes=5000,
    items_per_subnet=3,
    items_per_netgroup=6,
    announcers_counted=3,
    item_lifetime_s=1000.0,
)
PLACES = [
    make_endpoint(f"50.{netgroup}.{subnet}.1", 1) for netgroup in range(3) for subnet in range(3)
] + [make_endpoint(f"2a00:{n}::1", 1) for n in (1, 2)]
puts = st.tuples(
    st.integers(0, 30),
    st.sampled_from([0, 10, 300, 1000]),
    st.sampled_from(PLACES),
    st.sampled_from([0.0, 7.0, 300.0, 900.0]),
)


@given(st.lists(puts, max_size=80), st.integers(0, 60))
def test_the_item_store_keeps_its_bounds(
    moves: list[tuple[int, int, Endpoint, float]], moves_at: int
) -> None:
    own_id = 1 << 159
    now = 0.0
    policy = AddressPolicy(False)
    shares = FairShares(STORE.items_per_subnet, STORE.items_per_netgroup, "store-full")
    store = ItemStore(STORE, policy, lambda: [own_id], shares)
    last: dict[int, tuple[Item, float]] = {}
    for number, (which, size, source, wait) in enumerate(moves):
        own_id = (
            (1 << 159) - 1 if number > moves_at else own_id
        )  # the own ID changes with the address
        now += wait
        gone = [target for target, (_, until) in last.items() if until <= now]
        for target in gone:
            del last[target]
        target, item = which << 154, Item(b"%d:%b" % (size, bytes(size)))
        before = {each for each in last if store.get(each, now) is not None}
        if store.put(target, item, source, now) is None:
            last[target] = item, now + STORE.item_lifetime_s
        else:
            assert {each for each in last if store.get(each, now) is not None} == before, (
                "a refused item evicts no other"
            )
        for each in [each for each in last if store.get(each, now) is None]:
            del last[each]  # evicted
        assert all(store.get(each, now) == kept for each, (kept, _) in last.items())
        assert len(store) == len(last) <= STORE.max_items
        holders = [shares.holder_of(each) for each in last]
        assert None not in holders
        assert (
            store.size
            == sum(ITEM_BYTES + len(kept.value) for kept, _ in last.values())
            <= STORE.max_bytes
        )
        assert (
            max(Counter(each.subnet for each in holders).values(), default=0)
            <= STORE.items_per_subnet
        )
        assert (
            max(Counter(each.netgroup for each in holders).values(), default=0)
            <= STORE.items_per_netgroup
        )
        assert store.deadline == min((until for _, until in last.values()), default=float("inf"))


# --- Candidates -----------------------------------------------------------------------------------

QUEUE = MaintenanceConfig(max_candidates=6, candidate_checks_in_flight=3)
SOURCES = [OWN, ASKERS, *HOSTS[:2], make_endpoint("60.1.1.1", 1)]
Move: TypeAlias = tuple[str, int, float]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "add", "add", "draw", "draw", "answer", "silence", "room"]),
            st.integers(0, 23),
            waits,
        ),
        max_size=100,
    ),
    st.integers(0, 2**32),
    st.booleans(),
)
def test_the_candidate_queue_keeps_its_bounds(
    moves: list[Move], seed: int, with_shares: bool
) -> None:
    subnet_of = AddressPolicy(False).subnet
    in_flight = InFlight(
        QUEUE.candidate_checks_in_flight, QUEUE.candidate_checks_per_subnet, subnet_of
    )
    rng = random.Random(seed)
    shares = NamingShares(AddressPolicy(False).netgroup) if with_shares else NoNamingShares()
    queue = Candidates(QUEUE, rng, in_flight, subnet_of, shares)
    now = 0.0
    checking: set[Endpoint] = set()
    waited_for: set[Endpoint] = set()
    settled_at: dict[Endpoint, float] = {}
    for kind, which, wait in moves:
        now += wait
        endpoint = HOSTS[which]
        if kind == "add":
            before, source = len(queue), rng.choice(SOURCES)
            reason = queue.add(Contact(which, endpoint), now, source)
            assert len(queue) == before + (reason is None and before < QUEUE.max_candidates)
            lately = now < settled_at.get(endpoint, float("-inf")) + QUEUE.recheck_candidate_s
            assert not (lately or endpoint in checking) or reason is not None
        elif kind == "draw":
            drawn = queue.draw(now, lambda contact: contact.id % 5 > 0)
            assert drawn is None or (drawn.id % 5 and drawn.endpoint not in checking)
            if drawn:
                checking.add(drawn.endpoint)
                waited_for.add(drawn.endpoint)
            assert queue.deadline > now
        elif kind == "room":
            queue.make_room(endpoint)
            waited_for.discard(endpoint)
        else:
            queue.settle(endpoint, now, answered=kind == "answer")
            if endpoint in checking:
                settled_at[endpoint] = now
            checking.discard(endpoint)
            waited_for.discard(endpoint)
        assert (queue.checking, len(queue) <= QUEUE.max_candidates) == (len(checking), True)
        assert len(waited_for) <= QUEUE.candidate_checks_in_flight
        assert (
            max(Counter(map(subnet_of, checking)).values(), default=0)
            <= QUEUE.candidate_checks_per_subnet
        )


# --- Nodes that sent queries ----------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([0.0, 1.0, 60.0, 199.0, 201.0])), max_size=60
    )
)
def test_a_node_is_suspect_for_one_to_three_silences_after_its_query(
    queries: list[tuple[int, float]],
) -> None:
    memory = InboundMemory(200.0)
    last: dict[int, float] = {}
    now = 0.0
    for who, wait in queries:
        now += wait
        memory.contacted_us(address(who), now)
        last[who] = now
        for each in range(6):
            silent_s = now - last.get(each, float("-inf"))
            if silent_s < 200.0:
                assert memory.is_suspect(address(each), now)
            elif silent_s >= 600.0:
                assert not memory.is_suspect(address(each), now)
