"""Whether a program prints what a page shows: line by line, where ``...`` stands for any lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

ELISION = "..."


def shape(line: str) -> str:
    """A line without what differs from run to run: numbers, addresses, IDs, plurals, and how many
    blanks align it.
    """
    line = re.sub(r"\b[0-9a-f]{16,}\b", "<hex>", line)
    line = line.replace("  (reachability unknown)", "")  # until the peer is asked again
    line = re.sub(r"\d+(?:[.:]\d+)*", "<number>", line)
    return " ".join(re.sub(r"s\b", "", line).split())


def difference(shown: Sequence[str], printed: Sequence[str]) -> str | None:
    """The first difference between the lines of a page and those of a run, or None."""
    left = [shape(line) for line in printed]
    place, may_skip = 0, False
    for line in shown:
        if line.strip() == ELISION:
            may_skip = True
            continue
        wanted = shape(line)
        end = len(left) if may_skip else min(place + 1, len(left))
        found = next((each for each in range(place, end) if left[each] == wanted), None)
        if found is None:
            here = printed[place] if place < len(printed) else "nothing more"
            return f"the page shows {line!r}, and the program printed {here!r}"
        place, may_skip = found + 1, False
    if place < len(left) and not may_skip:
        return f"the program also printed {printed[place]!r}"
    return None
