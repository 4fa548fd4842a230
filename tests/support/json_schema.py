"""Checks values against a JSON Schema (draft 2020-12), as far as the schemas of this project go: a
keyword that is not known here is an error, so that none is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_ABOUT = ("title", "description", "default", "$schema", "$defs")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


class SchemaChecker:
    """``root``: the whole schema, in whose ``$defs`` references are looked up."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root

    def faults(self, value: object, name: str | None = None) -> list[str]:
        """What is wrong with a value, by the root or by one of its ``$defs``."""
        return list(self._faults(value, self._root if name is None else self._defined(name), "$"))

    def _defined(self, name: str) -> Any:
        return self._root["$defs"][name]

    def _faults(self, value: Any, schema: Any, where: str) -> Iterator[str]:
        if isinstance(schema, bool):
            if not schema:
                yield f"{where}: nothing is allowed"
            return
        for keyword, given in schema.items():
            if keyword not in _ABOUT:
                check = getattr(self, f"_{keyword.removeprefix('$')}")
                yield from check(value, given, where, schema)

    def _ref(self, value: Any, given: str, where: str, schema: Any) -> Iterator[str]:
        yield from self._faults(value, self._defined(given.removeprefix("#/$defs/")), where)

    def _type(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        names = [given] if isinstance(given, str) else given
        kinds = tuple(kind for name in names for kind in _TYPES[name])
        if not isinstance(value, kinds) or (isinstance(value, bool) and "boolean" not in names):
            yield f"{where}: {value!r} is no {' or '.join(names)}"

    def _const(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        if value != given:
            yield f"{where}: {value!r} is not {given!r}"

    def _enum(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        if value not in given:
            yield f"{where}: {value!r} is none of {given}"

    def _anyOf(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        faults = [list(self._faults(value, each, where)) for each in given]
        if all(faults):
            yield f"{where}: none fits: {min(faults, key=len)}"

    def _minimum(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        if isinstance(value, int | float) and value < given:
            yield f"{where}: {value} is below {given}"

    def _maximum(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        if isinstance(value, int | float) and value > given:
            yield f"{where}: {value} is above {given}"

    def _maxLength(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        if isinstance(value, str) and len(value) > given:
            yield f"{where}: longer than {given}"

    def _maxItems(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        if isinstance(value, list) and len(value) > given:
            yield f"{where}: more than {given}"

    def _maxProperties(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        if isinstance(value, dict) and len(value) > given:
            yield f"{where}: more than {given}"

    def _propertyNames(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for name in value:
                yield from self._faults(name, given, f"{where}: the name {name!r}")

    def _pattern(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        if isinstance(value, str) and not re.search(given, value):
            yield f"{where}: {value!r} does not match {given}"

    def _required(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from (f"{where}: {name} is missing" for name in given if name not in value)

    def _properties(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for name in value.keys() & given.keys():
                yield from self._faults(value[name], given[name], f"{where}.{name}")

    def _additionalProperties(
        self, value: Any, given: Any, where: str, schema: Any
    ) -> Iterator[str]:
        if isinstance(value, dict):
            for name in value.keys() - schema.get("properties", {}).keys():
                yield from self._faults(value[name], given, f"{where}.{name}")

    def _items(self, value: Any, given: Any, where: str, schema: Any) -> Iterator[str]:
        if isinstance(value, list):
            for place, each in enumerate(value):
                yield from self._faults(each, given, f"{where}[{place}]")
