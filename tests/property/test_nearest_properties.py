"""Going down the tree finds what sorting everything finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kadisc.core.nearest import FEW, nearest_first
from kadisc.ids import ID_BITS

SHIFTS = st.sampled_from([0, 100, 150, 155])


@given(st.sets(st.integers(0, (1 << ID_BITS) - 1), max_size=300), st.integers(0, (1 << ID_BITS) - 1), SHIFTS)
def test_it_is_what_sorting_finds(drawn: set[int], target: int, shift: int) -> None:
    ids = sorted({node_id >> shift for node_id in drawn})  # shifted, they share long prefixes
    found = list(nearest_first(ids, [str(node_id) for node_id in ids], target, ID_BITS - 1))
    assert [thing for some in found for thing in some] == [str(node_id) for node_id in sorted(ids, key=lambda node_id: node_id ^ target)]
    assert all(len(some) <= FEW for some in found)
