"""RFC 6887, section 8.5: when a router may have lost its mappings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kadisc.net.mapping.epoch import RouterEpoch


def continued(*answers: tuple[int, float]) -> list[bool]:
    epoch = RouterEpoch()
    return [epoch.is_continued(seconds, now) for seconds, now in answers]


def test_a_router_that_counts_on_is_believed() -> None:
    assert continued((100, 0.0), (160, 60.0), (3760, 3660.0)) == [True, True, True]


def test_a_router_that_counts_anew_has_lost_its_mappings() -> None:
    assert continued((100_000, 0.0), (3, 60.0), (63, 120.0)) == [True, False, True]
    assert continued((50, 0.0), (48, 0.1)) == [True, False]
    assert continued((50, 0.0), (49, 0.1)) == [True, True]


def test_a_restart_is_seen_though_the_router_counts_more_by_now() -> None:
    """Its clock is behind by more than a sixteenth of the time that has passed."""
    assert continued((10, 0.0), (40, 60.0)) == [True, False]


@given(st.integers(0, 1 << 31), st.floats(0, 1e6), st.floats(-0.05, 0.05))
def test_clocks_that_differ_by_a_twentieth_are_taken(
    start: int, passed_s: float, skew: float
) -> None:
    assert continued((start, 0.0), (start + round(passed_s * (1 + skew)), passed_s)) == [True, True]
