"""``kadisc peers``: the peers that were announced under an info-hash."""

from __future__ import annotations

import argparse

from .options import add_bootstrap_option, add_node_options, info_hash, positive
from .output import print_json, say

SUMMARY = "find peers announced under an info-hash"
DESCRIPTION = (
    "Asks the nodes closest to an info-hash for the peers that were announced there (BEP 5), and prints each as it is found. The running node does "
    "so, if there is one and no option is against it; else a read-only node of the command's own, which begins at the bootstrap hosts, or at whom "
    "the last run knew. Ends with its lookup, at --count peers, or after 30 s."
)
EXAMPLES = """\
examples:
  kadisc peers 0123456789abcdef0123456789abcdef01234567
  kadisc peers 0123456789abcdef0123456789abcdef01234567 --count 5 --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("info_hash", metavar="INFOHASH", help="40 hex digits")
    parser.add_argument("--count", type=positive, default=50, metavar="N", help="end at so many peers (default: 50)")
    add_bootstrap_option(parser)
    add_node_options(parser)


def execute(options: argparse.Namespace) -> int:
    target = info_hash(options.info_hash)
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _peers(options, target))


async def _peers(options: argparse.Namespace, target: str) -> int:
    from collections.abc import Mapping

    from ..control.methods.peers import PEERS, PeersParams
    from ..observe.describe import count
    from .asking import ask
    from .output import endpoint_text

    def tell(value: Mapping[str, object]) -> None:
        peer = value.get("peer")
        if isinstance(peer, Mapping) and not options.json:
            print(endpoint_text(peer["host"], peer["port"]), flush=True)

    found = await ask(options, PEERS, PeersParams(target, options.count, partial=True), tell=tell)
    if options.json:
        print_json(found)
    else:
        say(f"{count(len(found.peers), 'peer')} in {found.elapsed_s:.2f} s, {count(found.queries, 'datagram')} sent")
    return 0 if found.peers else 1
