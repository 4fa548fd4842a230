"""Runs one scenario: from options to a result."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import UsageError
from ..version import __version__
from .lab import Lab, without_pauses
from .measure.cost import Cost
from .measure.statistics import Metrics
from .measure.trace import Trace
from .options import SimOptions
from .oracles.violation import Violation
from .scenarios.scenario import Scenario
from .settings import all_settings


@dataclass(frozen=True, slots=True)
class Result:
    """``wall_s`` and ``datagrams`` are of the measured part alone. ``settings``: the options that
    differ from the scenario's defaults, by dotted name.
    """

    scenario: str
    seed: int
    digest: str
    metrics: Metrics
    wall_s: float
    datagrams: int
    peak_rss_mb: float
    options: SimOptions
    settings: dict[str, object]
    command: str
    setup: Cost
    warmup: Cost
    measured: Cost

    def record(self) -> dict[str, object]:
        """As a JSON object."""
        return {
            "scenario": self.scenario,
            "seed": self.seed,
            "digest": self.digest,
            "metrics": self.metrics,
            "wall_s": round(self.wall_s, 3),
            "datagrams": self.datagrams,
            "datagrams_per_s": round(self.datagrams / self.wall_s) if self.wall_s else None,
            "virtual_s": round(self.measured.virtual_s, 3),
            "peak_rss_mb": self.peak_rss_mb,
            "nodes": self.options.nodes,
            "settings": self.settings,
            "version": __version__,
            "setup_s": round(self.setup.wall_s, 3),
            "warmup_s": round(self.warmup.wall_s, 3),
            "warmup_datagrams": self.warmup.datagrams,
            "command": self.command,
        }


def run_scenario(
    scenario: Scenario,
    options: SimOptions,
    *,
    trace_file: str | None = None,
    watch: Callable[[Lab], Callable[[], None]] | None = None,
) -> Result:
    """``watch`` is given the lab and returns a function to be called regularly during the run.
    Raises UsageError, or Violation with the command that reproduces it.
    """
    command = replay_command(scenario, options)
    try:
        lab = Lab(options)
    except ValueError as error:
        raise UsageError(str(error)) from None
    lab.watch = watch
    if watch is not None:
        lab.world.between_slices = watch(lab)
    trace = Trace(trace_file) if trace_file else None
    if trace is not None:
        lab.world.watchers.append(trace)
    try:
        with without_pauses():
            metrics = scenario.run(lab)
            digest = lab.world.digest.hexdigest()
            lab.finish()
    except (Violation, AssertionError) as error:
        raise Violation(f"{error}; reproduce with: {command}") from error
    finally:
        if trace is not None:
            trace.close()
    measured = lab.cost("measuring")
    return Result(
        scenario.name,
        options.seed,
        digest,
        metrics,
        measured.wall_s,
        measured.datagrams,
        peak_rss_mb(),
        options,
        changed_settings(scenario, options),
        command,
        lab.cost("setting up"),
        lab.cost("warming up"),
        measured,
    )


def changed_settings(scenario: Scenario, options: SimOptions) -> dict[str, object]:
    """The options that differ from the scenario's defaults, the seed aside, by dotted name."""
    usual = all_settings(scenario.options())
    return {
        name: value
        for name, value in all_settings(options).items()
        if value != usual[name] and name != "seed"
    }


def replay_command(scenario: Scenario, options: SimOptions) -> str:
    """The command line that reproduces the run."""
    words = ["kadisc sim run", scenario.name, f"--seed {options.seed}"]
    for name, value in changed_settings(scenario, options).items():
        if name in ("nodes", "minutes"):
            words.append(f"--{name} {value:g}")
        elif name == "paranoid":
            words.append("--paranoid")
        else:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words.append(f"--set {name}={text}")
    return " ".join(words)


def peak_rss_mb() -> float:
    """The peak memory of this process so far, in MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
