"""``kadisc config``: a configuration file to begin with, what is wrong in one, what is in force."""

from __future__ import annotations

import argparse

from . import config_check, config_init, config_show
from .parser import CommandParser

SUMMARY = "print, check or show the configuration"
DESCRIPTION = (
    "Prints a configuration file to begin with (init), tells all that is wrong in one (check), or "
    "shows each value in force and where it is from (show)."
)
EXAMPLES = """\
examples:
  kadisc config init --for geth > ~/.config/kadisc/config.toml
  kadisc config check
  kadisc config show --changed"""

_COMMANDS = {"init": config_init, "check": config_check, "show": config_show}


def add_options(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(
        metavar="COMMAND", required=True, title="commands", parser_class=CommandParser
    )
    for name, command in _COMMANDS.items():
        sub = commands.add_parser(
            name, help=command.SUMMARY, description=command.DESCRIPTION, epilog=command.EXAMPLES
        )
        command.add_options(sub)
        sub.set_defaults(execute_config=command.execute, parser=sub)


def execute(options: argparse.Namespace) -> int:
    return int(options.execute_config(options))
