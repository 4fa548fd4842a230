"""``kadisc peers``: the peers that were announced under an info-hash."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .options import add_bootstrap_option, add_node_options, info_hash, positive
from .output import print_json, say

if TYPE_CHECKING:
    from ..ids import NodeId
    from .peer_search import PeerSearch

SUMMARY = "find peers announced under an info-hash"
DESCRIPTION = (
    "Asks the nodes closest to an info-hash for the peers that were announced there (BEP 5), and prints each as it is found. Begins at the bootstrap "
    "hosts, or at whom the last run knew, by a read-only node of its own. Ends with its lookup, at --count peers, or after 30 s."
)
EXAMPLES = """\
examples:
  kadisc peers 0123456789abcdef0123456789abcdef01234567
  kadisc peers 0123456789abcdef0123456789abcdef01234567 --count 5 --json"""

TIMEOUT_S = 30.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("info_hash", metavar="INFOHASH", help="40 hex digits")
    parser.add_argument("--count", type=positive, default=50, metavar="N", help="end at so many peers (default: 50)")
    add_bootstrap_option(parser)
    add_node_options(parser)


def execute(options: argparse.Namespace) -> int:
    target = info_hash(options.info_hash)
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _peers(options, target))


async def _peers(options: argparse.Namespace, target: NodeId) -> int:
    from ..endpoints import format_endpoint
    from ..observe.describe import count
    from .one_shot import open_one_shot
    from .peer_search import PeerSearch

    async with open_one_shot(options) as one_shot:
        tell = None if options.json else lambda peer: print(format_endpoint(peer), flush=True)
        search = PeerSearch(one_shot.node, target, options.count, tell)
        await one_shot.carry_out(search, timeout_s=TIMEOUT_S)
        elapsed_s = search.elapsed_s
    if options.json:
        print_json(_document(search, elapsed_s))
    else:
        say(f"{count(len(search.peers), 'peer')} in {elapsed_s:.2f} s, {count(search.queries, 'datagram')} sent")
    return 0 if search.peers else 1


def _document(search: PeerSearch, elapsed_s: float) -> dict[str, object]:
    from ..endpoints import host_of, port_of
    from ..ids import format_id

    return {
        "infohash": format_id(search.target),
        "peers": [{"host": host_of(peer), "port": port_of(peer)} for peer in search.peers],
        "first_peer_s": None if search.first_peer_s is None else round(search.first_peer_s, 4),
        "elapsed_s": round(elapsed_s, 4),
        "queries": search.queries,
    }
