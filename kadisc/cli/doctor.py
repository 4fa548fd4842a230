"""``kadisc doctor``: what is wrong with the node and its machine, and what to do about it."""

from __future__ import annotations

import argparse

from ..doctor.names import NAMES
from .exit_codes import DONE, FAILED
from .options import add_run_options
from .output import print_json, print_unsuccessful

SUMMARY = "check the node and its machine, and say what to do"
DESCRIPTION = (
    "Checks the node and its machine: files, sockets, clock, routes, firewall, names, bootstrap "
    "nodes, reachability, peers and the chain node, all at once, for 15 s at most. Each check says "
    "what is the case and, where something is wrong, what mends it. Asks the running node; if none "
    "runs with this state folder, or an option of a node is given, it opens one like that of "
    "kadisc run, with a key of its own. Exit code 1 if a check fails; warnings give 0."
)
EXAMPLES = """\
examples:
  kadisc doctor
  kadisc doctor --only reachable --only firewall
  kadisc doctor --offline                                    send nothing at all
  kadisc doctor --map-port tcp:30303 --service eth=30303     before kadisc run
  kadisc doctor --chain ltc --rpc http://127.0.0.1:9332      with the chain node"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        choices=NAMES,
        help=f"this check alone; may be given several times: {', '.join(NAMES)}",
    )
    parser.add_argument(
        "--offline",
        action="store_true",
        help="send nothing: no names are resolved, no node is asked or opened",
    )
    parser.add_argument(
        "--rpc",
        action="append",
        metavar="URL",
        help="compare the clock with the Date of this HTTP server, such as the chain node's RPC",
    )
    parser.add_argument(
        "--chain",
        metavar="NAME",
        help="shake hands with the chain node at the advertised port: btc, ltc, doge, bch, dash, "
        "with -testnet or -regtest, or the magic as 0x and 8 hex digits",
    )
    add_run_options(parser, keeps_state=False)


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _doctor(options))


async def _doctor(options: argparse.Namespace) -> int:
    from .doctor_report import print_report
    from .examination import examined

    document = await examined(options)
    failed = [each.check for each in document.checks if each.verdict == "failure"]
    if not options.json:
        print_report(document)
    elif failed:
        print_unsuccessful(document, "checks_failed", f"failed: {', '.join(failed)}")
    else:
        print_json(document)
    return FAILED if failed else DONE
