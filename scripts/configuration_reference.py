"""Writes docs/reference/configuration.md from the declarations in kadisc/config; with --check, only
compares.

.venv/bin/python scripts/configuration_reference.py [--check]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kadisc.config.declaration import HoldsFor
from kadisc.config.keys import GROUPS, KEYS, Key
from kadisc.config.words import KINDS, bounds_words

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "configuration.md"


def names(holds_for: HoldsFor) -> str:
    """The keys that hold for these commands, as a list in words."""
    *first, last = [f"`{key.name}`" for key in KEYS.values() if key.setting.holds_for is holds_for]
    return f"{', '.join(first)} and {last}"


HEAD = f"""\
# The configuration file

`kadisc` reads `config.toml` in the XDG configuration folder (`~/.config/kadisc/` as a rule) if it
is there, or the file given with `--config`. It is TOML. A key that does not exist, or a value of
the wrong type or out of its bounds, is an error that names the file, the key and what was expected.
An option on the command line wins over the file.

All commands read it. Those that open a node for a moment (`find`, `peers`, `announce`, `put`,
`get`, `resolve`, `ping`) leave out {names(HoldsFor.THE_LASTING_NODE)}, which belong to the
node that stays. `run --devnet` leaves out these and
{names(HoldsFor.NOT_A_DEVNET)} as well.

```toml
bind = ["0.0.0.0:6881", "[::]:6881"]
peer = ["other-home.example.org:6881"]
ban = ["192.0.2.0/24"]
network = "testnet"
service = ["eth=30303", "fork=0xabcd"]

[core.address]
first_voters = 3      # a DHT so small that twelve netgroups would never vote
change_voters = 4
```

This page is made from the program by `scripts/configuration_reference.py`. Units are the last part
of a name: `_s` is seconds. A host is one IPv4 address or an IPv6 /64, a subnet is a /24 (IPv6 /48),
a netgroup is a /16 (IPv6 /32). All numbers are finite.
"""


def shown(value: Any) -> str:
    return "" if value is None else f"`{json.dumps(value)}`"


def row(key: Key) -> str:
    name, description = key.name.rpartition(".")[2], key.setting.description.replace("``", "`")
    cells = (f"`{name}`", KINDS[key.kind], bounds_words(key), shown(key.default), description)
    return f"| {' | '.join(cells)} |\n"


def section(title: str, head: str, keys: Iterable[Key]) -> Iterator[str]:
    yield f"\n## {title}\n\n"
    if head:
        yield f"{head}\n\n"
    yield "| key | value | bounds | default | description |\n|---|---|---|---|---|\n"
    yield from map(row, keys)


def page() -> str:
    by_group: dict[str, list[Key]] = {"": [], **{name: [] for name in GROUPS}}
    for key in KEYS.values():
        by_group[key.name.rpartition(".")[0]].append(key)
    parts = [HEAD, *section("Keys of the node", "", by_group[""])]
    for name, group in GROUPS.items():
        head = " ".join((group.__doc__ or "").split()).replace("``", "`")
        parts += section(f"`[{name}]`", head, by_group[name])
    return "".join(parts)


def main() -> int:
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") != page():
            print(
                f"{PAGE.name} is not what the program says;"
                " write it anew with scripts/configuration_reference.py",
                file=sys.stderr,
            )
            return 1
        return 0
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
