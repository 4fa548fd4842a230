"""The files that commit 2a67823 has written, and what they hold (see their README)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

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
    """The state folder, to be changed at will."""
    return Path(shutil.copytree(FOLDER / "state", folder / "state"))
