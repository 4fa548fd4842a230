"""What a scenario is: a name, a summary, its options, and a function from a lab to metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..lab import Lab
from ..measure.statistics import Metrics
from ..options import SimOptions
from ..settings import with_settings


@dataclass(frozen=True, slots=True)
class Scenario:
    """``settings``: defaults that differ from those of `SimOptions`, by dotted name, as text."""

    name: str
    summary: str
    run: Callable[[Lab], Metrics]
    settings: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> SimOptions:
        settings = [f"{name}={value}" for name, value in self.settings.items()]
        return with_settings(SimOptions(), settings)
