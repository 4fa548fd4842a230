"""The characters of bars and sparklines, in Unicode and in ASCII."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Each glyph is one cell wide. The parts of a bar differ also without colour."""

    ok: str
    unconfirmed: str
    failing: str
    vacant: str
    steps: str
    """The steps of sparklines, from empty to full."""
    more: str
    """The mark at the end of a text that was cut."""
    times: str
    to: str
    rule: str
    """A line between two parts."""
    cursor: str
    """The mark before the chosen row."""
    encoding: str


UNICODE = Glyphs(
    ok="█",
    unconfirmed="▓",
    failing="▒",
    vacant="·",
    steps=" ▁▂▃▄▅▆▇█",
    more="…",
    times="×",
    to="–",
    rule="─",
    cursor="›",
    encoding="utf-8",
)
ASCII = Glyphs(
    ok="#",
    unconfirmed="=",
    failing="!",
    vacant=".",
    steps=" .:-=+*#@",
    more="~",
    times="x",
    to="-",
    rule="-",
    cursor=">",
    encoding="ascii",
)


def glyphs_for(environment: Mapping[str, str]) -> Glyphs:
    """The glyphs for the locale: that of LC_ALL, LC_CTYPE or LANG, the first that is set. Python
    itself sets LC_CTYPE to UTF-8 if the locale is C.
    """
    locale = next(
        (value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := environment.get(name))), ""
    )
    return UNICODE if "utf8" in locale.lower().replace("-", "") else ASCII


def sparkline(
    values: Sequence[float], width: int, glyphs: Glyphs, full: float | None = None
) -> str:
    """A sparkline of the values, the newest at the right. More than ``width`` values are averaged
    to ``width`` cells. ``full``: the value of the highest step; by default the largest value shown.
    A value above 0 gets the lowest step at least.
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
