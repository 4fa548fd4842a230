"""`kill -9` at random instants under continuous saves: the file opens, and holds the newest state,
or the one before.
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from kadisc.net.state.state_file import read_state

from .state_writer import CONTACTS, state_number

KILLS = 50


def test_after_each_of_many_kills_the_state_is_whole(tmp_path: Path) -> None:
    rng = random.Random(20)
    number, seen = 1, set()
    for _ in range(KILLS):
        program = [
            sys.executable,
            "-W",
            "error",
            "-m",
            "tests.net.state.state_writer",
            str(tmp_path),
            str(number),
        ]
        with subprocess.Popen(
            program, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline()
            # A save takes some 5 ms, so the kill comes anywhere in one.
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0.0, 0.05))
            process.kill()
            said = [int(line) for line in process.stdout.read().split("\n") if line]
        last = said[-1] if said else number
        kept = read_state(tmp_path / "state.sqlite3")
        assert kept is not None
        found = int(kept.contacts["mainline"][0].age_s)
        assert found in (last, last + 1)  # it may have been killed between saving and saying so
        assert kept.contacts == {"mainline": state_number(found).dhts[0].contacts}
        assert len(kept.contacts["mainline"]) == CONTACTS
        assert list(kept.addresses.values()) == [found.to_bytes(4, "big")]
        assert kept.seed == bytes(range(32))
        left = {path.name for path in tmp_path.iterdir()}
        unfinished = {name for name in left if name.endswith(".new")}
        assert left - unfinished == {"identity", "state.lock", "state.sqlite3"}
        assert len(unfinished) <= 1  # those of earlier kills are removed at the start
        seen |= left
        number = found + 1
    # Otherwise no kill came during a save, and nothing was shown.
    assert any(name.endswith(".new") for name in seen)
