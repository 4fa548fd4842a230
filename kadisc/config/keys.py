"""The keys of the configuration file: every field of `Config`, and of the groups in it, by its
dotted name. They are derived from the declarations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass, replace
from typing import Any, Final, TypeVar

from .declaration import Bounds, Setting, has_no_key, setting_of
from .node import Config


@dataclass(frozen=True, slots=True)
class Key:
    """``name``: as in ``core.table.k``; ``path``: the same name in parts, which are fields from
    `Config` on; ``kind``: the type as an annotation, where a service is a text; ``default``: that
    of the commands that read the file.
    """

    name: str
    path: tuple[str, ...]
    kind: str
    default: Any
    setting: Setting


GroupT = TypeVar("GroupT")
_SERVICES_KIND: Final = "Mapping[str, ServiceValue] | Sequence[str]"


def _keys(group: Any, path: tuple[str, ...]) -> Iterator[Key]:
    for each in fields(group):
        value = getattr(group, each.name)
        if is_dataclass(value):
            yield from _keys(value, (*path, each.name))
        elif not has_no_key(each):
            yield _key(each, (*path, each.name), value)


def _key(each: Field[Any], path: tuple[str, ...], default: Any) -> Key:
    declared = setting_of(each)
    assert declared is not None, f"{path} has no declaration"
    if declared.file_default is not None:
        default = declared.file_default
    kind = "tuple[str, ...]" if each.type == _SERVICES_KIND else str(each.type)
    return Key(".".join(path), path, kind, default, declared)


def groups() -> dict[str, type]:
    """The dataclass of each table of the file by its dotted name, ``core`` first."""
    found: dict[str, type] = {}

    def visit(group: Any, above: str) -> None:
        for each in fields(group):
            value = getattr(group, each.name)
            if is_dataclass(value):
                found[above + each.name] = type(value)
                visit(value, f"{above}{each.name}.")

    visit(Config(), "")
    return found


KEYS: Final[Mapping[str, Key]] = {key.name: key for key in _keys(Config(), ())}
GROUPS: Final[Mapping[str, type]] = groups()


def config_with(values: Mapping[str, Any]) -> Config:
    """The configuration of a command: the defaults of the file, changed by ``values``, which have
    been checked and are found by the names of their keys.
    """
    config = Config()
    for key in KEYS.values():
        value = values.get(key.name, key.default)
        if key.name in values or key.setting.file_default is not None:
            config = with_value(config, key.path, value)
    return config.settled()


def with_value(group: GroupT, path: tuple[str, ...], value: Any) -> GroupT:
    """A group of fields with another value of the field at ``path``."""
    name, *rest = path
    if rest:
        value = with_value(getattr(group, name), tuple(rest), value)
    changed: GroupT = replace(group, **{name: value})  # type: ignore[type-var]
    return changed


def complaints(group: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """Each number in a group, and in the groups in it, that is out of its bounds: its dotted name,
    and what was expected.
    """
    for each in fields(group):
        name, value = above + each.name, getattr(group, each.name)
        if is_dataclass(value):
            yield from complaints(value, f"{name}.")
            continue
        declared = setting_of(each)
        if declared is None or not isinstance(declared.allowed, Bounds):
            continue
        complaint = declared.allowed.complaint(value)
        if complaint is not None:
            yield name, complaint
