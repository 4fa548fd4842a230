"""``kadisc record``: shows the running node's own peer record."""

from __future__ import annotations

import argparse

from .descriptions import NEEDS_A_RUNNING_NODE
from .options import add_folder_options
from .output import print_json, show

SUMMARY = "show the running node's own peer record"
DESCRIPTION = (
    "Shows the signed record that the running node sends to peers of its network: its key, its "
    "address as far as known, its services and the sequence of the record. " + NEEDS_A_RUNNING_NODE
)
EXAMPLES = """\
examples:
  kadisc record
  kadisc record --state-dir ./node-b --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_folder_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _record(options))


async def _record(options: argparse.Namespace) -> int:
    from ..control.methods.record import RECORD, RecordParams
    from ..observe.services import services_words
    from .asking import ask_running

    record = await ask_running(options, RECORD, RecordParams())
    if options.json:
        print_json(record)
        return 0
    show(f"record {record.sequence} for network {record.network}, {record.bytes} bytes, signed")
    show(f"  key       {record.key}")
    show(f"  address   {', '.join(record.endpoints) or 'not known yet'}")
    show(f"  services  {services_words(record.services)}")
    return 0
