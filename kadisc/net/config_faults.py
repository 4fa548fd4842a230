"""All that is wrong in a configuration file at once, with the lines. `kadisc config check` shows
them; a node that is started tells the first of them alone.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ..config.keys import KEYS
from ..errors import UsageError
from .config_file import entries, faults_of, text_of
from .contradictions import contradictions
from .toml_lines import ASSIGNMENT, key_lines, line_of

MAX_FAULTS: Final = 100
_MAX_SYNTAX_FAULTS: Final = 20
_LONG_TEXT: Final = 64 << 10
"""In a longer one only the first error of syntax is looked for: each costs another pass."""
_AT_LINE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """``line``: from 1, None where it is not known; ``key``: None for what is not TOML."""

    message: str
    line: int | None = None
    key: str | None = None


def faults_in(path: Path) -> tuple[list[ConfigFault], bool]:
    """The faults of a file by their lines, at most `MAX_FAULTS`, and whether there are more."""
    try:
        text = text_of(path)
    except OSError as error:
        return [ConfigFault(f"cannot be read: {(error.strerror or str(error)).lower()}")], False
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return [ConfigFault(f"the byte at offset {error.start} is no text in UTF-8", line)], False
    except UsageError as error:
        return [ConfigFault(str(error))], False
    found, document, lines = _parsed(text)
    found += islice(_faults_of_values(document, key_lines(lines)), MAX_FAULTS + 1)
    has_more = len(found) > MAX_FAULTS
    return sorted(found[:MAX_FAULTS], key=lambda fault: fault.line or 0), has_more


def _faults_of_values(document: dict[str, Any], lines: dict[str, int]) -> Iterator[ConfigFault]:
    sound: dict[str, Any] = {}
    for key, value in entries(document):
        is_sound = True
        for error in [value] if isinstance(value, UsageError) else faults_of(KEYS[key], value):
            is_sound = False
            yield ConfigFault(str(error), line_of(key, lines), key)
        if is_sound:
            sound[key] = tuple(value) if isinstance(value, list) else value
    for key, contradiction in contradictions(sound):
        yield ConfigFault(f"{key}: {contradiction}", line_of(key, lines), key)


def _parsed(text: str) -> tuple[list[ConfigFault], dict[str, Any], list[str]]:
    """The errors of syntax, what the file says without the lines that have them, and its lines,
    where those are empty.
    """
    found: list[ConfigFault] = []
    lines = text.split("\n")
    while True:
        try:
            return found, tomllib.loads("\n".join(lines)), lines
        except RecursionError:
            return [*found, ConfigFault("is not TOML: it has too many lists in lists")], {}, []
        except ValueError as error:
            # Not only tomllib's own error: a number of 5,000 digits too.
            fault, broken = _syntax_fault(str(error), lines)
        found.append(fault)
        if not broken or len(text) > _LONG_TEXT or len(found) >= _MAX_SYNTAX_FAULTS:
            return found, {}, []
        for index in broken:
            lines[index] = ""


def _syntax_fault(message: str, lines: list[str]) -> tuple[ConfigFault, range]:
    """The fault that tomllib's words tell of, and the lines (from 0) without which the others can
    be read; none where that is not known.
    """
    nothing = range(0)
    where = _AT_LINE.search(message)
    if where is None:
        return ConfigFault(f"is not TOML: {message}"), nothing
    words = message[: where.start()]
    number = int(where[1]) if where[1] else len(lines)
    if words.startswith("Unclosed"):
        # tomllib tells where the next thing stands that cannot belong to the list.
        begin = number - 1
        while begin > 0 and ASSIGNMENT.match(lines[begin - 1]) is None:
            begin -= 1
        fault = ConfigFault(f"is not TOML: {words[:1].lower()}{words[1:]}", begin or number)
        return fault, range(begin - 1, number - 1) if begin else nothing
    if words == r"Illegal character '\n'":
        words = "the text in quotes does not end in its line"
    place = f", at column {where[2]}" if where[2] else ", at the end of the file"
    fault = ConfigFault(f"is not TOML: {words[:1].lower()}{words[1:]}{place}", number)
    return fault, range(number - 1, number) if lines[number - 1].strip() else nothing
