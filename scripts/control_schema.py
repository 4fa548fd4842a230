"""Writes docs/reference/control-socket.schema.json from the methods of the control socket; with
--check, only compares.

.venv/bin/python scripts/control_schema.py [--check]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from kadisc.control.schema import protocol_schema

FILE = Path(__file__).parents[1] / "docs" / "reference" / "control-socket.schema.json"


def main() -> int:
    text = json.dumps(protocol_schema(), indent=1) + "\n"
    if "--check" in sys.argv[1:]:
        is_current = FILE.exists() and FILE.read_text("utf-8") == text
        if not is_current:
            print(f"{FILE.name} is out of date: run scripts/control_schema.py", file=sys.stderr)
        return 0 if is_current else 1
    FILE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
