"""``kadisc why``: shows the history of a peer and why it is trusted."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .options import add_folder_options
from .output import print_json, show

if TYPE_CHECKING:
    from ..control.methods.why import WhyDocument

SUMMARY = "show where a peer came from and why it is trusted"
DESCRIPTION = (
    "Shows what the running node knows of a peer of its network: its source, when it was verified, "
    "its failures and the feedback of the application. Exit code 1 if the peer is unknown, or no "
    "node runs with this state folder."
)
EXAMPLES = """\
examples:
  kadisc why 192.0.2.7:6881
  kadisc why 64_HEX_DIGITS --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "wanted",
        metavar="PEER",
        help="its key of 64 hex digits, or a numeric HOST:PORT: where it answers, or of a service",
    )
    add_folder_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _why(options))


async def _why(options: argparse.Namespace) -> int:
    from ..control.methods.why import WHY, WhyParams
    from ..net.api.arguments import peer_from
    from .asking import ask_running

    peer_from(options.wanted)
    why = await ask_running(options, WHY, WhyParams(options.wanted))
    if options.json:
        print_json(why)
    else:
        for line in why_lines(why):
            show(line)
    return 0


def why_lines(why: WhyDocument) -> Iterator[str]:
    """The document as lines of text."""
    from ..observe.describe import count
    from .status import duration

    yield why.peer
    for other in why.also_at:
        yield f"  also      {other} was meant too; kadisc why {other}"
    yield f"  key       {why.key or 'unknown: the peer is unverified'}"
    if why.asn is not None:
        yield f"  asn       AS{why.asn}"
    yield (
        f"  source    first seen {duration(why.first_seen_s_ago)} ago {_by_source(why.source)}; "
        f"reported {count(why.reported_times, 'time')}"
    )
    if why.first_verified_s_ago is None or why.verified_s_ago is None:
        yield "  verified  never: the peer is not returned to applications"
    else:
        yield from _verified_lines(why, why.verified_s_ago, why.first_verified_s_ago)
    yield f"  failures  {why.failures} in a row"
    if why.verdict is not None:
        rest = f"; suppressed for {duration(why.suppressed_s)} more" if why.suppressed_s else ""
        yield f"  feedback  {why.verdict}{rest}"


def _by_source(source: str) -> str:
    if source == "lookup":
        return "in a DHT lookup"
    if source.startswith("rendezvous"):
        return "in a DHT announce of the network"
    return f"from {source}"


def _verified_lines(why: WhyDocument, last_s_ago: float, first_s_ago: float) -> Iterator[str]:
    from .status import duration

    rtt = "" if why.rtt_ms is None else f", round-trip time {why.rtt_ms:.1f} ms"
    yield (
        f"  verified  {duration(last_s_ago)} ago by an exchange of records, "
        f"first {duration(first_s_ago)} ago{rtt}"
    )
    if not why.verified_in_this_run:
        yield "            in an earlier run: not returned until verified again"
