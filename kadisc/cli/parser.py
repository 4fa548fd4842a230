"""An argument parser that raises UsageError and prints rich help."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NoReturn

from ..errors import UsageError
from .argument_errors import in_plain_words, not_understood


class CommandParser(argparse.ArgumentParser):
    """argparse's parser with rich help. rich is imported only when help is printed, because the
    import takes longer than a ping.
    """

    def __init__(self, **settings: Any) -> None:
        # Abbreviated options would become ambiguous, or change their meaning, with each new option.
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        self._fail(in_plain_words(message, self._actions))

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """Raises UsageError for words that no option and no argument takes."""
        self._fail(not_understood(words, self._actions))

    def _fail(self, reason: str) -> NoReturn:
        raise UsageError(
            f"{reason}{' See' if reason.endswith('?') else '; see'} {self.prog} --help"
        )

    def format_help(self) -> str:
        from rich_argparse import RawDescriptionRichHelpFormatter

        # The formatter is a raw one because of the examples, so the description is wrapped here.
        width = min(shutil.get_terminal_size().columns, 100) - 2
        self.description = textwrap.fill(
            " ".join((self.description or "").split()), width, break_on_hyphens=False
        )
        self.formatter_class = RawDescriptionRichHelpFormatter
        self.usage = _short_usage(self._actions)
        return super().format_help()


def add_commands(
    parser: argparse.ArgumentParser, commands: Mapping[str, ModuleType], dest: str
) -> None:
    """Commands of a command. The options have the ``execute`` of the one that is typed as ``dest``,
    and its parser as ``parser``.
    """
    group = parser.add_subparsers(
        metavar="COMMAND", required=True, title="commands", parser_class=CommandParser
    )
    for name, command in commands.items():
        sub = group.add_parser(
            name, help=command.SUMMARY, description=command.DESCRIPTION, epilog=command.EXAMPLES
        )
        command.add_options(sub)
        sub.set_defaults(**{dest: command.execute}, parser=sub)


def _short_usage(actions: Sequence[argparse.Action]) -> str:
    """What must be given. All options in one paragraph would be more than anybody reads."""
    words = ["%(prog)s"]
    if any(action.option_strings for action in actions):
        words.append("[OPTIONS]")
    for action in actions:
        choices = "|".join(map(str, action.choices or ()))
        value = str(action.metavar or choices or action.dest.upper())
        if action.option_strings:
            words += [f"{action.option_strings[-1]} {value}"] if action.required else []
        elif action.nargs == argparse.PARSER:
            words.append(f"{value} ...")
        elif action.nargs in (argparse.OPTIONAL, argparse.ZERO_OR_MORE):
            words.append(f"[{value}{' ...' if action.nargs == argparse.ZERO_OR_MORE else ''}]")
        else:
            words.append(f"{value}{' ...' if action.nargs == argparse.ONE_OR_MORE else ''}")
    return " ".join(words).replace("%", "%%").replace("%%(prog)s", "%(prog)s")
