"""The files that commit 2a67823 has written, and what they hold (see their README)."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from kadisc.config.old_keys import OLD_KEYS, REMOVED_KEYS

FOLDER = Path(__file__).parent.parent / "fixtures" / "2a67823"
BOOK = FOLDER / "book.jsonl"
PLAIN = FOLDER / "plain.toml"
ALL_KEYS = FOLDER / "all_keys.toml"

EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())
"""What ``expected.py`` has read in them, without kadisc."""
STATE: dict[str, Any] = EXPECTED["state"]
NETWORK = "testnet"
SECOND_NETWORK = "othernet"


def copy_of_state(folder: Path) -> Path:
    """The state folder, to be changed at will, and writable by its owner alone."""
    copy = Path(shutil.copytree(FOLDER / "state", folder / "state"))
    copy.chmod(0o700)
    return copy


def keys_in(document: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Each key of a configuration by its dotted name, with its value."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from keys_in(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def keys_of(path: Path) -> dict[str, Any]:
    """What a configuration file says, as it stands there."""
    return dict(keys_in(tomllib.loads(path.read_text())))


BOUNDED: Final[Mapping[str, Any]] = {"core.gossip.pull_entries": 16}
"""Values that are refused today: what they said could not work then either."""


def with_names_of_today(path: Path) -> dict[str, Any]:
    """What an old configuration file says, under the new names of its keys, without those that are
    gone.
    """
    return {
        OLD_KEYS.get(key, key): BOUNDED.get(key, value)
        for key, value in keys_of(path).items()
        if key not in REMOVED_KEYS
    }


def write_config(path: Path, values: Mapping[str, Any]) -> Path:
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
    return path
