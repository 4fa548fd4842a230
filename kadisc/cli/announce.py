"""``kadisc announce``: announces a peer under an info-hash, once."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .descriptions import NODE_OF_A_LOOKUP
from .options import add_node_options, info_hash
from .output import print_json, show

if TYPE_CHECKING:
    from ..control.methods.announce import AnnounceDocument

SUMMARY = "announce a peer under an info-hash, once"
DESCRIPTION = (
    "Announces a peer, with this machine's address and --port, under an info-hash (BEP 5) at the "
    "nodes closest to it, and prints these nodes. They forget it after about 30 minutes. "
    + NODE_OF_A_LOOKUP
)
EXAMPLES = """\
examples:
  kadisc announce 0123456789abcdef0123456789abcdef01234567 --port 30303
  kadisc announce 40_HEX_DIGITS --port 6881 --bind 0.0.0.0:6881 --implied-port"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("info_hash", metavar="INFOHASH", help="40 hex digits")
    parser.add_argument(
        "--port", type=_port, required=True, metavar="N", help="the port of the peer, 1 to 65535"
    )
    parser.add_argument(
        "--implied-port",
        action="store_true",
        help=(
            "announce the source port of the node's datagrams instead: that of the running "
            "node, or of --bind"
        ),
    )
    add_node_options(parser)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"a port is 1 to 65535, not {text!r}")
    return int(text)


def execute(options: argparse.Namespace) -> int:
    target = info_hash(options.info_hash)
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _announce(options, target))


async def _announce(options: argparse.Namespace, target: str) -> int:
    from ..control.methods.announce import ANNOUNCE, AnnounceParams
    from .asking import ask

    params = AnnounceParams(target, options.port, options.implied_port, partial=True)
    stored = await ask(options, ANNOUNCE, params)
    if options.json:
        print_json(stored)
    else:
        _print(stored)
    return 0


def _print(stored: AnnounceDocument) -> None:
    from ..observe.describe import count
    from .stored import show_nodes

    show(
        f"stored at {count(len(stored.stored), 'node')} in {stored.elapsed_s:.2f} s, "
        f"{count(stored.queries, 'datagram')} sent"
    )
    show_nodes(stored)
