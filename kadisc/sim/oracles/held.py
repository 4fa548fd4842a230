"""Which oracles hold where some defences are off."""

from __future__ import annotations

from typing import Protocol, TypeVar

from ...config import Defences


class NeedsDefences(Protocol):
    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the defences without which the promise cannot be kept."""
        ...


Held = TypeVar("Held", bound=NeedsDefences)


def if_held(asserted: Defences, oracle: Held) -> Held | None:
    """The oracle; None where a defence that it needs is off in ``asserted``."""
    return oracle if all(getattr(asserted, name) for name in oracle.needs) else None
