"""The event queue has the order of one heap with all items."""

from __future__ import annotations

import heapq
from itertools import count
from random import Random

import pytest

from kadisc.sim.model.event_queue import EventQueue, Item


@pytest.mark.parametrize("seed", range(8))
def test_the_order_is_that_of_one_heap(seed: int) -> None:
    rng, order, queue, heap = Random(seed), count(), EventQueue(), list[Item]()
    now = end = 0.0

    def push(when: float) -> None:
        item: Item = (when, next(order), None, None, None, None)
        queue.push(item)
        heapq.heappush(heap, item)

    for _ in range(300):
        end += rng.choice((0.0, 0.001, 0.3, 40.0))
        for _ in range(rng.randrange(6)):
            push(now + rng.choice((0.0, rng.random() / 100, rng.random(), 1000 * rng.random())))
        while (item := queue.pop(end)) is not None:
            assert item == heapq.heappop(heap)
            now = item[0]
            if rng.random() < 0.8:
                push(now + rng.choice((0.0, 1 / 64, rng.random() / 10)))
        assert not heap or heap[0][0] > end
        assert len(queue) == len(heap)
        now = end


def test_an_item_pushed_before_an_opened_slot_still_comes_first() -> None:
    queue = EventQueue()
    late: Item = (5.001, 0, None, None, None, None)
    early: Item = (2.0, 1, None, None, None, None)
    queue.push(late)
    assert queue.pop(5.0) is None, "its slot is opened, but it is not due yet"
    queue.push(early)
    assert [queue.pop(9.0), queue.pop(9.0), queue.pop(9.0)] == [early, late, None]
