"""Makes the page kadisc(1) from the parser of the command line, and from the tables of exit codes
and of the environment in docs/reference/command-line.md. For scripts/shell_files.py.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from kadisc.cli.main import build_parser
from kadisc.version import __version__

REFERENCE = Path(__file__).parents[1] / "docs" / "reference" / "command-line.md"
LINK = re.compile(r"\[(.*?)\]\([^)]*\)")
FILES = (
    (
        "~/.config/kadisc/config.toml",
        "The configuration file, where there is one; kadisc config init prints one to begin with.",
    ),
    (
        "~/.local/state/kadisc/",
        "The default state folder: identity (the secret of the node's key), state.sqlite3"
        " (contacts and address book), control.sock (the control socket).",
    ),
)
OWN_HEADINGS = ("positional arguments", "options")
"""The headings that argparse gives to arguments without one."""


def man_page() -> str:
    """The page in the macros of man(7)."""
    return "\n".join([*_lines(build_parser())]) + "\n"


def _lines(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield '.\\" Made by scripts/shell_files.py.'
    yield f'.TH KADISC 1 "" "kadisc {__version__}" "User Commands"'
    yield ".SH NAME"
    yield r"kadisc \- Kademlia peer discovery for blockchain networks"
    yield ".SH SYNOPSIS"
    yield r".B kadisc"
    yield r"[\fICOMMAND\fR] [\fIOPTIONS\fR]"
    yield ".SH DESCRIPTION"
    yield from _paragraph(parser.description or "")
    yield ".SH COMMANDS"
    for sub in _commands(parser):
        yield from _command(sub)
    yield ".SH EXIT STATUS"
    for code, meaning in _table("Exit codes"):
        yield from _item(_bold(code), meaning)
    yield ".SH ENVIRONMENT"
    for names, meaning in _table("Environment"):
        yield from _item(_bold(names), meaning)
    yield ".SH FILES"
    for path, meaning in FILES:
        yield from _item(f"\\fI{_escaped(path)}\\fR", meaning)
    yield ".SH EXAMPLES"
    yield from _example(parser.epilog or "")


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of the commands, and of the commands of these after each."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield sub
                yield from _commands(sub)


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f'.SS "{_escaped(parser.prog)}"'
    words = [_bold(parser.prog)]
    for action in parser._actions:
        if not action.option_strings:
            name = f"\\fI{_escaped(_name(action))}\\fR"
            is_optional = action.nargs in (argparse.OPTIONAL, argparse.ZERO_OR_MORE)
            words.append(f"[{name}]" if is_optional else name)
    yield " ".join([*words, r"[\fIOPTIONS\fR]"])
    yield ".PP"
    yield from _paragraph(parser.description or "")
    for group in parser._action_groups:
        actions = [each for each in group._group_actions if _is_told(each)]
        if actions and group.title not in OWN_HEADINGS:
            yield ".PP"
            yield f"\\fB{_escaped((group.title or '').capitalize())}:\\fR"
        for action in actions:
            yield from _item(_heading(action), _help(parser, action))
    yield ".PP"
    yield from _example(parser.epilog or "")


def _is_told(action: argparse.Action) -> bool:
    is_help = "--help" in action.option_strings
    is_commands = isinstance(action, argparse._SubParsersAction)
    return not is_help and not is_commands and action.help != argparse.SUPPRESS


def _heading(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"\\fI{_escaped(_name(action))}\\fR"
    flags = ", ".join(_bold(each) for each in action.option_strings)
    return flags if action.nargs == 0 else f"{flags} \\fI{_escaped(_name(action))}\\fR"


def _name(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    return "|".join(map(str, action.choices)) if action.choices else action.dest.upper()


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    values = {**vars(action), "prog": parser.prog}
    text = (action.help or "") % values
    return text if text.endswith(".") else f"{text}."


def _item(heading: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield heading
    yield from _paragraph(text[:1].upper() + text[1:])


def _paragraph(text: str) -> Iterator[str]:
    yield _line(" ".join(text.split()))


def _example(text: str) -> Iterator[str]:
    lines = text.splitlines()
    if lines and lines[0] == "examples:":
        yield "Examples:"
        lines = [line.removeprefix("  ") for line in lines[1:]]
    yield ".PP"
    yield ".nf"
    yield ".RS 4"
    yield from map(_line, lines)
    yield ".RE"
    yield ".fi"


def _table(heading: str) -> Iterator[tuple[str, str]]:
    """The rows of two cells below a heading of the reference page."""
    section = REFERENCE.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert rows, f"{REFERENCE.name} has no table below {heading}"
    for row in rows:
        left, right = (_plain(cell.strip()) for cell in row.strip("|").split(" | "))
        yield left, right if right.endswith(".") else f"{right}."


def _plain(text: str) -> str:
    return LINK.sub(r"\1", text).replace("`", "")


def _bold(text: str) -> str:
    return f"\\fB{_escaped(text)}\\fR"


def _line(text: str) -> str:
    """A line of text that troff takes for no request."""
    escaped = _escaped(text)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _escaped(text: str) -> str:
    """Dashes, quotes and tildes as they are typed: troff would set other characters for them."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return (
        text.replace("^", "\\(ha").replace("~", "\\(ti").replace("`", "\\(ga").replace('"', "\\(dq")
    )
