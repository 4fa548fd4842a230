"""``kadisc sim run``: runs one scenario once."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import UsageError
from .output import print_json, show

if TYPE_CHECKING:
    from ..sim.options import SimOptions
    from ..sim.run import Result
    from ..sim.scenarios.scenario import Scenario

SUMMARY = "run one scenario"
DESCRIPTION = (
    "Runs a scenario and prints its metrics. --minutes is the measured virtual time; set-up and "
    "warm-up come before it and are reported separately."
)
EXAMPLES = """\
examples:
  kadisc sim run lookup --nodes 300 --minutes 2
  kadisc sim run churn --set churn.profile=ipfs --set network.loss.mean=0.05
  kadisc sim run lookup --set core.table.k=20 --seed 7 --json"""

MAX_NODES = 200_000


def add_options(parser: argparse.ArgumentParser) -> None:
    add_scenario_options(parser)
    parser.add_argument("--seed", metavar="S", help="the same seed gives the same run (default: 1)")
    parser.add_argument(
        "--trace", metavar="FILE", help="write every delivery and event to this file as JSON lines"
    )
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")


def add_scenario_options(parser: argparse.ArgumentParser) -> None:
    """The options that `sim run` and `sim sweep` share."""
    parser.add_argument("scenario", metavar="NAME", help="see kadisc sim list")
    parser.add_argument("--nodes", metavar="N", help="number of nodes")
    parser.add_argument(
        "--minutes", metavar="M", help="measured virtual minutes, after the warm-up"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        dest="settings",
        help="any option by its dotted name, as in network.loss.mean=0.05",
    )
    parser.add_argument(
        "--paranoid", action="store_true", help="also check the expensive invariants"
    )


def execute(options: argparse.Namespace) -> int:
    from ..sim.run import run_scenario
    from ..sim.scenarios.registry import scenario_named
    from .sim_progress import SimProgress

    scenario = scenario_named(options.scenario)
    chosen = sim_options(scenario, options)
    progress = SimProgress()
    try:
        result = run_scenario(scenario, chosen, trace_file=options.trace, watch=progress.watch)
    finally:
        progress.clear()
    if options.json:
        print_json(result.record())
    else:
        _print(result)
    return 0


def sim_options(scenario: Scenario, options: argparse.Namespace) -> SimOptions:
    """The options of the scenario with those of the command line. Raises UsageError."""
    from ..sim.settings import with_settings

    shorthands = [
        f"{name}={getattr(options, name)}"
        for name in ("nodes", "minutes", "seed")
        if getattr(options, name, None) is not None
    ]
    try:
        chosen = with_settings(scenario.options(), [*shorthands, *options.settings])
    except UsageError as error:
        raise UsageError(_without_set(str(error), shorthands)) from None
    for shorthand in shorthands:
        name, _, given = shorthand.partition("=")
        once = getattr(with_settings(scenario.options(), [shorthand]), name)
        if once != (set_to := getattr(chosen, name)):
            raise UsageError(
                f"--{name} {given} and --set {name}={set_to} contradict each other: give one "
                "of them"
            )
    check_size(chosen)
    return replace(chosen, paranoid=chosen.paranoid or options.paranoid)


def check_size(options: SimOptions) -> None:
    """Raises UsageError for a size that cannot be simulated."""
    if not 2 <= options.nodes <= MAX_NODES:
        raise UsageError(f"--nodes: 2 to {MAX_NODES} nodes can be simulated, not {options.nodes}")
    if not 0 < options.minutes <= 1e6:
        raise UsageError(f"--minutes: a time above 0 is expected, not {options.minutes:g}")


def _without_set(text: str, shorthands: list[str]) -> str:
    """The error text with --nodes instead of the equivalent --set nodes."""
    for shorthand in shorthands:
        name = shorthand.partition("=")[0]
        text = text.replace(f"--set {name}:", f"--{name}:")
    return text


def _print(result: Result) -> None:
    show(f"{result.scenario}, {result.options.nodes} nodes, seed {result.seed}")
    plain = {name: value for name, value in result.metrics.items() if not isinstance(value, list)}
    width = max(map(len, plain), default=0)
    for name, value in plain.items():
        show(f"  {name:<{width}}  {'-' if value is None else value}")
    for value in result.metrics.values():
        # Lists of numbers are for charts only.
        if isinstance(value, list) and value and isinstance(value[0], dict):
            _print_table(value)
    rate = result.datagrams / result.wall_s if result.wall_s else 0.0
    show(
        f"{result.measured.virtual_s / 60:.1f} virtual minutes in {result.wall_s:.1f} s, "
        f"{result.datagrams} datagrams ({rate:.0f}/s)"
    )
    show(
        f"set-up {result.setup.wall_s:.1f} s, warm-up {result.warmup.wall_s:.1f} s, "
        f"peak memory {result.peak_rss_mb:.0f} MB"
    )
    show(f"digest {result.digest}")
    show(f"reproduce: {result.command}")


def _print_table(rows: list[dict[str, object]]) -> None:
    """Prints rows that have the same keys."""
    names = list(rows[0])
    lines = [names, *([str(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    for line in lines:
        show("  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
