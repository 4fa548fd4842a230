"""``--set OPTION=VALUE``: changes a field of nested frozen structs by its dotted name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from ..config.old_keys import refusal_of
from ..errors import UsageError

Struct = TypeVar("Struct")
_SWITCHES = {
    "on": True,
    "true": True,
    "yes": True,
    "1": True,
    "off": False,
    "false": False,
    "no": False,
    "0": False,
}
_EXPECTED: Mapping[type, str] = {
    bool: "on or off",
    int: "a whole number",
    float: "a number",
    tuple: "values separated by commas",
}


def with_settings(options: Struct, settings: Iterable[str]) -> Struct:
    """``options`` changed by each ``a.b.c=value``. Raises UsageError for an unknown name or a wrong
    value.
    """
    for setting in settings:
        name, equals, text = setting.partition("=")
        path = name.strip()
        if not equals:
            raise UsageError(
                f"--set takes OPTION=VALUE, as in network.loss.mean=0.05, not {setting!r}"
            )
        if (refusal := refusal_of(path)) is not None:
            raise UsageError(f"--set {path}: this {refusal}")
        options = _changed(options, path.split("."), text.strip(), path)
    return options


def all_settings(options: Any, prefix: str = "") -> dict[str, Any]:
    """Every field by its dotted name."""
    found: dict[str, Any] = {}
    for field in fields(options):
        value = getattr(options, field.name)
        if is_dataclass(value):
            found.update(all_settings(value, f"{prefix}{field.name}."))
        else:
            found[prefix + field.name] = value
    return found


def _changed(options: Any, names: list[str], text: str, path: str) -> Any:
    name, *rest = names
    known = [field.name for field in fields(options)]
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        raise UsageError(f"--set {path}: there is no option {name!r}; {hint}")
    value = getattr(options, name)
    if is_dataclass(value):
        if not rest:
            inner = ", ".join(f"{path}.{field.name}" for field in fields(value)[:3])
            raise UsageError(
                f"--set {path}: that is a group of options; name one of them, as in {inner}"
            )
        return replace(options, **{name: _changed(value, rest, text, path)})
    if rest:
        raise UsageError(f"--set {path}: {name} is a single value")
    return replace(options, **{name: _parsed(value, text, path)})


def _parsed(value: Any, text: str, path: str) -> Any:
    """Parses the text as a value of the type of ``value``."""
    try:
        if isinstance(value, bool):
            return _SWITCHES[text.lower()]
        if isinstance(value, tuple):
            items = [item.strip() for item in text.split(",") if item.strip()]
            return tuple(type(value[0])(item) if value else item for item in items)
        return type(value)(text)
    except (KeyError, ValueError):
        expected = _EXPECTED.get(type(value), "another value")
        raise UsageError(f"--set {path}: {expected} is expected, not {text!r}") from None
