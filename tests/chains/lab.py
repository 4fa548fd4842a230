"""The lab as the tests see it: each scenario runs in namespaces of its own, on which every address
of 45.0.0.0/8 is at home and nothing else can be reached, and comes back as one JSON document.
"""

from concurrent.futures import Future
from pathlib import Path

from ..support.namespaces import NAMESPACES
from ..support.scenario_runs import ScenarioRuns, Seen, fetch_programs

TRIAL = "ip link set lo up && ip addr add local 45.0.0.0/8 dev lo"
AT_ONCE = 2
LIMIT_S = 400.0

__all__ = ["TRIAL", "ChainLab", "Seen", "fetch_chain_nodes"]


def fetch_chain_nodes() -> Path:
    """The folder with the chain nodes. Raises UnavailableError."""
    return fetch_programs("chain-nodes")


class ChainLab:
    """Runs scenarios, two at once: chain nodes take a while, and a core, to start."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._runs = ScenarioRuns(NAMESPACES, f"{__package__}.scenarios", AT_ONCE, LIMIT_S)

    def start(self, scenario: str) -> "Future[Seen]":
        return self._runs.start(scenario, programs=self._programs)

    def close(self) -> None:
        """Ends what still runs, at once."""
        self._runs.close()
