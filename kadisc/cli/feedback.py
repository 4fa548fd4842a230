"""``kadisc feedback``: tells the running node what an application experienced with a peer."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from .descriptions import NEEDS_A_RUNNING_NODE
from .options import add_folder_options
from .output import print_json, show

if TYPE_CHECKING:
    from ..control.methods.feedback import FeedbackDocument

SUMMARY = "tell the running node what you experienced with a peer"
DESCRIPTION = (
    "Tells the running node what an application experienced with a peer that it got from it. "
    "good: the node returns the peer a little more often. busy, bad, wrong-network: it does not "
    "return the peer for 5 minutes, an hour, a day. An address that several peers share means all "
    "of them. Exit code 1 if the peer is unknown. " + NEEDS_A_RUNNING_NODE
)
EXAMPLES = """\
examples:
  kadisc feedback 192.0.2.7:30303 good              by the address of a service
  kadisc feedback 192.0.2.7:6881 bad                by the UDP endpoint
  kadisc feedback 64_HEX_DIGITS wrong-network --json"""

VERDICTS: Final = ("good", "bad", "busy", "wrong-network")
"""As of `net/api/peer_network.py`, which a help text need not import."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "wanted",
        metavar="PEER",
        help="its key of 64 hex digits, or a numeric HOST:PORT: where it answers, or of a service",
    )
    parser.add_argument(
        "verdict", metavar="VERDICT", choices=VERDICTS, help="good, bad, busy or wrong-network"
    )
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")
    add_folder_options(parser)


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _feedback(options))


async def _feedback(options: argparse.Namespace) -> int:
    from ..control.methods.feedback import FEEDBACK, FeedbackParams
    from ..net.api.arguments import peer_from
    from .asking import ask_running

    peer_from(options.wanted)
    noted = await ask_running(
        options, FEEDBACK, FeedbackParams(verdict=options.verdict, peer=options.wanted)
    )
    if options.json:
        print_json(noted)
    else:
        _print(noted)
    return 0


def _print(noted: FeedbackDocument) -> None:
    for peer in noted.peers:
        show(f"{noted.verdict} noted for {peer.endpoint}")
        scope = "" if peer.proven else ", not proven: the verdict holds for this endpoint"
        show(f"  key  {peer.key}{scope}")
