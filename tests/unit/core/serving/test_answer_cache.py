"""Answers are remembered only for as long as they are true, and take memory no longer than that."""

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


def test_a_change_of_the_table_frees_what_was_remembered_of_it() -> None:
    rng, scopes = Random(1), AddressPolicy(False)
    table = RoutingTable(Family.IPV4, OWN_ID, CONFIG, scopes, NoDiversityCaps())
    for number in range(100):
        table.offer(Contact(random_id(rng), address(number)), 0.0)
    cache = AnswerCache(table, CONFIG.k, scopes)
    for _ in range(UNCACHED_ANSWERS):
        cache.closest(random_id(rng), address(200))
    assert len(cache) == 0, "not yet worth it"
    for _ in range(50):
        cache.closest(random_id(rng), address(200))
    assert len(cache) > 10
    table.remove(next(iter(table)))
    cache.closest(random_id(rng), address(200))
    assert len(cache) == 0
