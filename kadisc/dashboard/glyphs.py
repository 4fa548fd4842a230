"""The signs that pictures are made of, in Unicode and for terminals that have only ASCII."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Each is one cell wide. The parts of a bar differ also without colour."""

    proven: str
    inbound: str
    doubtful: str
    vacant: str
    steps: str
    """From nothing to full, for sparklines."""
    more: str
    """Ends what was cut."""
    times: str
    to: str
    encoding: str


UNICODE = Glyphs(
    proven="█",
    inbound="▓",
    doubtful="▒",
    vacant="·",
    steps=" ▁▂▃▄▅▆▇█",
    more="…",
    times="×",
    to="–",
    encoding="utf-8",
)
ASCII = Glyphs(
    proven="#",
    inbound="=",
    doubtful="!",
    vacant=".",
    steps=" .:-=+*#@",
    more="~",
    times="x",
    to="-",
    encoding="ascii",
)


def glyphs_for(environment: Mapping[str, str]) -> Glyphs:
    """By the locale: LC_ALL, LC_CTYPE, LANG, the first that is set. Python itself sets LC_CTYPE to
    UTF-8 where the locale is the bare C one.
    """
    locale = next(
        (value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := environment.get(name))), ""
    )
    return UNICODE if "utf8" in locale.lower().replace("-", "") else ASCII


def sparkline(
    values: Sequence[float], width: int, glyphs: Glyphs, full: float | None = None
) -> str:
    """The last values, the newest at the right, averaged so that all of them fill ``width`` cells.
    ``full`` is the value of the highest step; without it the largest shown is. Anything above 0 is
    at least the lowest step.
    """
    if width <= 0 or not values:
        return ""
    averages = _averaged(values, width) if len(values) > width else list(values)
    full = full or max(averages)
    top = len(glyphs.steps) - 1
    steps = (
        min(top, max(1, round(value / full * top))) if value > 0 and full > 0 else 0
        for value in averages
    )
    return "".join(glyphs.steps[step] for step in steps)


def _averaged(values: Sequence[float], width: int) -> list[float]:
    edges = [round(i * len(values) / width) for i in range(width + 1)]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
