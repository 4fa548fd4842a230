"""An argument parser with errors of one line and with rich help."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from typing import Any, NoReturn

from ..text import MAX_MESSAGE, one_line


class CommandParser(argparse.ArgumentParser):
    """argparse's parser with rich help. rich is imported only when help is printed, because the
    import takes longer than a ping.
    """

    def __init__(self, **settings: Any) -> None:
        # Abbreviated options would become ambiguous, or change their meaning, with each new option.
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        # The message quotes what was typed.
        text = f"{one_line(message, MAX_MESSAGE)}; see {self.prog} --help"
        print(f"{self.prog}: {text}", file=sys.stderr)
        sys.exit(2)

    def format_help(self) -> str:
        from rich_argparse import RawDescriptionRichHelpFormatter

        # The formatter is a raw one because of the examples, so the description is wrapped here.
        width = min(shutil.get_terminal_size().columns, 100) - 2
        self.description = textwrap.fill(
            " ".join((self.description or "").split()), width, break_on_hyphens=False
        )
        self.formatter_class = RawDescriptionRichHelpFormatter
        return super().format_help()
