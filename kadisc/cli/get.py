"""``kadisc get``: gets an item from the DHT."""

from __future__ import annotations

import argparse

from .descriptions import NODE_OF_A_LOOKUP
from .exit_codes import DONE, FAILED
from .options import add_node_options, target
from .output import print_json, print_unsuccessful, say, show

SUMMARY = "get a value from the DHT"
DESCRIPTION = (
    "Looks up an item (BEP 44) and prints its value. The target of a mutable item is the hash "
    "of its public key and salt; the latest version is used and its signature checked. Exit "
    "code 1 if no node has the item. " + NODE_OF_A_LOOKUP
)
EXAMPLES = """\
examples:
  kadisc get e5f96f6f38320f0f33959cb4d3d656452117aadb
  kadisc get 411eba73b6f087ca51a3795d9c8c938d365e32c1 --salt foobar --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help="40 hex digits")
    parser.add_argument(
        "--salt", default="", metavar="TEXT|0xHEX", help="the salt of a mutable item, if it has one"
    )
    add_node_options(parser)


def execute(options: argparse.Namespace) -> int:
    wanted = target(options.target)
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _get(options, wanted))


async def _get(options: argparse.Namespace, wanted: str) -> int:
    from ..control.methods.get import GET, GetParams
    from .asking import ask

    item = await ask(options, GET, GetParams(wanted, options.salt, partial=True))
    if not item.found:
        problem = f"no node has {wanted}{' with this salt' if item.salt else ''}"
        say(problem)
        if options.json:
            print_unsuccessful(item, "not_found", problem)
        return FAILED
    if options.json:
        print_json(item)
        return DONE
    show(item.value if isinstance(item.value, str) else _as_json(item.value))
    if item.key is not None:
        say(f"sequence {item.seq}, key {item.key}")
    return DONE


def _as_json(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
