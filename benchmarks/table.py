"""What the routing table costs: microseconds for a `closest`, for the answer made of it, and for a
`wants`, which all who ask are put to.

Run ``python benchmarks/table.py``; it takes some ten seconds. The naive table is what one writes
first: a flat list of contacts, sorted by distance for each answer, and gone through for each
newcomer. Both hold the same contacts and apply the same rules; turns alternate, and medians are
given.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable

from kadisc.config import TableConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.serving.answer_cache import AnswerCache
from kadisc.core.table.diversity import DiversityCaps
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Endpoint, Family, Scope, host_prefix, subnet_prefix
from kadisc.ids import NodeId, random_id, random_id_in_bucket, shared_prefix_bits
from kadisc.wire.compact import pack_contact

ROUNDS = 15
CALLS = 1000
CONFIG, SCOPES = TableConfig(), AddressPolicy(False)


class NaiveTable:
    def __init__(self, own_id: NodeId) -> None:
        self.own_id = own_id
        self.contacts: list[Contact] = []

    def offer(self, contact: Contact) -> None:
        if self.wants(contact):
            self.contacts.append(contact)

    def wants(self, contact: Contact) -> bool:
        index = shared_prefix_bits(self.own_id, contact.id)
        if any(
            each.endpoint == contact.endpoint or each.id == contact.id for each in self.contacts
        ):
            return False
        if any(
            host_prefix(each.endpoint) == host_prefix(contact.endpoint) for each in self.contacts
        ):
            return False
        alike = [
            each
            for each in self.contacts
            if subnet_prefix(each.endpoint) == subnet_prefix(contact.endpoint)
        ]
        if len(alike) >= CONFIG.per_subnet_in_table or any(
            shared_prefix_bits(self.own_id, each.id) == index for each in alike
        ):
            return False
        in_bucket = sum(shared_prefix_bits(self.own_id, each.id) == index for each in self.contacts)
        return in_bucket < CONFIG.bucket_sizes[min(index, len(CONFIG.bucket_sizes) - 1)]

    def closest(self, target: NodeId, count: int) -> list[Contact]:
        return sorted(self.contacts, key=lambda contact: contact.id ^ target)[:count]


def newcomers(own_id: NodeId, rng: random.Random, count: int) -> list[Contact]:
    """As many for each bucket as a network of 10,000 nodes has."""
    found = []
    for _ in range(count):
        endpoint = Endpoint(
            bytes(
                (
                    rng.randrange(40, 60),
                    rng.randrange(256),
                    rng.randrange(256),
                    rng.randrange(1, 255),
                    26,
                    225,
                )
            )
        )
        index = next(bit for bit in range(14) if rng.random() < 0.5 or bit == 13)
        found.append(Contact(random_id_in_bucket(own_id, index, rng), endpoint))
    return found


def cost_us(call: Callable[[int], object]) -> float:
    started = time.perf_counter()
    for number in range(CALLS):
        call(number)
    return (time.perf_counter() - started) / CALLS * 1e6


def contenders(rng: random.Random) -> dict[str, dict[str, Callable[[int], object]]]:
    """By what is measured: each way of doing it."""
    own_id = random_id(rng)
    table, naive = (
        RoutingTable(Family.IPV4, own_id, CONFIG, SCOPES, DiversityCaps(CONFIG, SCOPES)),
        NaiveTable(own_id),
    )
    for contact in newcomers(own_id, rng, 4000):
        table.offer(contact, 0.0)
        naive.offer(contact)
    if {entry.contact for entry in table} != set(naive.contacts):
        raise AssertionError("the two tables hold different contacts")
    cache, asker = AnswerCache(table, CONFIG.k, SCOPES), Endpoint(bytes((70, 1, 2, 3, 26, 225)))
    targets, late = [random_id(rng) for _ in range(CALLS)], newcomers(own_id, rng, CALLS)
    print(f"{len(table)} contacts")
    return {
        "closest": {
            "naive": lambda number: naive.closest(targets[number], CONFIG.k),
            "kadisc": lambda number: table.closest(targets[number], CONFIG.k, Scope.PUBLIC),
        },
        "answer": {
            "naive": lambda number: b"".join(
                map(pack_contact, naive.closest(targets[number], CONFIG.k))
            ),
            "kadisc": lambda number: cache.closest(targets[number], asker),
        },
        "wants": {
            "naive": lambda number: naive.wants(late[number]),
            "kadisc": lambda number: table.wants(late[number]),
        },
    }


def main() -> None:
    print(f"us per call, median of {ROUNDS} rounds of {CALLS}")
    for what, ways in contenders(random.Random(3)).items():
        rounds = [{name: cost_us(call) for name, call in ways.items()} for _ in range(ROUNDS)]
        naive, ours = (
            statistics.median(each[name] for each in rounds) for name in ("naive", "kadisc")
        )
        print(f"{what:10}naive {naive:8.2f}   kadisc {ours:8.2f}   {naive / ours:6.1f}x")


if __name__ == "__main__":
    main()
