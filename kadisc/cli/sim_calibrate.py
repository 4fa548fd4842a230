"""``kadisc sim calibrate``: compares the simulator with the same network on real sockets."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from ..errors import UsageError
from .exit_codes import DONE, FAILED
from .output import ProgressLine, error_document, print_json, say

if TYPE_CHECKING:
    from ..endpoints import Endpoint
    from ..sim.calibration.agreement import Agreement
    from ..sim.calibration.calibration import CalibrationRound, Observed
    from ..sim.options import SimOptions

SUMMARY = "compare the simulator with real sockets"
DESCRIPTION = (
    "Runs the same networks twice: on real loopback sockets in real time, with the delays and "
    "losses of the model added, and in the simulator. Prints the counts of both, their ratios, "
    "and the Kolmogorov-Smirnov distance of the lookup latencies. Exit code 1 if counts differ "
    "by more than 5 %, or latencies by more than 0.1. Takes three minutes."
)
EXAMPLES = """\
examples:
  kadisc sim calibrate
  kadisc sim calibrate --nodes 100 --lookups 450 --seed 7 --json
  kadisc sim calibrate --set network.loss.mean=0.01 --set crash=0.5"""

MAX_LOOKUPS = 100_000


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--nodes", metavar="N", help="how many nodes, dead ones included (default: 200)"
    )
    parser.add_argument(
        "--lookups",
        metavar="L",
        default="1575",
        help="how many lookups on each side (default: 1575)",
    )
    parser.add_argument("--seed", metavar="S", help="the seed of the networks (default: 1)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        dest="settings",
        help="any option, as in kadisc sim run",
    )
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")


def execute(options: argparse.Namespace) -> int:
    from ..sim.calibration.agreement import agreement
    from ..sim.calibration.calibration import Observed, rounds

    chosen, lookups = _chosen(options)
    plan = rounds(chosen, lookups)
    sockets = Observed()
    simulator = Observed()
    late_s: list[float] = []
    began = time.perf_counter()
    code = _run(plan, sockets, simulator, late_s)
    if code:
        return code
    verdict = agreement(sockets, simulator)
    document = _document(chosen, lookups, sockets, simulator, verdict, late_s) | {
        "wall_s": round(time.perf_counter() - began, 1)
    }
    problem = (
        "" if verdict.within() else "the simulator and the sockets differ by more than the bounds"
    )
    if options.json:
        print_json(document | (error_document("disagreement", problem) if problem else {}))
    else:
        _print(document)
    if problem:
        say(problem)
    return FAILED if problem else DONE


def _chosen(options: argparse.Namespace) -> tuple[SimOptions, int]:
    """Raises UsageError."""
    from ..sim.calibration.calibration import MAX_NODES, SETTINGS
    from ..sim.options import SimOptions
    from ..sim.settings import with_settings

    own = {name: getattr(options, name) for name in ("nodes", "seed")}
    own = {name: value for name, value in own.items() if value is not None}
    for name, value in {**own, "lookups": options.lookups}.items():
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise UsageError(f"--{name}: a whole number is expected, not {value!r}")
    chosen = with_settings(
        SimOptions(), [f"{name}={value}" for name, value in (SETTINGS | own).items()]
    )
    chosen = with_settings(chosen, options.settings)
    lookups = int(options.lookups)
    if not 10 <= chosen.nodes <= MAX_NODES:
        raise UsageError(
            f"--nodes: 10 to {MAX_NODES} nodes can have addresses in 127/8, not {chosen.nodes}"
        )
    if not 1 <= lookups <= MAX_LOOKUPS:
        raise UsageError(f"--lookups: 1 to {MAX_LOOKUPS}, not {lookups}")
    if not 0.0 <= chosen.crash <= 0.9:
        raise UsageError(
            f"--set crash: the share of dead nodes is 0 to 0.9 here, not {chosen.crash:g}"
        )
    if not 0.0 <= chosen.warmup_s <= 10.0:
        raise UsageError(
            f"--set warmup_s: 0 to 10 here, not {chosen.warmup_s:g}: later the nodes detect "
            "dead ones"
        )
    if not 1.0 <= chosen.lookups_per_minute <= 6000.0:
        raise UsageError(
            f"--set lookups_per_minute: 1 to 6000 here, not {chosen.lookups_per_minute:g}"
        )
    return chosen, lookups


def _run(
    plan: list[CalibrationRound], sockets: Observed, simulator: Observed, late_s: list[float]
) -> int:
    """0, or the exit code after a signal."""
    from ..config import Config
    from ..sim.lab import without_pauses
    from .on_sockets import run_on_sockets
    from .tasks import run_until_signalled

    line = ProgressLine()
    endpoints: list[list[Endpoint]] = []

    async def on_sockets() -> int:
        for number, each in enumerate(plan, start=1):

            def progress(seconds: float, number: int = number) -> None:
                line.show(f"network {number} of {len(plan)} on sockets, {seconds:.0f} s")

            endpoints.append(await run_on_sockets(each, Config(), sockets, late_s, progress))
        return 0

    try:
        with without_pauses():
            code = run_until_signalled(on_sockets)
            if code == 0:
                for number, (each, where) in enumerate(zip(plan, endpoints, strict=True), start=1):
                    line.show(f"network {number} of {len(plan)} in virtual time")
                    each.run(where, simulator)
    finally:
        line.clear()
    return code


def _document(
    chosen: SimOptions,
    lookups: int,
    sockets: Observed,
    simulator: Observed,
    verdict: Agreement,
    late_s: list[float],
) -> dict[str, object]:
    from ..sim.calibration.agreement import COUNTS_WITHIN, LATENCY_WITHIN, metrics_of
    from ..sim.measure.statistics import mean, spread

    lag_ms = [1000.0 * each for each in late_s]
    return {
        "nodes": chosen.nodes,
        "dead": round(chosen.crash * chosen.nodes),
        "loss": chosen.network.loss.mean,
        "seed": chosen.seed,
        "lookups": lookups,
        "sockets": metrics_of(sockets),
        "simulator": metrics_of(simulator),
        "ratios": {name: round(ratio, 4) for name, ratio in verdict.ratios.items()},
        "ks_distance": round(verdict.ks_distance, 4),
        "bounds": {"ratios": COUNTS_WITHIN, "ks_distance": LATENCY_WITHIN},
        "agree": verdict.within(),
        "lag_ms_mean": mean(lag_ms),
        **spread("lag_ms", lag_ms),
        "lag_ms_max": round(max(lag_ms, default=0.0), 3),
    }


def _print(document: dict[str, object]) -> None:
    real, simulated, ratios = document["sockets"], document["simulator"], document["ratios"]
    assert isinstance(real, dict) and isinstance(simulated, dict) and isinstance(ratios, dict)
    print(
        f"{document['nodes']} nodes, {document['dead']} of them dead, {document['loss']:.1%} loss, "
        f"seed {document['seed']}"
    )
    print(f"  {'':<20}{'sockets':>12}{'simulator':>12}{'ratio':>9}")
    for name, value in real.items():
        ratio = f"{ratios[name]:.3f}" if name in ratios else ""
        print(f"  {name:<20}{_text(value):>12}{_text(simulated[name]):>12}{ratio:>9}")
    print(f"Kolmogorov-Smirnov distance of the latencies: {document['ks_distance']}")
    print(
        f"delay added by this process: mean {document['lag_ms_mean']} ms, "
        f"p99 {document['lag_ms_p99']} ms, at most {document['lag_ms_max']} ms"
    )
    print(f"{document['wall_s']} s in total")


def _text(value: object) -> str:
    return "-" if value is None else str(value)
