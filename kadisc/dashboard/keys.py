"""The names of keys, from the bytes that a terminal sends."""

from __future__ import annotations

import re
from typing import Final

_KEY: Final = re.compile(rb"\x1b[\[O]([0-9;]*[A-Za-z~])|([\x08\x09\x0a\x0c\x0d\x1b\x20-\x7f])")
_SEQUENCES: Final = {
    b"A": "up",
    b"B": "down",
    b"C": "right",
    b"D": "left",
    b"Z": "shift tab",
    b"5~": "page up",
    b"6~": "page down",
    b"H": "home",
    b"F": "end",
    b"1~": "home",
    b"4~": "end",
}
_NAMED: Final = {
    b"\x08": "backspace",
    b"\x7f": "backspace",
    b"\t": "tab",
    b"\n": "enter",
    b"\r": "enter",
    b"\x1b": "escape",
}
_UNFINISHED: Final = re.compile(rb"\x1b(?:[\[O][0-9;]*)?\Z")


def keys_in(typed: bytes) -> list[str]:
    """The names of special keys, and characters as they are, without unknown keys."""
    keys: list[str] = []
    for match in _KEY.finditer(typed):
        sequence, character = match.groups()
        if character in _NAMED:
            keys.append(_NAMED[character])
        elif character:
            keys.append(character.decode("ascii"))
        elif sequence in _SEQUENCES:
            keys.append(_SEQUENCES[sequence])
    return keys


def is_unfinished(typed: bytes) -> bool:
    """Whether the bytes may be the beginning of a longer key: ESC alone, or a sequence without its
    last byte.
    """
    return _UNFINISHED.search(typed) is not None
