"""The names of keys, from the bytes that a terminal sends."""

from __future__ import annotations

import re

_KEY = re.compile(rb"\x1b[\[O]([0-9;]*[A-Za-z~])|([\x0c\x20-\x7e])")
_SEQUENCES = {
    b"A": "up",
    b"B": "down",
    b"5~": "page up",
    b"6~": "page down",
    b"H": "home",
    b"F": "end",
    b"1~": "home",
    b"4~": "end",
}


def keys_in(typed: bytes) -> list[str]:
    """The names of special keys, and characters as they are, without unknown keys."""
    keys: list[str] = []
    for match in _KEY.finditer(typed):
        sequence, character = match.groups()
        if character:
            keys.append(character.decode("ascii"))
        elif sequence in _SEQUENCES:
            keys.append(_SEQUENCES[sequence])
    return keys
