"""Fixtures of more than one room."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio

from .names import Names, UseNames


@pytest.fixture
def use_names() -> UseNames:
    def use(**known: tuple[float, Sequence[str]]) -> Names:
        names = Names(**known)
        trio.socket.set_custom_hostname_resolver(names)
        return names

    return use
