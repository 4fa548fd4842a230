"""The configuration file: reading it, checking its values, and the `Config` that they make.

The keys, their types and their bounds are those that `kadisc.config` declares. Everything that is
wrong in a file is one line that names the file, the key and what was expected. A key that does not
exist is wrong too: a misspelt limit that is silently ignored is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from ..config import Config
from ..config.declaration import Bounds, Choice, Form
from ..config.keys import GROUPS, KEYS, Key, config_with, with_value
from ..config.old_keys import OLD_GROUPS, refusal_of
from ..endpoints import make_endpoint, split_host_port
from ..errors import UsageError
from ..networks import NetworkSet
from ..observe.services import parse_services
from ..service_values import ServiceValue
from .contradictions import contradictions
from .join.own_address import external_addresses
from .join.resolve import parse_host
from .mapping.arguments import parse_gateway, parse_mapped_port

MAX_NETWORK_NAME: Final = 64
MAX_GROUP_NAME: Final = 256
MAX_FILE_BYTES: Final = 1 << 20
MAX_KEY_PARTS: Final = 64
SERVICE_KEY: Final = "service"
_STRING: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_BETWEEN_KEYS: Final = re.compile(r"[=,\[\]{}]")
Origin = Literal["option", "file", "environment", "program"]
Values = Mapping[str, Any]
"""Of the keys that were given, by their dotted names; they have been checked."""


class GivenValues(NamedTuple):
    """``origins``: what says so, by key: an option of the command line, the configuration file or
    an environment variable.
    """

    values: Values
    origins: Mapping[str, Origin]


def read_values(path: Path) -> dict[str, Any]:
    """The values in a file by the dotted names of their keys, as in ``core.table.k``; lists are
    tuples. Raises UsageError.
    """
    table = _table_in(path)
    try:
        values = dict(_values_in(table))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    check_values(values, lambda key: f"{path}: {key}")
    for key, contradiction in contradictions(values):
        raise UsageError(f"{path}: {key}: {contradiction}")
    return values


def sound_values(path: Path) -> dict[str, Any]:
    """As `read_values`, but without what is wrong, and without the first key of a contradiction;
    `faults_in` tells of these.
    """
    try:
        table = _table_in(path)
    except UsageError:
        return {}
    values = {
        key: _typed(key, KEYS[key].kind, value)
        for key, value in entries(table)
        if not isinstance(value, UsageError) and not any(faults_of(KEYS[key], value))
    }
    for key, _ in list(contradictions(values)):
        values.pop(key, None)
    return values


def load_config(path: str | PathLike[str]) -> Config:
    """The configuration in a TOML file, with the defaults of the commands: ``bind`` and ``routers``
    are those of `kadisc run`. ``dataclasses.replace`` changes a value of it.

    Raises:
        UsageError: the file cannot be read, has a key that does not exist, or a value that cannot
            be used. The text names the file, the key and what was expected.
    """
    return config_from(read_values(Path(path)))


def usable(config: Config) -> Config:
    """A configuration that a program made, checked as a file is, and `settled`. A list, a path and
    the services as texts become what the components read. Raises UsageError that names the field.
    """
    for key in KEYS.values():
        given: Any = config
        for name in key.path:
            if not hasattr(given, name):
                raise UsageError(f"Config.{key.name}: {type(given).__name__} has no field {name}")
            given = getattr(given, name)
        value = _field_value(key, given)
        if value is not given:
            config = with_value(config, key.path, value)
    return config.settled()


def config_from(values: Mapping[str, Any]) -> Config:
    """As ``open_node`` takes it; ``bind`` is empty where none was given. Raises UsageError."""
    return config_with({**values, SERVICE_KEY: parse_services(values.get(SERVICE_KEY, ()))})


def _table_in(path: Path) -> dict[str, Any]:
    """Raises UsageError for a file that cannot be read, or is not TOML."""
    import tomllib  # only where there is a file: it takes as long to import as a ping takes

    try:
        return tomllib.loads(text_of(path))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{path} cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a text in UTF-8") from None
    except (ValueError, RecursionError) as error:
        # Not only tomllib's own error: a number of 5,000 digits, or lists in lists without end.
        raise UsageError(f"{path} is not TOML: {error}") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def text_of(path: Path) -> str:
    """The text of a file. Raises OSError, UnicodeDecodeError, and UsageError for one that is too
    long, or has a key of too many parts.
    """
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        # A device, or the wrong file: reading on would fill the memory.
        raise UsageError(
            f"a configuration has at most {MAX_FILE_BYTES >> 10} KiB, and this is longer"
        )
    text = content.decode("utf-8-sig")  # some editors begin a file with a byte order mark
    _check_depth(text)
    return text


def _check_depth(text: str) -> None:
    """Raises UsageError for a key of very many parts (a.a.a.a...): tomllib takes the square of
    their number, some 40 minutes for one of 1 MiB.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MAX_KEY_PARTS:
            left = _STRING.sub("", line).partition("#")[0]
            if any(part.count(".") > MAX_KEY_PARTS for part in _BETWEEN_KEYS.split(left)):
                raise UsageError(f"a key in line {number} has more than {MAX_KEY_PARTS} parts")


# --- keys and types -------------------------------------------------------------------------------


def _values_in(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of the file; raises UsageError for a key that does not exist, and for a value of
    the wrong type.
    """
    for key, value in entries(table):
        if isinstance(value, UsageError):
            raise value
        yield key, _typed(key, KEYS[key].kind, value)


def entries(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted name and the value of each key in a table of the file, and in the tables in it; in
    place of the value a UsageError for a key that does not exist, or that is no table.
    """
    for name, value in table.items():
        key = above + name
        if (refusal := refusal_of(key)) is not None:
            yield key, UsageError(f"{key} {refusal}")
        elif key in OLD_GROUPS:
            if isinstance(value, dict):
                yield from entries(value, f"{key}.")
            yield key, UsageError(f"{key} is now {OLD_GROUPS[key]}")
        elif key in GROUPS:
            if isinstance(value, dict):
                yield from entries(value, f"{key}.")
            else:
                yield key, UsageError(f"{key}: expected a table, not {_in_words(value)}")
        elif key in KEYS:
            yield key, value
        else:
            yield key, UsageError(f"there is no key {key}{_suggestion(key, above)}")


def faults_of(key: Key, value: Any) -> Iterator[UsageError]:
    """All that is wrong with the value of a key: its type, or each of its elements, or the whole.
    Each error names the key.
    """
    faults: list[UsageError | None] = []
    if key.kind in _ELEMENTS and isinstance(value, list):
        kind = _ELEMENTS[key.kind]
        faults = [_fault(key, f"{key.name}[{i}]", kind, each) for i, each in enumerate(value)]
    if not any(faults):
        faults = [_fault(key, key.name, key.kind, value)]
    yield from (fault for fault in faults if fault is not None)


def _fault(key: Key, name: str, kind: str, value: Any) -> UsageError | None:
    """What is wrong with the value of a key, or with one element of it: its ``kind`` says which."""
    try:
        typed = _typed(name, kind, value)
    except UsageError as error:
        return error
    try:
        _check(key, typed if kind == key.kind else (typed,))
    except (ValueError, UsageError) as error:
        return UsageError(f"{name}: {error}")
    return None


def _suggestion(key: str, above: str) -> str:
    import difflib

    name = key.removeprefix(above)
    if above and name in KEYS:
        # In TOML, all that follows [table] belongs to it.
        return f"; {name} stands above the first [table] of the file"
    known = [
        each
        for each in (*KEYS, *GROUPS)
        if each.startswith(above) and "." not in each.removeprefix(above)
    ]
    close = difflib.get_close_matches(key.lower(), known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


_ELEMENTS: Final = {"tuple[str, ...]": "str", "tuple[int, ...]": "int"}
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
    "str": (str,),
    "str | None": (str,),
}
_EXPECTED: Final = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "a text in quotes",
    "str | None": "a text in quotes",
}
_WORDS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotes",
    bytes: "bytes",
    list: "a list in brackets",
    dict: "a table",
}


def _typed(name: str, kind: str, value: Any) -> Any:
    """A value as the field of this type holds it."""
    if kind in _ELEMENTS:
        if not isinstance(value, list):
            raise UsageError(f"{name}: expected a list in brackets, not {_in_words(value)}")
        element = _ELEMENTS[kind]
        return tuple(_typed(f"{name}[{i}]", element, each) for i, each in enumerate(value))
    # By the exact type: true is an int in Python.
    if type(value) not in _KINDS[kind]:
        raise UsageError(f"{name}: expected {_EXPECTED[kind]}, not {_in_words(value)}")
    if kind != "float":
        return value
    try:
        return float(value)
    except OverflowError:
        raise UsageError(f"{name}: the number is too large") from None


def _in_words(value: Any) -> str:
    return _WORDS.get(type(value), "a date or a time")


# --- values ---------------------------------------------------------------------------------------


def check_values(values: Mapping[str, Any], name_of: Callable[[str], str]) -> None:
    """Raises UsageError for the first value that cannot be used; ``name_of(key)`` is what its user
    calls it.
    """
    for name, value in values.items():
        try:
            _check(KEYS[name], value)
        except (ValueError, UsageError) as error:
            raise UsageError(f"{name_of(name)}: {error}") from None


def _check(key: Key, value: Any) -> None:
    allowed = key.setting.allowed
    if isinstance(allowed, Bounds | Choice):
        complaint = allowed.complaint(value)
        if complaint is not None:
            raise UsageError(complaint)
    elif allowed is Form.SERVICE:
        parse_services(value)
    elif allowed in _CHECKS:
        texts: Iterable[str] = (value,) if isinstance(value, str) else value
        for text in texts:
            _CHECKS[allowed](text)


def services_of(config: Config) -> Mapping[str, ServiceValue]:
    """The services by name; ``Config.service`` may also have them as the file has them. Raises
    UsageError.
    """
    service = config.service
    return service if isinstance(service, Mapping) else parse_services(service)


def _field_value(key: Key, value: Any) -> Any:
    """The value of a field of `Config`. Raises UsageError for one that a file could not have."""
    if value == key.default or (value is None and key.kind == "str | None"):
        return value
    where = f"Config.{key.name}"
    if key.setting.allowed is Form.SERVICE and isinstance(value, Mapping):
        check_values({key.name: [_service_text(*each) for each in value.items()]}, _named_in_python)
        return value
    if isinstance(value, PathLike):
        value = fspath(value)
    if key.kind in _ELEMENTS and isinstance(value, str):
        raise UsageError(f"{where}: expected a list of texts, as in [{value!r}], not one text")
    typed = _typed(where, key.kind, list(value) if isinstance(value, tuple) else value)
    check_values({key.name: typed}, _named_in_python)
    if key.setting.allowed is Form.SERVICE:
        return parse_services(typed)
    return value if value == typed and not isinstance(value, list) else typed


def _named_in_python(key: str) -> str:
    return f"Config.{key}"


def _service_text(name: str, value: ServiceValue) -> str:
    if not isinstance(value, ServiceValue):
        raise UsageError(
            f"Config.service: {name}: expected a port, bytes or a ServiceAddress, not {value!r}"
        )
    return f"{name}=0x{value.hex()}" if isinstance(value, bytes) else f"{name}={value}"


def _check_listen_address(text: str) -> None:
    try:
        host, port = split_host_port(text)
        make_endpoint(host, port or 1)
    except ValueError as error:
        raise UsageError(f"cannot listen on {text}: {error}") from None


def _check_network_name(text: str) -> None:
    if not 0 < len(text) <= MAX_NETWORK_NAME or not text.isprintable():
        raise UsageError(
            f"expected a name of 1 to {MAX_NETWORK_NAME} printable characters, not {text!r}"
        )


def check_http_address(text: str) -> None:
    """Raises UsageError for what is neither a numeric HOST:PORT nor ``unix:PATH``."""
    if not text.startswith("unix:"):
        _check_listen_address(text)
    elif not text.removeprefix("unix:") or "\0" in text:
        raise UsageError(f"expected a path behind unix:, not {text!r}")


def _check_group(text: str) -> None:
    if not text or not text.isprintable() or len(text) > MAX_GROUP_NAME:
        raise UsageError(f"expected the name or the number of a group, not {text!r}")


def _check_path(text: str) -> None:
    if "\0" in text:
        raise UsageError(f"expected a path, not {text!r}")


_CHECKS: Final[Mapping[Form, Callable[[str], object]]] = {
    Form.LISTEN_ADDRESS: _check_listen_address,
    Form.EXTERNAL_ADDRESS: lambda text: external_addresses([text]),
    Form.HOST: parse_host,
    Form.SUBNET: lambda text: NetworkSet([text]),
    Form.MAPPED_PORT: parse_mapped_port,
    Form.GATEWAY: parse_gateway,
    Form.NETWORK_NAME: _check_network_name,
    Form.GROUP: _check_group,
    Form.FILE: _check_path,
    Form.HTTP_ADDRESS: check_http_address,
    Form.FOLDER: _check_path,
}
"""What is no list of services."""
