"""``kadisc config``: a configuration file to begin with, what is wrong in one, what is in force."""

from __future__ import annotations

import argparse

from . import config_check, config_init, config_show
from .parser import add_commands

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
    add_commands(parser, _COMMANDS, "execute_config")


def execute(options: argparse.Namespace) -> int:
    return int(options.execute_config(options))
