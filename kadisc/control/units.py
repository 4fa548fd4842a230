"""Rounding of numbers for documents: only significant digits."""

from __future__ import annotations

from typing import overload


@overload
def seconds(value: float) -> float: ...


@overload
def seconds(value: None) -> None: ...


def seconds(value: float | None) -> float | None:
    """Rounded to a tenth of a millisecond."""
    return None if value is None else round(value, 4)


@overload
def milliseconds(value_s: float) -> float: ...


@overload
def milliseconds(value_s: None) -> None: ...


def milliseconds(value_s: float | None) -> float | None:
    """From seconds, rounded to a microsecond: a third of the cost of `round`."""
    return None if value_s is None else int(value_s * 1e6 + 0.5) / 1000


@overload
def tenths(value_s: float) -> float: ...


@overload
def tenths(value_s: None) -> None: ...


def tenths(value_s: float | None) -> float | None:
    """An age in seconds, in whole tenths: a third of the cost of `round`."""
    return None if value_s is None else int(value_s * 10) / 10
