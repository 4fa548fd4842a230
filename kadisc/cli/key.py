"""``kadisc key``: shows, exports or imports the key of a node's state folder."""

from __future__ import annotations

import argparse

from . import key_export, key_import, key_show
from .parser import add_commands

SUMMARY = "show, export or import the node's identity key"
DESCRIPTION = (
    "Shows the public key and the node IDs of a state folder, writes the secret of the key into a "
    "file, or takes it from one. Whoever has the secret can act as the node; one node at a time "
    "should have it."
)
EXAMPLES = """\
examples:
  kadisc key show
  kadisc key export node.pem
  kadisc key import node.pem --state-dir ./node-b"""

_COMMANDS = {"show": key_show, "export": key_export, "import": key_import}


def add_options(parser: argparse.ArgumentParser) -> None:
    add_commands(parser, _COMMANDS, "execute_key")


def execute(options: argparse.Namespace) -> int:
    return int(options.execute_key(options))
