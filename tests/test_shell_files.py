"""The files that scripts/shell_files.py makes: up to date, and sound as a page of the manual."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "kadisc" / "cli" / "generated" / "kadisc.1"


def test_the_shipped_files_are_those_of_the_parser() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "shell_files.py", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def formatted(page: str) -> tuple[str, str]:
    """The text of a page at 80 columns, and the warnings of groff."""
    if shutil.which("groff") is None:
        pytest.skip("there is no groff on this machine")
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Tascii", "-P-cbou", "-rLL=78n"],
        input=page,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout, done.stderr


def test_the_page_is_formatted_without_warnings() -> None:
    text, warnings = formatted(PAGE.read_text("utf-8"))
    assert warnings == ""
    for heading in ("NAME", "SYNOPSIS", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES"):
        assert f"\n{heading}\n" in text
    assert "kadisc - Kademlia peer discovery for blockchain networks" in text
    assert "--state-dir DIR" in text  # dashes that can be copied
    assert "\n       130    Interrupted by a signal before it was done.\n" in text


def test_a_warning_is_seen() -> None:
    _, warnings = formatted(f"{PAGE.read_text('utf-8')}.nosuchmacro\n")
    assert "nosuchmacro" in warnings
