"""A sweep: one scenario with every combination of the varied options, each with every seed.

This module plans the runs and makes a record of each. `workers.py` and `cluster.py` execute them,
`results.py` stores the records.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha1
from itertools import product
from typing import Any, Protocol, TypeAlias

from ...errors import UsageError
from ...version import __version__
from ..lab import Lab
from ..options import SimOptions
from ..run import changed_settings, replay_command, run_scenario
from ..scenarios.registry import scenario_named
from ..scenarios.scenario import Scenario
from ..settings import all_settings, with_settings

Record: TypeAlias = dict[str, Any]
"""A run as a JSON object: `run.Result.record` with ``varied`` and ``run``, the key of the run. A
failed run has ``failed`` in place of what was measured.
"""

MAX_RUNS = 100_000


class Job(Protocol):
    """What workers execute; it must be picklable."""

    @property
    def key(self) -> str:
        """Identifies the run in a results file."""
        ...

    @property
    def command(self) -> str:
        """The command line that repeats it."""
        ...

    @property
    def weight(self) -> float:
        """Roughly how long it takes, compared with others."""
        ...

    def record(self, told: Callable[[float], None] | None = None) -> Record: ...


@dataclass(frozen=True, slots=True)
class Run:
    """``varied``: the names of the options that the sweep varies."""

    scenario: str
    options: SimOptions
    varied: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Identifies scenario, options, seed and version, however they were written on the command
        line.
        """
        words = json.dumps([__version__, self.scenario, all_settings(self.options)], default=str)
        return sha1(words.encode(), usedforsecurity=False).hexdigest()[:16]

    @property
    def command(self) -> str:
        return replay_command(scenario_named(self.scenario), self.options)

    @property
    def weight(self) -> float:
        """Roughly how long the run takes, compared with others."""
        return self.options.nodes * (60.0 * self.options.minutes + self.options.warmup_s)

    def record(self, told: Callable[[float], None] | None = None) -> Record:
        return record_of(self, told)

    def values(self) -> dict[str, Any]:
        """The values of the options that the sweep varies."""
        every = all_settings(self.options)
        return {name: every[name] for name in self.varied}


@dataclass(frozen=True, slots=True)
class Lost:
    """A run without a record, because its process or worker is gone. A resumed sweep repeats it."""

    run: Job
    reason: str


def planned(
    scenario: Scenario, base: SimOptions, varied: Mapping[str, Sequence[str]], seeds: Sequence[int]
) -> list[Run]:
    """All runs, seed by seed, so that an interrupted sweep has results of every combination. Raises
    UsageError for an impossible value.
    """
    count = len(seeds)
    for values in varied.values():
        count *= len(values)
    if count > MAX_RUNS:
        raise UsageError(f"that would be {count} runs; a sweep has at most {MAX_RUNS}")
    points = []
    for values in product(*varied.values()):
        options = with_settings(
            base, [f"{name}={value}" for name, value in zip(varied, values, strict=True)]
        )
        _check(options)
        points.append(options)
    runs = [
        Run(scenario.name, replace(options, seed=seed), tuple(varied))
        for seed in seeds
        for options in points
    ]
    return list({run.key: run for run in runs}.values())


def _check(options: SimOptions) -> None:
    try:
        Lab(options)  # takes milliseconds, and finds what the check of single settings does not
    except ValueError as error:
        raise UsageError(str(error)) from None


def record_of(run: Run, told: Callable[[float], None] | None = None) -> Record:
    """Executes the run. ``told`` is called regularly with the share that is done. Raises UsageError
    alone: a run that fails gives a record with the reason as ``failed`` and the command that
    reproduces it.
    """
    scenario = scenario_named(run.scenario)
    watch = partial(_watch, told) if told is not None else None
    try:
        record: Record = run_scenario(scenario, run.options, watch=watch).record()
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001  # a bug in one run must not end the other runs
        cause = error.__cause__ or error
        record = {
            "scenario": run.scenario,
            "seed": run.options.seed,
            "failed": f"{type(cause).__name__}: {cause}".replace("\n", " "),
            "settings": changed_settings(scenario, run.options),
            "version": __version__,
            "command": run.command,
        }
    return {**record, "varied": run.values(), "run": run.key}


def _watch(told: Callable[[float], None], lab: Lab) -> Callable[[], None]:
    whole_s = lab.options.warmup_s + 60.0 * lab.options.minutes
    return lambda: told(min(1.0, lab.world.now / whole_s) if whole_s else 0.0)
