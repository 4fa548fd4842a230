"""What a scenario is: a name, a sentence, its options, and a function from a lab to numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..lab import Lab
from ..measure.statistics import Metrics
from ..options import SimOptions


@dataclass(frozen=True, slots=True)
class Scenario:
    """``settings``: its defaults where they are not those of `SimOptions`, by dotted name, as text."""

    name: str
    summary: str
    run: Callable[[Lab], Metrics]
    settings: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> SimOptions:
        from ..settings import with_settings

        return with_settings(
            SimOptions(), [f"{name}={value}" for name, value in self.settings.items()]
        )
