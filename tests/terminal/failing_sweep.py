"""The command line with a scenario that fails with seed 2 and is killed with seed 3. Worker
processes import this file too, so they have the scenario.
"""

from __future__ import annotations

import os
import signal
import sys

from kadisc.cli.main import main
from kadisc.sim.lab import Lab
from kadisc.sim.oracles.violation import Violation
from kadisc.sim.scenarios.registry import SCENARIOS
from kadisc.sim.scenarios.scenario import Scenario


def run(lab: Lab) -> dict[str, object]:
    lab.settle()
    with lab.measured():
        lab.run(1.0)
    if lab.options.seed == 2:
        raise Violation("an invariant is violated")
    if lab.options.seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)  # as the system does if memory runs out
    return {"fine": 1}


SCENARIOS["fails"] = Scenario("fails", "violates an invariant", run)

if __name__ == "__main__":
    sys.exit(main())
