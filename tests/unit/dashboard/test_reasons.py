"""The words of the dashboard for counted reasons."""

from __future__ import annotations

from pathlib import Path

import kadisc
from kadisc.config import LimitsConfig
from kadisc.core.limits.traffic import DROP_REASONS
from kadisc.dashboard.reasons import WORDS, reason_words
from kadisc.observe.limit_rows import limit_rows

SOURCES = Path(kadisc.__file__).parent / "core"


def test_every_reason_with_words_is_one_that_the_core_counts() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    assert [reason for reason in WORDS if f'"{reason}"' not in text] == []


def test_other_reasons_lose_their_hyphens() -> None:
    assert reason_words("candidate-known") == "already known"
    assert reason_words("slow-decode-budget") == "slow decode budget"


def test_limits_are_told_with_their_level() -> None:
    assert reason_words("limit.address") == "query limit (host)"
    assert reason_words("time.proven.total") == "time limit, proven (all)"
    assert reason_words("limit.other") == "limit.other"
    assert [reason for reason in DROP_REASONS if "(" not in reason_words(reason)] == [
        "limit.proven"
    ]


def test_every_limit_that_drops_has_its_row() -> None:
    counters = {name for row in limit_rows(LimitsConfig()) for name in row.counters}
    assert {f"dropped.{reason}" for reason in DROP_REASONS} <= counters
    assert all(
        row.turned_away({row.counters[0]: 3, "dropped.barred": 9}) == 3
        for row in limit_rows(LimitsConfig())
    )
