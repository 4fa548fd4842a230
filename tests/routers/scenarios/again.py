"""A node behind each kind of NAT, five times, each time with a router, a host and a key of its own:
is it right every time?
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from tests.support.routers.lab import Part
from tests.support.routers.nat import KINDS
from tests.support.routers.nodes import LabNode

from .kinds import PORT, VERDICT_S
from .scenario import Scenario

TIMES = 5
BLOCKED_S = 20.0
"""Without UDP nothing is found out, and this is how long that is watched."""


def is_known(node: LabNode) -> bool:
    reach = node.reach()
    return reach["verdict"] in ("yes", "no") or reach["nat"] == "dependent"


def again(kind: str, part: Part) -> None:
    """``runs``: verdict, kind of NAT, seconds until they were known, and whether a stranger gets in
    in truth.
    """
    runs: list[dict[str, Any]] = []
    part.seen["runs"] = runs
    for number in range(TIMES):
        router = part.router(kind)
        node = part.node(part.host(router)).start(*part.lab.bootstrap())
        began = time.monotonic()
        if kind == "blocked":
            time.sleep(BLOCKED_S)
        else:
            part.until(f"run {number + 1}", partial(is_known, node), VERDICT_S)
        reach = node.reach()
        runs.append(
            {
                "verdict": reach["verdict"],
                "nat": reach["nat"],
                "after_s": round(time.monotonic() - began, 1),
                "stranger": part.lab.ping((router.address, PORT)),
            }
        )
        node.interrupt()


SCENARIO = Scenario({kind: partial(again, kind) for kind in KINDS})
