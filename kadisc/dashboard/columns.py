"""Columns that several tables of rows have."""

from __future__ import annotations

from typing import Protocol, TypeVar

from .buckets import delay_style
from .figures import delay
from .row_table import RowColumn


class _AskedNode(Protocol):
    @property
    def rtt_ms(self) -> float | None: ...
    @property
    def failures(self) -> int: ...


NodeT = TypeVar("NodeT", bound=_AskedNode)


def _rtt_s(node: _AskedNode) -> float | None:
    return None if node.rtt_ms is None else node.rtt_ms / 1000


def rtt_column(kind: type[NodeT], rank: int) -> RowColumn[NodeT]:
    """The round-trip time of nodes of this kind."""
    return RowColumn(
        "rtt",
        lambda it: delay(_rtt_s(it)),
        7,
        is_number=True,
        rank=rank,
        value=_rtt_s,
        style=lambda it: delay_style(_rtt_s(it)),
    )


def failures_column(kind: type[NodeT], rank: int) -> RowColumn[NodeT]:
    """How many queries in a row nodes of this kind left unanswered."""
    return RowColumn(
        "failures",
        lambda it: str(it.failures) if it.failures else "-",
        8,
        is_number=True,
        rank=rank,
        value=lambda it: it.failures,
        style=lambda it: "bad" if it.failures else "quiet",
        largest_first=True,
    )
