"""Helpers of the tests of attacks: forged datagrams, and queries to the victim that leave no trace
in it.
"""

from __future__ import annotations

from collections.abc import Iterable

from kadisc.config import CoreConfig
from kadisc.contacts import Contact
from kadisc.endpoints import make_endpoint
from kadisc.ids import NodeId
from kadisc.wire import compact, krpc
from kadisc.wire.messages import FindNode, Reply

from .world import CONFIG, Host, World, address

ASKER = make_endpoint("91.250.250.250", 9)


def query(sender: NodeId, *, tid: bytes = b"ab") -> bytes:
    return krpc.encode(FindNode(tid, sender, sender))


def pong(tid: bytes, sender: NodeId, contacts: Iterable[Contact] = ()) -> bytes:
    return krpc.encode(Reply(tid, sender, nodes=compact.pack_contacts(contacts)))


def handed_out(world: World, victim: Host, targets: int = 200) -> set[Contact]:
    """All contacts in the answers of the victim to find_node queries for ``targets`` random IDs."""
    contacts: set[Contact] = set()
    for number in range(targets):
        # Each query comes from another netgroup, because each one has a limited budget.
        asker = make_endpoint(f"91.{number % 250}.250.250", 9)
        victim.node.receive(
            krpc.encode(FindNode(b"zz", 1, world.rng.getrandbits(160), read_only=True)),
            asker,
            world.now,
        )
        for payload, destination in victim.node.drain_outbox():
            if destination == asker:
                reply = krpc.decode(payload)
                assert isinstance(reply, Reply)
                contacts.update(compact.contacts_from(reply.nodes or b"", victim.family))
            else:
                world.send(victim.endpoint, destination, payload)
    world.flush(victim)
    return contacts


def known(victim: Host) -> set[Contact]:
    return {entry.contact for entry in victim.node.dhts[victim.family].table}


def started(world: World, config: CoreConfig = CONFIG, number: int = 0) -> Host:
    """A node without bootstrap, whose first lookup of its own ID is done."""
    host = world.add(address(number), config)
    world.join(host)
    return host


def surrounded(
    world: World, config: CoreConfig = CONFIG, neighbours: int = 30
) -> tuple[Host, list[Host]]:
    """A victim that joined a small network of live honest nodes, which have all found it long
    enough ago to be trusted.
    """
    honest = [started(world, number=1)]
    for number in range(2, neighbours + 1):
        host = world.add(address(number))
        world.join(host, honest[:1])
        honest.append(host)
        world.run(0.5)
    victim = world.add(address(0), config)
    world.join(victim, honest[:2])
    world.run(30.0)
    return victim, honest
