"""A scenario: what its world is like, and what happens in it at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.support.routers.lab import Part


@dataclass(frozen=True)
class Scenario:
    """``size``: of the world; ``configuration``: of all nodes, beside what the lab has."""

    parts: Mapping[str, Callable[[Part], None]]
    size: int = 40
    configuration: str = ""
    ipv6: bool = False
    delay_ms: float = 0.0
    stranger_s: float = 5.0
    """When a host counts as a stranger: later than the routers forget what was sent to it."""
