"""The configuration file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from kadisc.config.keys import KEYS
from kadisc.core.core import Core
from kadisc.endpoints import Family
from kadisc.errors import UsageError
from kadisc.net.config_file import config_from, read_values, usable

from ..mutation import NUMBERS
from ..target import Target, require


@cache
def _file() -> Path:
    folder = Path("/dev/shm")
    return Path(tempfile.mkdtemp(dir=folder if folder.is_dir() else None)) / "config.toml"


def check(data: bytes) -> None:
    path = _file()
    path.write_bytes(data)
    try:
        values = read_values(path)
        config = usable(config_from(values))
    except UsageError as error:
        require(str(path) in str(error), f"the file is not named in {str(error)!r}")
        return
    require(usable(config) == config, "a usable configuration is changed when it is used again")
    path.write_text(_toml(values), encoding="utf-8")
    require(read_values(path) == values, f"{values} did not come back")
    require(config_from(read_values(path)) == config_from(values), "another configuration")
    core = Core(config.core, Random(1), {Family.IPV4: 1 << 159}, 0.0)
    core.tick(0.0)
    core.tick(3600.0)


def _toml(values: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(_escaped(letter) for letter in value) + '"'
    return repr(value)


def _escaped(letter: str) -> str:
    code = ord(letter)
    return letter if letter.isalnum() and code < 128 else f"\\U{code:08x}"


def seeds() -> list[bytes]:
    """Every key with its default, one a file, and all of them together."""
    lines = [
        f"{key.name} = {_value(key.default)}".encode()
        for key in KEYS.values()
        if isinstance(key.default, int | float | str | tuple)
    ]
    several = b'network = "mychain"\nbind = ["0.0.0.0:6881"]\n[core.table]\nk = 8\n'
    return [*lines[::5], several, b"\xef\xbb\xbf" + several, b"\n".join(lines[:40])]


def mutate(data: bytes, rng: Random) -> bytes:
    """Another key, or another value."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    at = rng.randrange(len(lines))
    key = rng.choice(list(KEYS.values()))
    numbers = (*map(str, NUMBERS), "0.5", "1e300", "inf", "nan", "-0.0", "1_000", "0x1f")
    texts = ('"x"', "[]", '["45.1.2.3"]', "true", "1979-05-27", "{}", '["eth=1", "eth=2"]')
    kind = rng.randrange(4)
    value = rng.choice(texts if kind == 0 else numbers)
    if kind == 3 and isinstance(key.default, int | float | str | tuple):
        value = _value(key.default)
    if rng.random() < 0.5:
        lines.insert(0, f"{key.name} = {value}")
    else:
        lines[at] = f"{lines[at].partition('=')[0]}= {value}"
    return "\n".join(lines).encode("utf-8", "surrogateescape")


CONFIG_FILE = Target(
    "config-file",
    "UsageError alone is raised, and names the file; a configuration that is taken is written and "
    "read as the same one, and makes a node",
    check,
    seeds,
    (b"[core.table]", b"inf", b"nan", b'"""', b"\\ud800", b"[[", b"= 1979-05-27T07:32:00Z"),
    mutate,
    max_bytes=1500,
    intended_s=0.06,
    guided_by=(
        "kadisc.net.config_file",
        "kadisc.config",
        "kadisc.observe.services",
        "kadisc.net.mapping",
    ),
    quick_runs=150,
)
