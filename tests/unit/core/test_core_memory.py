"""The memory of a node without contacts: a simulation has thousands of nodes in one process, so an
empty node must be small.
"""

from __future__ import annotations

import enum
import gc
import random
import sys
import types

from kadisc.config import CoreConfig
from kadisc.core.addressing.contact_pool import ContactPool
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.core import Core
from kadisc.endpoints import Family
from kadisc.ids import random_id

SHARED = (
    type,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.CodeType,
    enum.Enum,
    random.Random,
    ContactPool,
    AddressPolicy,
)
MAX_BYTES = 17_400


def bytes_of(node: Core, shared: list[object]) -> int:
    """The size of all objects that only this node holds."""
    seen = {id(each) for each in held_by(shared, set())}
    return sum(sys.getsizeof(each) for each in held_by([node], seen))


def held_by(waiting: list[object], seen: set[int]) -> list[object]:
    found = []
    while waiting:
        each = waiting.pop()
        if each is not None and not isinstance(each, SHARED) and id(each) not in seen:
            seen.add(id(each))
            found.append(each)
            waiting = waiting + gc.get_referents(each)
    return found


def test_a_node_without_contacts_takes_little_memory() -> None:
    config, rng, pool = CoreConfig(), random.Random(1), ContactPool()
    one, other = (
        Core(config, rng, {Family.IPV4: random_id(rng)}, 0.0, pool=pool) for _ in range(2)
    )
    assert bytes_of(other, [config, one]) <= MAX_BYTES
