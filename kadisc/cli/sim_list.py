"""``kadisc sim list``: lists the scenarios."""

from __future__ import annotations

import argparse

from .output import print_json

SUMMARY = "list the scenarios"
DESCRIPTION = "Lists the scenarios, each with one sentence."
EXAMPLES = """\
examples:
  kadisc sim list
  kadisc sim list --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")


def execute(options: argparse.Namespace) -> int:
    from ..sim.scenarios.registry import ALL

    if options.json:
        print_json(
            [
                {
                    "name": scenario.name,
                    "summary": scenario.summary,
                    "settings": dict(scenario.settings),
                }
                for scenario in ALL
            ]
        )
        return 0
    width = max(len(scenario.name) for scenario in ALL)
    for scenario in ALL:
        print(f"{scenario.name:<{width}}  {scenario.summary}")
    return 0
