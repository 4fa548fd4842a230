"""The length of the soak is an option of `tests/conftest.py`: --soak-minutes."""

from __future__ import annotations

import pytest


@pytest.fixture
def soak_minutes(request: pytest.FixtureRequest) -> float:
    minutes: float = request.config.getoption("--soak-minutes")
    return minutes
