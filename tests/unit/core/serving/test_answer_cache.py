"""The answer cache holds answers only while they are valid."""

from __future__ import annotations

from random import Random

from kadisc.config import TableConfig
from kadisc.contacts import Contact
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.serving.answer_cache import UNCACHED_ANSWERS, AnswerCache
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Family
from kadisc.ids import random_id
from tests.support.contacts import OWN_ID
from tests.support.world import address

CONFIG = TableConfig()


def test_a_change_of_the_table_empties_the_cache() -> None:
    rng, scopes = Random(1), AddressPolicy(False)
    table = RoutingTable(Family.IPV4, OWN_ID, CONFIG, scopes, NoDiversityCaps())
    for number in range(100):
        table.offer(Contact(random_id(rng), address(number)), 0.0)
    cache = AnswerCache(table, CONFIG.k, scopes)
    for _ in range(UNCACHED_ANSWERS):
        cache.closest(random_id(rng), address(200))
    assert len(cache) == 0, "too few answers from this state of the table"
    for _ in range(50):
        cache.closest(random_id(rng), address(200))
    assert len(cache) > 10
    table.remove(next(iter(table)))
    cache.closest(random_id(rng), address(200))
    assert len(cache) == 0
