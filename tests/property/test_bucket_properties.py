"""The nearest contacts of a bucket are those that a sort of all contacts gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kadisc.contacts import Contact
from kadisc.core.addressing.contact_pool import ContactPool
from kadisc.core.table.bucket import Bucket, Entry
from kadisc.ids import ID_BITS
from tests.support.world import address

IDS = st.integers(0, (1 << ID_BITS) - 1)


@given(
    index=st.sampled_from([0, 1, 7, 100, 150, 157, 158, 159]),
    capacity=st.sampled_from([1, 8, 15, 16, 100, 128]),
    drawn=st.sets(IDS, max_size=150),
    target=IDS,
    count=st.integers(1, 20),
    failing=st.sets(st.integers(0, 150)),
    gone=st.sets(st.integers(0, 150)),
)
def test_the_nearest_contacts_are_those_that_sorting_gives(
    index: int,
    capacity: int,
    drawn: set[int],
    target: int,
    count: int,
    failing: set[int],
    gone: set[int],
) -> None:
    own_id = target ^ drawn.pop() if drawn else 0
    pool = ContactPool()
    bucket = Bucket(index, capacity, 8, 0.0)
    boundary = 1 << (ID_BITS - 1 - index)  # the bits after it are free
    ids = sorted({own_id & -boundary ^ boundary | node_id % boundary for node_id in drawn})
    entries = [
        Entry(pool.pooled(Contact(node_id, address(number))), index, 0, 0, False)
        for number, node_id in enumerate(ids)
    ]
    for number, entry in enumerate(entries):
        entry.failures = int(number in failing)
        bucket.insert(entry)
    for number in sorted(gone & set(range(len(entries)))):
        bucket.remove(entries[number])
        assert bucket.get(entries[number].id) is None
    left = [entry for number, entry in enumerate(entries) if number not in gone]
    assert all(bucket.get(entry.id) is entry for entry in left)
    assert (
        bucket.nearest(target, count)
        == sorted((e for e in left if not e.failures), key=lambda e: e.id ^ target)[:count]
    )
