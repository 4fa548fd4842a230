"""Completion in a shell: a real bash at a terminal gets Tab after a part of a word."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.scenario_runs import fetch_programs

from .commands import PATIENCE_S, kadisc

PROMPT = "ready> "


class ShellTerminal:
    """A bash without any file of the user, in a folder, at a terminal of 200 columns."""

    def __init__(self, folder: Path) -> None:
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            environment = {"PS1": PROMPT, "TERM": "dumb", "HOME": str(folder), "COLUMNS": "200"}
            environment |= {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
            os.chdir(folder)
            os.execve(shutil.which("bash") or "", ["bash", "--norc", "--noprofile"], environment)
        self.read_until(PROMPT)

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def read_until(self, wanted: str) -> str:
        """What the terminal shows up to these words."""
        shown, ends_at = "", time.monotonic() + PATIENCE_S
        while wanted not in shown:
            rest = ends_at - time.monotonic()
            assert rest > 0, f"{wanted!r} did not come after {shown!r}"
            if select.select([self._terminal], [], [], rest)[0]:
                shown += os.read(self._terminal, 4096).decode()
        return shown

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShellTerminal]:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash on this machine")
    folder = tmp_path_factory.mktemp("completion")
    (folder / "settings.toml").touch()
    (folder / "node-a").mkdir()
    done = kadisc("completion", "bash")
    assert (done.returncode, done.stderr) == (0, "")
    (folder / "kadisc.sh").write_text(done.stdout)
    shell = ShellTerminal(folder)
    try:
        # As where the package bash-completion is not installed; a list of many is not asked for.
        shell.type("bind 'set completion-query-items 0' 'set bell-style none'\r")
        shell.read_until(PROMPT)
        shell.type("source ./kadisc.sh\r")
        shell.read_until(PROMPT)
        yield shell
    finally:
        shell.close()


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("kadisc pe", "kadisc peer"),
        ("kadisc peers", "kadisc peers "),
        ("kadisc run --boot", "kadisc run --bootstrap "),
        ("kadisc --boot", "kadisc --bootstrap "),
        ("kadisc run --reachable a", "kadisc run --reachable auto "),
        ("kadisc run --config sett", "kadisc run --config settings.toml "),
        ("kadisc status --state-dir no", "kadisc status --state-dir node-a"),
        ("kadisc sim sw", "kadisc sim sweep "),
        ("kadisc completion f", "kadisc completion fish "),
        ("kadisc completion po", "kadisc completion powershell "),
    ],
)
def test_bash_completes_a_word_that_is_clear(
    bash: ShellTerminal, typed: str, completed: str
) -> None:
    bash.type(f"{typed}\t")
    bash.read_until(completed)
    bash.type("\x15")  # Ctrl-U: the line is empty again


def test_bash_lists_what_is_possible(bash: ShellTerminal) -> None:
    bash.type("kadisc p\t\t")
    words = bash.read_until("put").split()
    assert {"peers", "ping", "put"} <= {*words}
    bash.type("\x15")


@pytest.mark.slow
def test_fish_completes_the_same(tmp_path: Path) -> None:
    """A fish that is unpacked and not installed."""
    fish = fetch_programs("shell-programs")
    done = kadisc("completion", "fish")
    (tmp_path / "kadisc.fish").write_text(done.stdout)

    def completed(line: str) -> list[str]:
        functions = f"set -g fish_function_path {fish}/usr/share/fish/functions"
        asked = subprocess.run(
            [
                *(f"{fish}/bin/fish", "--no-config", "-c"),
                f"{functions}; source {tmp_path}/kadisc.fish; complete -C '{line}'",
            ],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        )
        assert (asked.returncode, asked.stderr) == (0, "")
        return [each.partition("\t")[0] for each in asked.stdout.splitlines()]

    assert {"peer", "peers"} <= set(completed("kadisc pe"))
    assert completed("kadisc run --boot") == ["--bootstrap"]
    assert completed("kadisc run --reachable ") == ["auto", "yes", "no"]
    assert completed("kadisc sim sw") == ["sweep"]
    assert set(completed("kadisc completion ")) >= {"bash", "zsh", "fish", "tcsh", "powershell"}
