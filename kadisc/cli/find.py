"""``kadisc find``: the nodes closest to an ID."""

from __future__ import annotations

import argparse

from ..config.request_bounds import MAX_K, MAX_PATHS
from .descriptions import NODE_OF_A_LOOKUP
from .options import add_node_options, from_1_to
from .output import print_json

SUMMARY = "look up the nodes closest to an ID"
DESCRIPTION = (
    "Looks up an ID: queries the closest known nodes for closer ones, until it knows the K closest "
    "nodes that answer. Prints these nodes, the closest first. " + NODE_OF_A_LOOKUP
)
EXAMPLES = """\
examples:
  kadisc find random                                a random ID in Mainline
  kadisc find random --bootstrap 127.0.0.1:6881     in a local devnet
  kadisc find 0123456789abcdef0123456789abcdef01234567 --k 20 --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="ID|random", help="40 hex digits, or 'random'")
    parser.add_argument(
        "--k",
        type=from_1_to(MAX_K),
        default=8,
        metavar="N",
        help=(
            "how many nodes (default: 8); more than 8 take several lookups, and with --paths those "
            "beyond the 8th may not be the closest"
        ),
    )
    parser.add_argument(
        "--paths",
        type=from_1_to(MAX_PATHS),
        default=1,
        metavar="D",
        help="use D disjoint paths; attackers on one path cannot hide the target (default: 1)",
    )
    add_node_options(parser)


def execute(options: argparse.Namespace) -> int:
    target = _target(options.target)
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _find(options, target))


def _target(text: str) -> str:
    """The target as 40 hex digits. Raises UsageError."""
    from ..errors import UsageError
    from ..ids import format_id, parse_id, random_id

    if text == "random":
        from random import SystemRandom

        return format_id(random_id(SystemRandom()))
    try:
        return format_id(parse_id(text))
    except ValueError as error:
        raise UsageError(f"{error}; or 'random'") from None


async def _find(options: argparse.Namespace, target: str) -> int:
    from ..control.methods.find import FIND, FindParams
    from .asking import ask

    found = await ask(options, FIND, FindParams(target, options.k, options.paths, partial=True))
    if options.json:
        print_json(found)
    else:
        from .tables import print_nodes

        print_nodes(found)
    return 0
