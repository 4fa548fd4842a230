"""``kadisc config init``: prints a configuration file to begin with."""

from __future__ import annotations

import argparse

from .config_template import PURPOSES, template
from .output import print_json, show_text

SUMMARY = "print a configuration file to begin with"
DESCRIPTION = (
    "Prints a configuration file in TOML with every key: what it does, what it takes, and its "
    "default. For a chain node, the network and the service are set; change them to yours."
)
EXAMPLES = """\
examples:
  kadisc config init --for bitcoin > config.toml
  kadisc config init --all | less"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--for",
        dest="purpose",
        choices=tuple(PURPOSES),
        default="plain",
        metavar="NAME",
        help=f"the chain node beside it: {', '.join(PURPOSES)} (default: plain)",
    )
    parser.add_argument(
        "--all", action="store_true", help="also the numbers of the protocol: the tables [core...]"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the file as a text in a JSON document"
    )


def execute(options: argparse.Namespace) -> int:
    text = template(options.purpose, with_core=options.all)
    if options.json:
        print_json({"for": options.purpose, "toml": text})
    else:
        show_text(text.rstrip("\n"))
    return 0
