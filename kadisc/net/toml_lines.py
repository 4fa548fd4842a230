"""The line of each key in a TOML file, which tomllib does not tell. Only for messages: what cannot
be told apart has no line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_NAME: Final = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_DOTTED: Final = rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*"
_TABLE: Final = re.compile(rf"[ \t]*\[{{1,2}}[ \t]*({_DOTTED})[ \t]*\]")
ASSIGNMENT: Final = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=[ \t]*")
_PARTS: Final = re.compile(_NAME)
_TOKEN: Final = re.compile(
    r'''"""|\'\'\'|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\#[^\n]*|[\[\]{}]''',
)


def key_lines(lines: Iterable[str]) -> dict[str, int]:
    """The number of the line, from 1, at which each key and table begins, by its dotted name. A key
    that stands in an inline table has the line of that table. ``lines``: of the file.
    """
    found: dict[str, int] = {}
    table = ""
    depth, closing = 0, ""
    for number, line in enumerate(lines, start=1):
        position = 0
        if not depth and not closing:
            if (head := _TABLE.match(line)) is not None:
                table = f"{_dotted(head[1])}."
                found.setdefault(table[:-1], number)
                continue
            if (key := ASSIGNMENT.match(line)) is None:
                continue
            found.setdefault(table + _dotted(key[1]), number)
            position = key.end()
        depth, closing = _after(line, position, depth, closing)
    return found


def lines_in(path: Path) -> dict[str, int]:
    """As `key_lines`, of a sound file; nothing where it cannot be read any more."""
    try:
        return key_lines(path.read_text("utf-8-sig").split("\n"))
    except (OSError, UnicodeDecodeError):
        return {}


def line_of(key: str, lines: dict[str, int]) -> int | None:
    """That of a key, or of the inline table that it stands in; None where neither is known."""
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return None


def _after(line: str, position: int, depth: int, closing: str) -> tuple[int, str]:
    """How many brackets are open at the end of a line, and which quotes end the text over several
    lines that goes on there.
    """
    while position < len(line):
        if closing:
            end = line.find(closing, position)
            if end < 0:
                return depth, closing
            if closing == '"""' and line[end - 1 : end] == "\\" and end > position:
                position = end + 1
                continue
            position, closing = end + len(closing), ""
            continue
        token = _TOKEN.search(line, position)
        if token is None:
            break
        position = token.end()
        if token[0] in ('"""', "'''"):
            closing = token[0]
        elif token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth = max(0, depth - 1)
    return depth, closing


def _dotted(name: str) -> str:
    return ".".join(part.strip("\"'") for part in _PARTS.findall(name))
