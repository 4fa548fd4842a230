"""A process that is one node keeps the garbage collector from stopping it; a program that uses
kadisc as a library decides for itself.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from kadisc.cli.run import MIDDLE_COLLECTIONS, spare_collections


@pytest.fixture
def collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("collector")
def test_a_collection_of_all_generations_leaves_out_what_the_start_has_made() -> None:
    young, middle, _ = gc.get_threshold()
    before = len(gc.get_objects())
    spare_collections()
    assert before > 10_000
    assert len(gc.get_objects()) < 1000
    assert gc.get_threshold() == (young, middle, MIDDLE_COLLECTIONS)
    assert gc.isenabled()
