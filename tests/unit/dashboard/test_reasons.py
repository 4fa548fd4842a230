"""The words of the dashboard for counted reasons."""

from __future__ import annotations

from pathlib import Path

import kadisc
from kadisc.dashboard.reasons import WORDS, reason_words

SOURCES = Path(kadisc.__file__).parent / "core"


def test_every_reason_with_words_is_one_that_the_core_counts() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    assert [reason for reason in WORDS if f'"{reason}"' not in text] == []


def test_other_reasons_lose_their_hyphens() -> None:
    assert reason_words("candidate-known") == "already known"
    assert reason_words("slow-decode-budget") == "slow decode budget"
