"""``kadisc why``: where a peer came from, and why it is trusted."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .options import add_folder_options
from .output import print_json

if TYPE_CHECKING:
    from ..control.methods.why import Why

SUMMARY = "tell where a peer came from and why it is trusted"
DESCRIPTION = (
    "Asks the node that runs with this state folder what it knows of a peer of its network: who told of it, when it proved itself, how often it "
    "failed, and what the application said of it. Ends with exit code 1 where the peer is not known, or no node runs."
)
EXAMPLES = """\
examples:
  kadisc why 192.0.2.7:6881
  kadisc why 64_HEX_DIGITS --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "who", metavar="PEER", help="its key of 64 hex digits, or its numeric HOST:PORT"
    )
    add_folder_options(parser.add_argument_group("node"))
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _why(options))


async def _why(options: argparse.Namespace) -> int:
    from ..control.methods.why import WHY, WhyParams, peer_from
    from .asking import ask_running

    peer_from(options.who)
    why = await ask_running(options, WHY, WhyParams(options.who))
    if options.json:
        print_json(why)
    else:
        _print(why)
    return 0


def _print(why: Why) -> None:
    from ..observe.describe import count
    from .status import duration

    print(why.peer)
    print(f"  key       {why.key or 'not known: it was only heard of'}")
    if why.asn is not None:
        print(f"  system    AS{why.asn}")
    print(
        f"  heard of  first {duration(why.first_seen_s_ago)} ago, from {why.source}; {count(why.heard_times, 'time')} in all"
    )
    if why.first_verified_s_ago is None or why.verified_s_ago is None:
        print("  verified  never: it is not given to anybody")
    else:
        rtt = "" if why.rtt_ms is None else f", {why.rtt_ms:.1f} ms away"
        then = (
            "in this run"
            if why.verified_in_this_run
            else "in an earlier run: not given to anybody before it answers again"
        )
        print(
            f"  verified  by an exchange of records {duration(why.verified_s_ago)} ago, first {duration(why.first_verified_s_ago)} ago, {then}{rtt}"
        )
    print(f"  failures  {why.failures} in a row")
    if why.verdict is not None:
        held = f", held back for {duration(why.held_back_s)} more" if why.held_back_s else ""
        print(f"  verdict   {why.verdict}, says the application{held}")
