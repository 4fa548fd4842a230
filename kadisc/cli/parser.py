"""An argument parser that raises UsageError and prints rich help."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from typing import Any, NoReturn

from ..errors import UsageError


class CommandParser(argparse.ArgumentParser):
    """argparse's parser with rich help. rich is imported only when help is printed, because the
    import takes longer than a ping.
    """

    def __init__(self, **settings: Any) -> None:
        # Abbreviated options would become ambiguous, or change their meaning, with each new option.
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")

    def format_help(self) -> str:
        from rich_argparse import RawDescriptionRichHelpFormatter

        # The formatter is a raw one because of the examples, so the description is wrapped here.
        width = min(shutil.get_terminal_size().columns, 100) - 2
        self.description = textwrap.fill(
            " ".join((self.description or "").split()), width, break_on_hyphens=False
        )
        self.formatter_class = RawDescriptionRichHelpFormatter
        return super().format_help()
