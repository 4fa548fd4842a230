"""A configuration as values by key, as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .keys import KEYS
from .node import Config

ConfigValue = bool | int | float | str | list[int | str] | None


def value_of(config: Config, name: str) -> Any:
    """The value of the key with this dotted name, as the field has it."""
    value: Any = config
    for part in KEYS[name].path:
        value = getattr(value, part)
    return value


def in_json(value: Any) -> ConfigValue:
    """A value as a file has it: a list in place of a tuple, and the services as texts."""
    if isinstance(value, Mapping):
        return [
            f"{name}=0x{each.hex()}" if isinstance(each, bytes) else f"{name}={each}"
            for name, each in value.items()
        ]
    given: ConfigValue = list(value) if isinstance(value, tuple) else value
    return given


def values_document(config: Config) -> dict[str, ConfigValue]:
    """The value of every key by its dotted name."""
    return {name: in_json(value_of(config, name)) for name in KEYS}
