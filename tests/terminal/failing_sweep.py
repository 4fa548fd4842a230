"""The command line with a scenario whose second seed breaks a promise. Workers are started afresh
and import this file too, so it is there for them as well.
"""

from __future__ import annotations

import os
import signal
import sys

from kadisc.cli.main import main
from kadisc.sim.lab import Lab
from kadisc.sim.measure.invariants import Violation
from kadisc.sim.scenarios.registry import SCENARIOS
from kadisc.sim.scenarios.scenario import Scenario


def run(lab: Lab) -> dict[str, object]:
    lab.settle()
    with lab.measured():
        lab.run(1.0)
    if lab.options.seed == 2:
        raise Violation("a promise is broken")
    if lab.options.seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)  # as the system does when there is no memory left
    return {"fine": 1}


SCENARIOS["fails"] = Scenario("fails", "breaks a promise", run)

if __name__ == "__main__":
    sys.exit(main())
