"""docs/how-to/private-network.md: what the commands of the page print, on four hosts of a network.
The hosts are addresses of the loopback interface in a network namespace.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.namespaces import NAMESPACES, UnavailableError, check_namespaces
from tests.support.printed import difference

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "private-network.md").read_text("utf-8")
ADDRESSES = " ".join(f"ip addr add 10.0.0.{number}/32 dev lo;" for number in range(1, 5))
SET_UP = f"ip link set lo up; {ADDRESSES}"
OPTIONS = "--network mychain --service p2p=9333 --no-routers --no-map --netrestrict 10.0.0.0/24"


def sessions() -> list[list[tuple[str, list[str]]]]:
    """The blocks of the page with commands and their output: each command with its lines."""
    found = []
    for text in re.findall(r"^```\w*\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        commands: list[tuple[str, list[str]]] = []
        for line in text.splitlines():
            if line.startswith("$ kadisc "):
                commands.append((line.removeprefix("$ "), []))
            elif commands:
                commands[-1][1].append(line)
        if commands:
            found.append(commands)
    return found


def of_page(address: str, *words: str) -> list[tuple[str, list[str]]]:
    """The commands of the page whose output shows this address and these words."""
    return next(
        commands
        for commands in sessions()
        if address in (text := str(commands)) and all(word in text for word in words)
    )


@pytest.mark.real
def test_the_commands_print_what_the_page_shows(tmp_path: Path) -> None:
    try:
        check_namespaces(SET_UP)
    except UnavailableError as why:
        pytest.skip(str(why))
    samples = [*of_page("10.0.0.2:7001", "peers mychain"), *of_page("10.0.0.3:7001 as")]
    assert [command for command, _ in samples] == [
        "kadisc peers mychain",
        "kadisc status",
        "kadisc record",
    ]
    program = f"{shlex.quote(sys.executable)} -m kadisc"
    script = [SET_UP]
    for number in range(1, 5):
        script.append(
            f"{program} run --no-dashboard --bind 10.0.0.{number}:7001 {OPTIONS} "
            f"--bootstrap 10.0.0.1:7001 --bootstrap 10.0.0.2:7001 --state-dir {number} "
            f"> log.{number} 2>&1 &"
        )
    script.append(f"{program} peers mychain --state-dir 3 --wait 60 --count 3 > /dev/null 2>&1")
    script.append("sleep 3")
    for number, (command, _) in enumerate(samples):
        words = command.replace("kadisc", program, 1)
        script.append(f"{words} --state-dir 3 > out.{number} 2>&1")
    done = subprocess.run(
        [*NAMESPACES, "sh", "-c", "\n".join(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    for number, (command, shown) in enumerate(samples):
        printed = (tmp_path / f"out.{number}").read_text().splitlines()
        assert difference(shown, printed) is None, (command, difference(shown, printed), printed)


def test_an_oracle_of_pages_notices_what_differs() -> None:
    shown = ["one 12 s", "...", "peer 10.0.0.1:7  p2p=9"]
    assert difference(shown, ["one 3 s", "x", "y", "peer 1.2.3.4:55 p2p=1"]) is None
    assert difference(shown, ["one 3 s", "peer 1.2.3.4:55 p2p=1"]) is None
    assert "also printed 'more'" in str(difference(shown, ["one 3 s", "peer 1:2 p2p=1", "more"]))
    assert "'two 3 s'" in str(difference(shown, ["two 3 s", "peer 1:2 p2p=1"]))
    assert "nothing more" in str(difference(["one", "two"], ["one"]))
    assert "also printed 'x'" in str(difference(["one"], ["one", "x"]))
