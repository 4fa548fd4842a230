"""What ``--metrics`` of `kadisc run` and of `kadisc feed` says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import UsageError
from .output import say


@contextmanager
def needing_extra() -> Iterator[None]:
    """For the imports that need the extra: UsageError says how to install it."""
    try:
        yield
    except ImportError as error:
        raise UsageError(
            f"--metrics needs the extra metrics ({error.name} is missing):"
            " pip install 'kadisc[metrics]'"
        ) from None


def say_where(where: str) -> None:
    """``where``: HOST:PORT or ``unix:PATH``."""
    say(f"metrics at {where if where.startswith('unix:') else f'http://{where}/metrics'}")
