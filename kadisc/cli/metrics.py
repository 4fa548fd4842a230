"""``kadisc metrics``: the metrics of the running node."""

from __future__ import annotations

import argparse

from .descriptions import NEEDS_A_RUNNING_NODE
from .options import add_folder_options
from .output import print_json, show

SUMMARY = "print the metrics of the running node"
DESCRIPTION = (
    "Prints the metrics of the node that runs with this state folder, in the text format of "
    "Prometheus: those that kadisc run --metrics serves, less the ones of the process. Needs "
    "neither an open port nor the extra metrics. " + NEEDS_A_RUNNING_NODE
)
EXAMPLES = """\
examples:
  kadisc metrics | grep dht_contacts
  kadisc metrics > /var/lib/node_exporter/kadisc.prom
  kadisc metrics --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")
    add_folder_options(parser)


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _metrics(options))


async def _metrics(options: argparse.Namespace) -> int:
    from ..control.methods.metrics import METRICS, MetricsParams
    from ..observe.metric_document import exposition
    from .asking import ask_running

    told = await ask_running(options, METRICS, MetricsParams())
    if options.json:
        print_json(told)
    else:
        for line in exposition(told.families).splitlines():
            show(line)
    return 0
