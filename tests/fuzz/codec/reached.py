"""Which inputs are worth keeping: the smaller ones that together reach what all of them reach.

What an input reaches are the pairs of lines of the package that were run one after the other. No
library is needed for that, so that it counts the same with and without atheris.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any

from .failures import ROOT, failure_of
from .target import Target

Pair = tuple[str, int, int]
MAX_BYTES = 4000
"""A longer input is not kept."""


def reached(target: Target, data: bytes) -> set[Pair]:
    """The pairs of lines, in the packages that guide the target."""
    files = tuple(str(ROOT / package.replace(".", "/")) for package in target.guided_by)
    found: set[Pair] = set()
    previous: dict[int, int] = {}

    def in_function(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            name, line = frame.f_code.co_filename, frame.f_lineno
            found.add((name, previous.get(id(frame), 0), line))
            previous[id(frame)] = line
        return in_function

    def in_call(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename.startswith(files):
            previous[id(frame)] = 0
            return in_function
        return None

    before = sys.gettrace()
    sys.settrace(in_call)
    try:
        target.check(data)
    except Exception:  # noqa: BLE001 S110 it has a place of its own: `failure_of`
        pass
    finally:
        sys.settrace(before)
    return found


def smallest_that_reach(target: Target, inputs: Iterable[bytes]) -> list[bytes]:
    """Goes from the smallest input to the largest, and takes each that reaches something new; none
    that fails.
    """
    seen: set[Pair] = set()
    chosen = []
    for data in sorted(set(inputs), key=lambda each: (len(each), each)):
        if len(data) > MAX_BYTES or (new := reached(target, data)) <= seen:
            continue
        if failure_of(target, data) is None:
            chosen.append(data)
            seen |= new
    return chosen
