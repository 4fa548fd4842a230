"""The lab as the tests see it: each scenario runs in namespaces of its own, on which every address
of 45.0.0.0/8 is at home and nothing else can be reached, and comes back as one JSON document.
"""

from concurrent.futures import Future
from pathlib import Path

from ..support.namespaces import NAMESPACES
from ..support.scenario_runs import ScenarioRuns, Seen, fetch_programs

TRIAL = "ip link set lo up && ip addr add local 45.0.0.0/8 dev lo"
AT_ONCE = 4
LIMIT_S = 150.0

__all__ = ["TRIAL", "Lab", "Seen", "fetch_clients"]


def fetch_clients() -> Path:
    """The folder with Debian's clients. Raises UnavailableError."""
    return fetch_programs("foreign-clients")


class Lab:
    """Runs scenarios, some at once: they wait for clients' timers most of the time."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._runs = ScenarioRuns(NAMESPACES, f"{__package__}.scenarios", AT_ONCE, LIMIT_S)

    def start(self, scenario: str, subject: str) -> "Future[Seen]":
        return self._runs.start(scenario, subject, programs=self._programs)

    def close(self) -> None:
        """Ends what still runs, at once."""
        self._runs.close()
