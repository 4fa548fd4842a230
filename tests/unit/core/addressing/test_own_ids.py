"""The IDs of this node itself are no contacts: those it has, had, or takes at its next address, in
the table, among saved contacts, candidates and replacements, and in lookups.

Attack: a contact bears the ID that this node will have at its next address, which follows from its
public key; it is saved, and after the move it ended the process at every start.
"""

from __future__ import annotations

import random

import pytest

from kadisc.contacts import Contact
from kadisc.core.addressing.bep42 import derive_node_id, is_derived
from kadisc.core.addressing.external_address import Confidence, ExternalAddress
from kadisc.core.addressing.own_ids import MAX_PAST, OwnIds
from kadisc.core.contract.events import AddressChanged, Joined
from kadisc.core.contract.saved_state import SavedContact, SavedDht, SavedState
from kadisc.core.core import Core
from kadisc.core.lookup.closest import ClosestLookup
from kadisc.endpoints import Endpoint, Family, ip_of, make_endpoint
from kadisc.ids import ID_BITS, NodeId, id_to_bytes, random_id, random_id_in_bucket
from kadisc.wire import compact, krpc
from kadisc.wire.messages import FindNode, Query, Reply
from tests.support.lookups import RULES
from tests.support.scripted import put_scripted
from tests.support.world import CONFIG, Host, World, address, synthetic

KEY = bytes(range(32))
OWN_ID = 1 << 150
HERE, THERE = make_endpoint("45.1.2.3", 6881), make_endpoint("62.9.8.7", 6881)


def saved(*contacts: Contact, ip: bytes | None = None) -> SavedState:
    rows = tuple(SavedContact(contact, 10.0, 5.0) for contact in contacts)
    return SavedState((SavedDht(contacts[0].family, ip, rows),))


def node_at(endpoint: Endpoint, confidence: Confidence = Confidence.CONFIGURED) -> Core:
    """A node whose ID follows from its key and that address."""
    ip = ip_of(endpoint)
    where = ExternalAddress(CONFIG.address, ip, endpoint[-2:], confidence)
    family = Family.IPV4 if len(ip) == 4 else Family.IPV6
    own_ids = {family: derive_node_id(KEY, ip)}
    rng = random.Random(1)
    return Core(CONFIG, rng, own_ids, 0.0, public_key=KEY, addresses={family: where})


def play(node: Core, until_s: float = 120.0) -> None:
    now = 0.0
    while now < until_s and node.next_deadline() < until_s:
        now = max(now, node.next_deadline())
        node.tick(now)
        node.drain_outbox()


@pytest.mark.parametrize(
    "endpoints",
    [
        (HERE, address(3), address(4)),
        (make_endpoint("2a01:1::1", 1), make_endpoint("2c0f:1:1::1", 1), make_endpoint("2::1", 1)),
    ],
)
def test_a_saved_contact_with_the_own_id_does_not_end_the_process(
    endpoints: tuple[Endpoint, Endpoint, Endpoint],
) -> None:
    here, there, bootstrap = endpoints
    node = node_at(here)
    [(family, own_id)] = node.own_ids.items()
    near = Contact(own_id ^ 1, there)
    node.restore(saved(Contact(own_id, there), near), 0.0)
    assert node.has_contacts(family)
    node.join([bootstrap], 0.0, family=family)
    play(node)
    exported = {each.contact for each in node.export_state(120.0).dhts[0].contacts}
    assert exported == {near}, "what bears an own ID is not saved again"


def test_a_contact_that_is_saved_before_the_move_is_none_after_it() -> None:
    """Nothing but votes: restored at one address, decided at another one."""
    world = World(3, one_way_s=0.01)
    hosts = synthetic(world, 60)
    next_id = derive_node_id(KEY, ip_of(THERE))
    host = world.add(THERE, own_id=derive_node_id(KEY, ip_of(HERE)), public_key=KEY)
    echo = Contact(next_id, address(900))
    put_scripted(world, echo.endpoint, lambda query: Reply(query.tid, next_id, nodes=b""))
    dht = host.node.dhts[Family.IPV4]
    dht.restore([SavedContact(echo, 10.0, 5.0)], world.now, ip_of(HERE))
    assert dht.parts.saved_contacts.deepest_bucket(dht.own_id) >= 0, "nothing wrong with it yet"
    world.join(host, hosts[:3])
    world.run(300)
    assert any(isinstance(event, AddressChanged) for event in host.events)
    assert host.node.own_ids[Family.IPV4] == next_id
    assert any(isinstance(event, Joined) for event in host.events)
    assert dht.table.at(echo.endpoint) is None
    assert echo not in dht.first_contacts(next_id, 100, world.now)
    world.result(host, world.lookup(host, next_id))


@pytest.mark.parametrize("seed", range(4))
def test_a_node_that_moves_again_and_again_knows_none_of_its_own_ids(seed: int) -> None:
    rng = random.Random(seed)
    where = [make_endpoint(f"45.{number}.2.3", 6881) for number in range(6)]
    own = [derive_node_id(KEY, ip_of(each)) for each in where]
    node = node_at(where[0])
    dht = node.dhts[Family.IPV4]
    crowd = [Contact(random_id(rng), address(number)) for number in range(200)]
    echoes = [Contact(node_id, address(500 + n)) for n, node_id in enumerate(own)]
    for step, node_id in enumerate(own):
        for contact in rng.sample([*crowd, *echoes], 80):
            dht.table.offer(contact, float(step))
        dht.restore([SavedContact(each, 9.0, 1.0) for each in echoes], float(step), None)
        dht.table.rebase(node_id, float(step))
        past = {*own[: step + 1]}
        assert not past & {entry.id for entry in dht.table}
        assert not past & {each for bucket in dht.table.buckets() for each in bucket.replacements}
        assert not any(dht.table.wants(each) for each in echoes[: step + 1])
        first = dht.first_contacts(node_id, 300, float(step))
        assert not past & {contact.id for contact in first}
        assert dht.parts.saved_contacts.deepest_bucket(node_id) < ID_BITS


def test_the_id_that_follows_from_the_address_of_the_contact_is_no_contact() -> None:
    own = OwnIds(KEY)
    own.becomes(Family.IPV4, OWN_ID)
    assert own.bears(Contact(derive_node_id(KEY, ip_of(THERE)), THERE))
    assert not own.bears(Contact(derive_node_id(KEY, ip_of(THERE)), HERE)), "not known yet"
    assert not own.bears(Contact(derive_node_id(bytes(32), ip_of(THERE)), THERE))
    own.had_at(ip_of(THERE))
    assert own.bears(Contact(derive_node_id(KEY, ip_of(THERE)), HERE))


def test_an_id_is_derived_whatever_bits_bep_42_prescribes() -> None:
    node_id = derive_node_id(KEY, ip_of(THERE))
    assert is_derived(node_id, KEY, ip_of(THERE))
    assert is_derived(node_id ^ (1 << 159), KEY, ip_of(THERE))
    assert not is_derived(node_id ^ (1 << 100), KEY, ip_of(THERE))


def test_past_ids_are_bounded_and_present_ones_are_always_known() -> None:
    own = OwnIds()
    own.becomes(Family.IPV6, 6)
    for number in range(1000):
        own.becomes(Family.IPV4, 1000 + number)
    assert len(own.known) == MAX_PAST + 2
    assert {6, 1999} <= own.known
    own.becomes(Family.IPV4, 1999)
    assert len(own.known) == MAX_PAST + 2


def test_a_lookup_leaves_out_an_id_that_becomes_an_own_one_while_it_runs() -> None:
    own = OwnIds()
    own.becomes(Family.IPV4, OWN_ID)
    lookup = ClosestLookup(5, own.known, CONFIG.lookup, RULES, 8)
    asked = lookup.start([Contact(7, address(1)), Contact(8, address(2))])
    assert len(asked) == 2
    own.becomes(Family.IPV4, 7)
    lookup.answered(address(2), 8, [Contact(7, address(3)), Contact(OWN_ID, address(4))])
    lookup.answered(address(1), 7, [])
    assert [peer.id for peer in lookup.closest()] == [8]
    assert lookup.finished


@pytest.mark.parametrize("index", [-1, ID_BITS, 1000])
def test_no_id_can_be_drawn_in_a_bucket_that_does_not_exist(index: int) -> None:
    with pytest.raises(ValueError, match=rf"from 0 to 159, not {index}"):
        random_id_in_bucket(OWN_ID, index, random.Random(1))


def answering_as(node: Core, own_id: NodeId, source: Endpoint) -> None:
    """Answers all queries with the own ID of the asker, and names it everywhere."""
    named = compact.pack_contacts([Contact(own_id, address(77)), Contact(own_id, source)])
    for now in range(1, 60):
        node.tick(float(now))
        for payload, destination in node.drain_outbox():
            query = krpc.decode(payload)
            if isinstance(query, Query):
                reply = Reply(query.tid, own_id, nodes=named, token=b"t")
                node.receive(krpc.encode(reply), destination, float(now))


def test_a_bootstrap_node_that_answers_with_the_own_id_and_names_it_is_no_contact() -> None:
    node = node_at(HERE)
    own_id = node.own_ids[Family.IPV4]
    node.join([address(4)], 0.0, family=Family.IPV4)
    node.receive(krpc.encode(FindNode(b"aa", own_id, own_id)), address(5), 0.5)
    answering_as(node, own_id, address(4))
    assert node.contact_count(Family.IPV4) == 0
    assert id_to_bytes(own_id)


def test_a_host_of_a_world_has_its_own_id_from_the_start() -> None:
    world = World(1)
    host: Host = world.add(address(1), own_id=OWN_ID)
    assert OWN_ID in host.node.dhts[Family.IPV4].table.own_ids
