"""The queue of entries that wait for their checks, compared with a plain list."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from kadisc.core.addressing.contact_pool import ContactPool
from kadisc.core.table.bucket import Entry
from kadisc.core.table.revalidation import SLOT_S, SLOTS, CheckQueue
from tests.support.contacts import contact

ROUND_S = SLOT_S * SLOTS
TIMES = st.sampled_from(
    [0.0, SLOT_S, 100.0, 100.5, ROUND_S, ROUND_S + 100.0, 5 * ROUND_S + 100.0]
) | st.floats(-1e4, 1e6)


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | TIMES), max_size=60))
def test_every_entry_is_found_however_far_ahead_its_check_is(
    moves: list[tuple[int, float | None]],
) -> None:
    pool = ContactPool()
    queue = CheckQueue()
    planned: dict[int, float] = {}
    entries = [Entry(pool.pooled(contact(number)), 0, 0.0, 0.0, False) for number in range(10)]
    for number, at in moves:
        assert queue.take_out(entries[number]) == planned.pop(number, inf)
        if at is not None:
            queue.put(entries[number], at)
            planned[number] = at
            assert 0 <= entries[number].check_slot <= 256, (
                "CPython shares one object for each of these numbers"
            )
        # Entries of one time are in the order in which they came.
        in_order = sorted(planned, key=planned.__getitem__)
        assert [queue.entries.index(entries[each]) for each in in_order] == list(
            range(len(planned))
        )
        assert list(queue.times) == sorted(planned.values())
