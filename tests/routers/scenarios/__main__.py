"""Parts of one scenario, as process 1 of namespaces of its own:

    python -m tests.routers.scenarios NAME PART,PART... SCRATCH PROGRAMS LIMIT_S

prints one JSON document: {"world_s", "elapsed_s", "parts": {name: what it noted}}. What a part
noted has "steps", what came true when; with "error" and "logs" when something did not in time.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.routers.scenarios.scenario import Scenario
from tests.support.routers.lab import Lab, Part
from tests.support.scenario_inside import end_with_parent, perform


def scenario_of(name: str) -> Scenario:
    """Each module of this package, but for `scenario`, has one."""
    found = importlib.import_module(f"tests.routers.scenarios.{name}").SCENARIO
    assert isinstance(found, Scenario)
    return found


def play(scenario: Scenario, names: list[str], scratch: Path, limit_s: float) -> dict[str, Any]:
    started = time.monotonic()
    lab: Lab | None = None

    def prepare() -> None:
        nonlocal lab
        lab = Lab(
            scratch,
            scenario.size,
            scenario.configuration,
            ipv6=scenario.ipv6,
            delay_ms=scenario.delay_ms,
            stranger_s=scenario.stranger_s,
        )

    if failure := perform(prepare, limit_s):
        return {"error": failure, "logs": {}}
    assert lab is not None
    world_s = time.monotonic() - started
    parts = [Part(lab, name) for name in names]

    def run(part: Part) -> dict[str, Any]:
        left_s = limit_s - (time.monotonic() - started)
        if failure := perform(lambda: scenario.parts[part.name](part), left_s):
            logs = part.logs()
            return part.seen | {"error": failure, "logs": logs | {"status": part.status()}}
        return part.seen

    with ThreadPoolExecutor(len(parts)) as pool:
        seen = dict(zip(names, pool.map(run, parts), strict=True))
    for part in parts:
        part.close()
    return {
        "world_s": round(world_s, 1),
        "elapsed_s": round(time.monotonic() - started, 1),
        "parts": seen,
    }


def main() -> None:
    name, parts, scratch, programs, limit_s = sys.argv[1:]
    end_with_parent()
    os.environ["PATH"] = f"{programs}/bin:{os.environ['PATH']}"
    document = play(scenario_of(name), parts.split(","), Path(scratch), float(limit_s))
    print(json.dumps(document), flush=True)
    os._exit(0)  # whatever thread is left


if __name__ == "__main__":
    main()
