"""An argument parser whose errors are one line, and whose help is formatted only when it is asked
for.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from typing import Any, NoReturn


class CommandParser(argparse.ArgumentParser):
    """As argparse's, with rich help. rich is imported when help is printed: the import takes longer
    than a ping.
    """

    def __init__(self, **settings: Any) -> None:
        # Abbreviated options would change their meaning, or become ambiguous, with each option that
        # is added.
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        sys.exit(2)

    def format_help(self) -> str:
        from rich_argparse import RawDescriptionRichHelpFormatter

        # Raw, for the examples; then the paragraph above has to be wrapped here.
        width = min(shutil.get_terminal_size().columns, 100) - 2
        self.description = textwrap.fill(" ".join((self.description or "").split()), width)
        self.formatter_class = RawDescriptionRichHelpFormatter
        return super().format_help()
