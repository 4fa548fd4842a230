"""The page about the configuration file says what the program does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "scripts" / "configuration_reference.py"


def test_the_page_is_what_the_program_says() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT), "--check"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
