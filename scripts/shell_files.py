"""Writes kadisc/cli/generated/: the completion scripts of five shells and the page kadisc(1), from
the parser of the command line; with --check, only compares.

.venv/bin/python scripts/shell_files.py [--check]

The scripts come from shtab, which only developers need. It is of one version (pyproject.toml): each
version writes other text.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import shtab
from man_page import man_page

from kadisc.cli import run
from kadisc.cli.completion import FILES, FOLDER
from kadisc.cli.main import build_parser
from kadisc.config.declaration import Choice
from kadisc.config.keys import KEYS

MAN_PAGE = "kadisc.1"
PATHS = re.compile(r"FILE|PATH|.*\.jsonl?")
FOLDERS = ("DIR",)
VALUES = re.compile(r"[a-z0-9-]+(\|[a-z0-9-]+)+")
"""A metavar that lists the words which the option takes, as in yes|no|auto."""


def completed_parser() -> argparse.ArgumentParser:
    """The parser of kadisc, where each argument says what can stand there. Options of `run` may
    come without the command.
    """
    parser = build_parser()
    run.add_options(parser)
    for each in parsers_in(parser):
        for action in each._actions:
            describe(action)
    return parser


def parsers_in(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for listed in action._choices_actions:
                sub = action.choices[listed.dest]
                sub.description = listed.help  # one line beside each command
                yield from parsers_in(sub)


def describe(action: argparse.Action) -> None:
    """Adds what shtab completes the value of an argument by."""
    if action.choices is not None or action.nargs == 0:
        return
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    key = KEYS.get(action.dest)
    if key is not None and isinstance(key.setting.allowed, Choice):
        action.choices = key.setting.allowed.words
    elif VALUES.fullmatch(metavar):
        action.choices = metavar.split("|")
    elif metavar in FOLDERS:
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif PATHS.fullmatch(metavar):
        action.complete = shtab.FILE  # type: ignore[attr-defined]


def texts() -> dict[str, str]:
    """The content of each file by its name."""
    made = {
        name: shtab.complete(completed_parser(), shell).rstrip() + "\n"
        for shell, name in FILES.items()
    }
    return made | {MAN_PAGE: man_page()}


def main() -> int:
    stale = [
        name
        for name, text in texts().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text("utf-8") != text
    ]
    if "--check" in sys.argv[1:]:
        if stale:
            print(
                f"{', '.join(stale)} in {FOLDER.name} are not what the command line says;"
                " write them anew with scripts/shell_files.py",
                file=sys.stderr,
            )
        return 1 if stale else 0
    Path(FOLDER).mkdir(exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text, "utf-8")
    print(f"written: {', '.join(stale)}" if stale else "nothing has changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
