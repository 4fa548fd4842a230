"""``kadisc announce``: announces a peer under an info-hash, once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .options import add_bootstrap_option, add_node_options, info_hash
from .output import print_json

if TYPE_CHECKING:
    from ..ids import NodeId
    from .peer_search import AnnounceSearch

SUMMARY = "announce a peer under an info-hash, once"
DESCRIPTION = (
    "Announces that the peer at this machine's address and --port belongs to an info-hash (BEP 5), at the nodes closest to it, and prints where it "
    "is stored. Those forget it after about 30 minutes. Begins at the bootstrap hosts, or at whom the last run knew, by a read-only node of its own."
)
EXAMPLES = """\
examples:
  kadisc announce 0123456789abcdef0123456789abcdef01234567 --port 30303
  kadisc announce 40_HEX_DIGITS --port 6881 --bind 0.0.0.0:6881 --implied-port"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("info_hash", metavar="INFOHASH", help="40 hex digits")
    parser.add_argument("--port", type=_port, required=True, metavar="N", help="where the peer listens, 1 to 65535")
    parser.add_argument(
        "--implied-port", action="store_true", help="the port that this command's own datagrams come from counts, as others see it; use with --bind"
    )
    add_bootstrap_option(parser)
    add_node_options(parser)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"a port is 1 to 65535, not {text!r}")
    return int(text)


def execute(options: argparse.Namespace) -> int:
    target = info_hash(options.info_hash)
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _announce(options, target))


async def _announce(options: argparse.Namespace, target: NodeId) -> int:
    from ..errors import NoAnswer
    from .one_shot import open_one_shot
    from .peer_search import AnnounceSearch

    async with open_one_shot(options) as one_shot:
        search = AnnounceSearch(one_shot.node, target, options.port, implied_port=options.implied_port)
        await one_shot.carry_out(search)
        elapsed_s = search.elapsed_s
    if not search.stored:
        raise NoAnswer(f"{search.answered} nodes answered, but none has stored the announce; try again")
    if options.json:
        print_json(_document(search, options.port, elapsed_s))
    else:
        _print(search, elapsed_s)
    return 0


def _print(search: AnnounceSearch, elapsed_s: float) -> None:
    from ..endpoints import format_endpoint
    from ..ids import format_id
    from ..observe.describe import count

    print(f"stored at {count(len(search.stored), 'node')} in {elapsed_s:.2f} s, {count(search.queries, 'datagram')} sent")
    for contact in search.stored:
        print(f"  {format_id(contact.id)}  {format_endpoint(contact.endpoint)}")


def _document(search: AnnounceSearch, port: int, elapsed_s: float) -> dict[str, object]:
    from ..ids import format_id

    return {
        "infohash": format_id(search.target),
        "port": port,
        "stored": [{"id": format_id(contact.id), "host": contact.host, "port": contact.port} for contact in search.stored],
        "elapsed_s": round(elapsed_s, 4),
        "queries": search.queries,
    }
