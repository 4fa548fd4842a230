"""What every test of administration in virtual time needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
import trio

from kadisc.net.admin import reload
from kadisc.net.state import keeper

T = TypeVar("T")


@pytest.fixture(autouse=True)
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocking calls run in the event loop: a virtual clock would jump while a thread works."""

    async def call_here(call: Callable[[], T], **_: bool) -> T:
        await trio.lowlevel.checkpoint()
        return call()

    monkeypatch.setattr(keeper, "in_thread", call_here)
    monkeypatch.setattr(reload, "in_thread", call_here)
