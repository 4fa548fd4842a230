"""What every test of administration in virtual time needs."""

from __future__ import annotations

import pytest

from kadisc.net.admin import reload
from kadisc.net.state import keeper

from ..threads import call_here


@pytest.fixture(autouse=True)
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocking calls run in the event loop."""
    monkeypatch.setattr(keeper, "in_thread", call_here)
    monkeypatch.setattr(reload, "in_thread", call_here)
