"""What the numbers of a configuration may be, whoever sets them: a file, or an option of the
simulator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

_MAY_BE_0 = frozenset(
    {
        "replacements_per_bucket",
        "reserved_share",
        "refresh_jitter",
        "jitter",
        "stagger_s",
        "probes",
        "age_exponent",
        "recount_pause_s",
        "publish_delay_s",
        "round_jitter",
        "flat_slots",
    }
    | {
        "slots_from_8",
        "slots_from_16",
        "slots_from_24",
        "partners_from_slots",
        "partners_from_lookups",
        "anchors",
        "max_good",
        "source_credit",
    }
)
_SHARES = frozenset(
    {
        "agreement",
        "jitter",
        "refresh_jitter",
        "round_jitter",
        "partners_from_slots",
        "partners_from_lookups",
        "lookup_share",
        "bucket_share",
        "reserved_share",
    }
)


def complaints(part: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """Each field of a struct, and of the structs in it, whose value cannot be used: its dotted
    name, and what was expected.
    """
    for each in fields(part):
        key, value = above + each.name, getattr(part, each.name)
        if is_dataclass(value):
            yield from complaints(value, f"{key}.")
        elif each.name == "bucket_sizes":
            if min(value, default=0) < 1:
                yield key, "expected a list of numbers above 0"
        elif isinstance(value, int | float) and not isinstance(value, bool):
            if not math.isfinite(value) or value < 0 or (value == 0 and each.name not in _MAY_BE_0):
                yield (
                    key,
                    f"expected a number {'of at least' if each.name in _MAY_BE_0 else 'above'} 0, not {value}",
                )
            elif each.name in _SHARES and value > 1:
                yield key, f"expected a share of at most 1, not {value}"
