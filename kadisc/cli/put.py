"""``kadisc put``: stores an item on the DHT."""

from __future__ import annotations

import argparse

from .descriptions import NODE_OF_A_LOOKUP
from .options import add_node_options
from .output import print_json, show

SUMMARY = "store a value on the DHT for two hours"
DESCRIPTION = (
    "Stores a value of at most 1,000 bytes at the nodes closest to its target (BEP 44), and "
    "prints the target, under which kadisc get finds it. The target is the hash of the value; "
    "with --mutable it is the hash of the public key in the state folder and of --salt, and the "
    "owner of the key can put later versions. The nodes forget the value after two hours, "
    "unless the running node puts it again (--keep). " + NODE_OF_A_LOOKUP
)
EXAMPLES = """\
examples:
  kadisc put "Hello World!"
  kadisc put 0x00ff --mutable --salt motd
  kadisc put '{"eth": 30303}' --parse --mutable --keep --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("value", metavar="VALUE", help="a text, or 0x and hex digits")
    parser.add_argument(
        "--parse",
        action="store_true",
        help="parse VALUE as JSON: whole numbers, texts, lists and objects",
    )
    parser.add_argument(
        "--mutable",
        action="store_true",
        help="sign the value with the key in the state folder; later versions replace it",
    )
    parser.add_argument(
        "--salt",
        default="",
        metavar="TEXT|0xHEX",
        help="with --mutable: a key has one item for each salt, of at most 64 bytes",
    )
    parser.add_argument(
        "--seq",
        type=_sequence,
        metavar="N",
        help="with --mutable: the sequence of this version (default: the next one)",
    )
    parser.add_argument(
        "--cas",
        type=_sequence,
        metavar="N",
        help="with --mutable: only replace a version that has this sequence",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help=(
            "let the running node put the value again every hour, in later runs too, until a put "
            "to the same target without --keep"
        ),
    )
    add_node_options(parser)


def _sequence(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 63):
        raise argparse.ArgumentTypeError(
            f"a whole number from 0 to 2^63 - 1 is expected, not {text!r}"
        )
    return int(text)


def execute(options: argparse.Namespace) -> int:
    value = _value(options)
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _put(options, value))


def _value(options: argparse.Namespace) -> object:
    """The value for the control socket, checked before any query is sent. Raises UsageError."""
    from ..errors import UsageError
    from ..net.api.arguments import value_from
    from ..observe.contents import content_from

    value: object = options.value
    if options.parse:
        import json

        try:
            value = json.loads(options.value)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"VALUE is not JSON: {error}") from None
    value_from(content_from(value))  # type: ignore[arg-type]
    return value


async def _put(options: argparse.Namespace, value: object) -> int:
    from ..control.methods.put import PUT, PutParams
    from ..observe.describe import count
    from .asking import ask
    from .stored import show_nodes

    params = PutParams(
        value, options.mutable, options.salt, options.seq, options.cas, options.keep, partial=True
    )
    stored = await ask(options, PUT, params)
    if options.json:
        print_json(stored)
        return 0
    show(
        f"stored at {count(stored.stored_on, 'node')} in {stored.elapsed_s:.2f} s, "
        f"{count(stored.queries, 'datagram')} sent"
    )
    show(f"  target  {stored.target}")
    if stored.key is not None:
        show(f"  key     {stored.key}")
        show(f"  seq     {stored.seq}")
    show_nodes(stored)
    return 0
