"""The cache of answers gives the same answers as the routing table."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from kadisc.config import TableConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.serving.answer_cache import UNCACHED_ANSWERS, AnswerCache
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Endpoint, Family, Scope, make_endpoint
from kadisc.ids import random_id, random_id_in_bucket
from tests.support.contacts import OWN_ID

CONFIG = TableConfig()
ASKER = make_endpoint("70.1.2.3", 6881)
LOCAL = make_endpoint("10.1.2.3", 6881)


def filled(rng: Random, contacts: int, policy: AddressPolicy) -> RoutingTable:
    table = RoutingTable(Family.IPV4, OWN_ID, CONFIG, policy, NoDiversityCaps())
    for number in range(contacts):
        first = 10 if rng.random() < 0.01 else 50
        endpoint = Endpoint(bytes((first, number >> 8, number & 255, 7, 26, 225)))
        index = min(int(rng.expovariate(0.7)), 159)
        table.offer(
            Contact(random_id_in_bucket(OWN_ID, index, rng), endpoint),
            0.0,
            inbound=rng.random() < 0.1,
        )
    return table


def change(table: RoutingTable, rng: Random) -> None:
    entry = rng.choice(list(table))
    match rng.randrange(4):
        case 0:
            table.fail(entry, 100.0, spacing_s=1.0, failures_to_evict=2)
        case 1:
            table.confirm(entry.contact, 100.0, proven=True)
        case 2:
            table.remove(entry)
        case _:
            table.offer(
                Contact(random_id(rng), Endpoint(bytes((60, *rng.randbytes(3), 26, 225)))), 100.0
            )


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 400), st.booleans())
def test_every_cached_answer_is_that_of_the_table(seed: int, contacts: int, local: bool) -> None:
    rng = Random(seed)
    policy = AddressPolicy(allow_private=not local)
    table = filled(rng, contacts, policy)
    cache = AnswerCache(table, CONFIG.k, policy)
    targets = [random_id(rng) for _ in range(40)] + [
        random_id_in_bucket(OWN_ID, index, rng) for index in range(1, 20)
    ]
    for _ in range(4):
        for target in [*targets[:UNCACHED_ANSWERS], *targets, *targets]:
            expected = [
                entry.pooled.packed for entry in table.closest(target, CONFIG.k, Scope.PUBLIC)
            ]
            assert cache.closest(target, ASKER) == b"".join(expected)
            near = table.closest(target, CONFIG.k, policy.of(LOCAL))
            assert cache.closest(target, LOCAL) == b"".join([each.pooled.packed for each in near])
            fit = sorted(
                (
                    entry
                    for entry in table
                    if entry.returnable
                    and policy.of(entry.contact.endpoint) in (Scope.PUBLIC, policy.of(LOCAL))
                ),
                key=lambda entry: entry.id ^ target,
            )
            if len(fit) >= CONFIG.k:
                assert near == fit[: CONFIG.k]
        if len(table) > 1:
            change(table, rng)
