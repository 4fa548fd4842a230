"""Writes docs/reference/configuration.md from the dataclasses that the configuration file is
decoded into; with --check, only compares.

.venv/bin/python scripts/configuration_reference.py [--check]
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

from kadisc.net.config_file import Settings

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "configuration.md"
HEAD = """\
# The configuration file

`kadisc` reads `config.toml` in the XDG configuration folder (`~/.config/kadisc/` as a rule) if it is there, or the file given with `--config`. It is
TOML. A key that does not exist, or a value of the wrong kind, is an error that names file and key. Options on the command line win.

All commands read it. Those that open a node for a moment (`find`, `peers`, `announce`, `put`, `get`, `resolve`, `ping`) leave out what it says of the
node that stays (`bind`, `external`, `peer`, `service`); `run --devnet` leaves out `bootstrap`, `routers` and `state_dir` as well.

```toml
bind = ["0.0.0.0:6881", "[::]:6881"]
peer = ["other-home.example.org:6881"]
ban = ["192.0.2.0/24"]
network = "testnet"
service = ["eth=30303", "fork=0xabcd"]

[core.address]
first_voters = 3      # a network so small that twelve would never come together
change_voters = 4
```

This page is made from the program by `scripts/configuration_reference.py`. Units are the last part of a name: `_s` is seconds.
"""
KINDS = {
    "bool": "true or false",
    "int": "whole number",
    "float": "number",
    "str": "text",
    "str | None": "text",
    "tuple[str, ...]": "list of texts",
    "tuple[int, ...]": "list of whole numbers",
}


def described(kind: type) -> tuple[str, dict[str, str]]:
    """The text at the head of a dataclass, and those below its fields."""
    [body] = ast.parse(inspect.getsource(kind)).body
    assert isinstance(body, ast.ClassDef)
    texts = {}
    for line, following in zip(body.body, [*body.body[1:], None], strict=True):
        if (
            isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and isinstance(following, ast.Expr)
        ):
            assert isinstance(following.value, ast.Constant)
            texts[line.target.id] = " ".join(str(following.value.value).split())
    return " ".join((ast.get_docstring(body) or "").split()), texts


def default_of(each: Field[Any]) -> Any:
    return each.default if each.default is not MISSING else each.default_factory()  # type: ignore[misc]


def shown(value: Any) -> str:
    return "" if value is None else f"`{json.dumps(value)}`"


def section(title: str, kind: type) -> Iterator[str]:
    head, texts = described(kind)
    rows = [each for each in fields(kind) if not is_dataclass(default_of(each))]
    if rows:
        yield f"\n## {title}\n"
        if head and kind is not Settings:
            yield head.replace("``", "`") + "\n"
        yield "| key | value | default | |\n|---|---|---|---|"
        for each in rows:
            yield f"| `{each.name}` | {KINDS[str(each.type)]} | {shown(default_of(each))} | {texts.get(each.name, '').replace('``', '`')} |"
    prefix = "core" if kind is Settings else title.strip("`[]")
    for each in fields(kind):
        if is_dataclass(default := default_of(each)):
            yield from section(
                f"`[{prefix if kind is Settings else f'{prefix}.{each.name}'}]`", type(default)
            )


def page() -> str:
    return HEAD + "\n".join(section("Keys of the node", Settings)) + "\n"


def main() -> int:
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") != page():
            print(
                f"{PAGE.name} is not what the program says; write it anew with scripts/configuration_reference.py",
                file=sys.stderr,
            )
            return 1
        return 0
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
