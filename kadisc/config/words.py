"""What a key takes, in words: for the reference page, the printed configuration and messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .declaration import Bounds, Choice, Form
from .keys import Key

KINDS: Final[Mapping[str, str]] = {
    "bool": "true or false",
    "int": "whole number",
    "float": "number",
    "str": "text",
    "str | None": "text",
    "tuple[str, ...]": "list of texts",
    "tuple[int, ...]": "list of whole numbers",
}
EXAMPLES: Final[Mapping[Form, str]] = {
    Form.FILE: "/path/of/a/file",
    Form.FOLDER: "/path/of/a/folder",
    Form.HTTP_ADDRESS: "127.0.0.1:9464",
    Form.GROUP: "kadisc",
}
"""A value for each form of a key that has no default."""


def bounds_words(key: Key) -> str:
    """The values that a key may have; empty for a switch."""
    allowed = key.setting.allowed
    words = str(allowed) if isinstance(allowed, Bounds | Choice) else allowed.value
    return f"each {words}" if words and key.kind.startswith("tuple") else words


def example_of(key: Key) -> Any:
    """The default of a key, or a value that it could have where it has none."""
    if key.default is not None:
        return key.default
    allowed = key.setting.allowed
    assert isinstance(allowed, Form)
    return EXAMPLES[allowed]
