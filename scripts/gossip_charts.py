"""Draws the charts of docs/explanation/gossip.md: what share of slots and samples a flood gains,
beside naive gossip.

python scripts/gossip_charts.py [--data FILE] [--seeds N] [--measure | --draw] [--folder FOLDER]

Each run is `gossip-flood` (150 members, a view of 40 slots), watched from its first moment on. What
the data file holds is not run again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from kadisc.sim.attacks.ablation import without
from kadisc.sim.attacks.flood import settle_with_flooders
from kadisc.sim.lab import Lab, without_pauses
from kadisc.sim.probes.gossip_metrics import GossipSamples, members, standing
from kadisc.sim.report.drawing import colours, in_percent, legend, new_figure, png_of
from kadisc.sim.scenarios.gossip_flood import NAIVE
from kadisc.sim.scenarios.registry import scenario_named
from kadisc.sim.settings import with_settings

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
COURSE_OF = 0.3
"""The share of attackers whose course is drawn."""
STEP_S, WARMUP_S, WATCHED_S = 20.0, 700.0, 120.0
RULES = ("kadisc", "naive")
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    rule: str
    share: float
    seed: int

    @property
    def key(self) -> str:
        return f"{self.rule} {self.share} {self.seed}"


def plans(seeds: int) -> Iterator[Plan]:
    for seed in range(1, seeds + 1):
        for rule in RULES:
            for share in SHARES:
                yield Plan(rule, share, seed)


def measured(plan: Plan) -> Record:
    """``course``: at each step the time, the rounds of the median member, and the attackers' share
    of all slots.
    """
    settings = ["nodes=150", f"seed={plan.seed}", f"attack.share={plan.share}", "warmup_s=0"]
    options = with_settings(scenario_named("gossip-flood").options(), settings)
    lab = Lab(without(options, *NAIVE) if plan.rule == "naive" else options)
    course = []
    with without_pauses():
        _, attackers = settle_with_flooders(lab)
        for step in range(1, round(WARMUP_S / STEP_S) + 1):
            lab.run(STEP_S)
            seen = standing(lab, members(lab))
            course.append((step * STEP_S, seen["rounds_median"], seen["held"]))
        samples = GossipSamples(lab)
        samples.watch(WATCHED_S)
    part = len(attackers) / (len(attackers) + len(members(lab)))
    return {
        "key": plan.key,
        "rule": plan.rule,
        "seed": plan.seed,
        "share": plan.share,
        "part": part,
        "course": course,
        **samples.metrics(),
    }


def gathered(file: Path, seeds: int, *, measures: bool) -> list[Record]:
    records = (
        {record["key"]: record for record in map(json.loads, file.read_text().splitlines())}
        if file.exists()
        else {}
    )
    wanted = list(plans(seeds))
    for plan in wanted if measures else ():
        if plan.key not in records:
            records[plan.key] = measured(plan)
            with file.open("a") as out:
                print(json.dumps(records[plan.key]), file=out)
            print(plan.key, records[plan.key]["slots"], records[plan.key]["peers"], file=sys.stderr)
    return [records[plan.key] for plan in wanted if plan.key in records]


def by_share(records: Sequence[Record], rule: str, figure: str) -> tuple[list[float], list[float]]:
    of_rule = [record for record in records if record["rule"] == rule]
    shares = sorted({record["share"] for record in of_rule})
    return (
        [
            mean(record["part"] for record in of_rule if record["share"] == share)
            for share in shares
        ],
        [
            mean(record[figure] for record in of_rule if record["share"] == share)
            for share in shares
        ],
    )


def samples_chart(records: Sequence[Record]) -> bytes:
    figure, [axes] = new_figure(4.2)
    ours, theirs = colours(2, ordered=False)
    lines = (
        ("kadisc", "peers", ours, "o-", "kadisc, given to the application"),
        ("kadisc", "slots", ours, "s:", "kadisc, from slots alone"),
    )
    for rule, name, colour, style, label in (
        *lines,
        ("naive", "slots", theirs, "o-", "push-pull with random replacement"),
    ):
        axes.plot(*by_share(records, rule, name), style, color=colour, label=label, markersize=4)
    axes.plot(
        [0.0, 0.55],
        [0.0, 0.55],
        color="#444444",
        linewidth=0.8,
        linestyle="--",
        label="as many as they are",
    )
    axes.set(
        xlim=(0.0, 0.55),
        ylim=(0.0, 1.0),
        xlabel="attackers' share of all addresses",
        ylabel="their share of samples",
    )
    in_percent(axes.xaxis, 0)
    in_percent(axes.yaxis, 0)
    legend(axes)
    return png_of(figure)


def course_chart(records: Sequence[Record]) -> bytes:
    figure, [axes] = new_figure(4.2)
    for rule, colour in zip(RULES, colours(2, ordered=False), strict=True):
        label = {"kadisc": "kadisc: secret ranks", "naive": "push-pull with random replacement"}[
            rule
        ]
        of_rule = [
            record for record in records if record["rule"] == rule and record["share"] == COURSE_OF
        ]
        for record in of_rule:
            axes.plot(
                [rounds for _, rounds, _ in record["course"]],
                [held for _, _, held in record["course"]],
                color=colour,
                label=label,
                linewidth=1.2,
            )
            label = ""
    axes.axhline(
        COURSE_OF, color="#444444", linewidth=0.8, linestyle="--", label="as many as they are"
    )
    axes.set(
        ylim=(0.0, 1.0),
        xlabel="rounds of the median member",
        ylabel="attackers' share of all slots",
    )
    in_percent(axes.yaxis, 0)
    legend(axes)
    return png_of(figure)


def main() -> int:
    parser = argparse.ArgumentParser(prog="gossip_charts.py", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("gossip_charts.jsonl"),
        help="where results are kept (default: gossip_charts.jsonl)",
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 1 on (default: 3)")
    parser.add_argument(
        "--measure", action="store_true", help="run what is missing, and draw nothing"
    )
    parser.add_argument("--draw", action="store_true", help="draw what is there, and run nothing")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("docs/explanation"),
        help="where the charts go (default: docs/explanation)",
    )
    options = parser.parse_args()
    records = gathered(options.data, options.seeds, measures=not options.draw)
    if not options.measure:
        (options.folder / "gossip-samples.png").write_bytes(samples_chart(records))
        (options.folder / "gossip-course.png").write_bytes(course_chart(records))
    return 0


if __name__ == "__main__":
    sys.exit(main())
