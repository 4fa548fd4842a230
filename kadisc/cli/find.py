"""``kadisc find``: the nodes closest to an ID."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .options import add_bootstrap_option, add_node_options, positive
from .output import milliseconds, print_json

if TYPE_CHECKING:
    from ..ids import NodeId
    from .search import Search

SUMMARY = "look up the nodes closest to an ID"
DESCRIPTION = (
    "Looks up an ID: asks the closest nodes known for closer ones, until the K closest that answer are known. Begins at the bootstrap hosts, "
    "or at whom the last run knew, by a read-only node of its own, and prints the nodes, the closest first."
)
EXAMPLES = """\
examples:
  kadisc find random                                anywhere in Mainline
  kadisc find random --bootstrap 127.0.0.1:6881     in a devnet of this machine
  kadisc find 0123456789abcdef0123456789abcdef01234567 --k 20 --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="ID|random", help="40 hex digits, or the word random")
    parser.add_argument("--k", type=positive, default=8, metavar="N", help="how many nodes (default: 8)")
    parser.add_argument(
        "--paths", type=positive, default=1, metavar="D", help="so many disjoint paths, so that liars on one cannot hide the target (default: 1)"
    )
    add_bootstrap_option(parser)
    add_node_options(parser)


def execute(options: argparse.Namespace) -> int:
    target = _target(options.target)
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _find(options, target))


def _target(text: str) -> NodeId:
    from ..errors import UsageError
    from ..ids import parse_id, random_id

    if text == "random":
        from random import SystemRandom

        return random_id(SystemRandom())
    try:
        return parse_id(text)
    except ValueError as error:
        raise UsageError(f"{error}; or the word random") from None


async def _find(options: argparse.Namespace, target: NodeId) -> int:
    from .one_shot import open_one_shot
    from .search import Search

    async with open_one_shot(options) as one_shot:
        search = Search(one_shot.node, target, options.k, options.paths)
        await one_shot.carry_out(search)
        elapsed_s = search.elapsed_s
    if options.json:
        print_json(_document(search, elapsed_s))
    else:
        from .tables import print_nodes

        print_nodes(search, elapsed_s)
    return 0


def _document(search: Search, elapsed_s: float) -> dict[str, object]:
    from ..ids import format_id
    from ..observe.clients import describe_client

    nodes = [
        {
            "id": format_id(responder.contact.id),
            "host": responder.contact.host,
            "port": responder.contact.port,
            "rtt_ms": milliseconds(responder.rtt_s),
            "client": describe_client(responder.client),
        }
        for responder in search.nodes
    ]
    return {
        "target": format_id(search.target),
        "nodes": nodes,
        "elapsed_s": round(elapsed_s, 4),
        "queries": sum(result.queries for result in search.results),
        "hops": max(result.hops for result in search.results),
    }
