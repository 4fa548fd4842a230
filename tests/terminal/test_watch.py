"""``kadisc watch`` on a real terminal and without one: it shows a node of another process."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kadisc.cli.main import main
from kadisc.dashboard.views import VIEWS

from .commands import error_code, kadisc, next_event, running
from .watched import LEAVE, Watched, watched

NODES = 10


@contextmanager
def devnet_in(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A devnet of one network; its first node has the folder."""
    words = ("run", "--devnet", str(NODES), "--bind", "127.0.0.1:0", "--json")
    named = ("--network", "mychain", "--service", "p2p=9333", "--state-dir", str(folder))
    with running(*words, *named) as process:
        next_event(process, "joined")
        yield process


def assert_restored(terminal: Watched) -> None:
    assert terminal.output.count(b"\x1b[?1049h") == terminal.output.count(b"\x1b[?1049l")
    assert LEAVE in terminal.output


@pytest.mark.real
def test_it_attaches_takes_keys_outlives_the_node_and_detaches(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    with watched_node(folder) as (process, terminal):
        terminal.until("9 contacts,")
        terminal.type("2")
        terminal.until("contacts 9, by bucket")
        terminal.type("/nothing like it\r")
        terminal.until("no contacts match the filter")
        terminal.type("\x1b")
        terminal.until("contacts 9, by bucket")
        terminal.type("sr")
        terminal.until("contacts 9, by endpoint, reversed")
        terminal.type("3")
        terminal.until(lambda text: re.search(r"^› 127\..* online ", text, re.MULTILINE))
        terminal.type("j\r")
        terminal.until("by an exchange of records")
        terminal.resize(80, 24)
        terminal.until(lambda text: not terminal.is_scribbled_over() and " source " in text)
        terminal.type("\x1b\t")
        terminal.until("[4 lookups]")
        process.kill()
        terminal.until("lost the node; looking for it")
        terminal.type("1")
        terminal.until("[1 overview]")
        with devnet_in(folder):
            terminal.until(lambda text: "lost the node" not in text and "9 contacts," in text)
            terminal.type("q")
            assert terminal.end() == 0
            assert_restored(terminal)
            # It has detached: the node runs on.
            assert kadisc("status", "--state-dir", str(folder)).returncode == 0


@contextmanager
def watched_node(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], Watched]]:
    with (
        devnet_in(folder) as process,
        watched("watch", "--state-dir", str(folder), *words, columns=120, rows=40) as terminal,
    ):
        yield process, terminal


@pytest.mark.real
def test_each_way_of_ending_restores_the_terminal(tmp_path: Path) -> None:
    with devnet_in(tmp_path / "node"):
        words = ("watch", "--state-dir", str(tmp_path / "node"), "--view", "contacts")
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGHUP, 130)):
            with watched(*words) as terminal:
                terminal.until("[2 contacts]")
                terminal.send_signal(number)
                assert terminal.end() == code
                assert_restored(terminal)
        with watched(*words, NO_COLOR="1", LC_ALL="C", LANG="C") as terminal:
            terminal.until("[2 contacts]")
            terminal.until(lambda text: re.search(r"^> ", text, re.MULTILINE))
            assert terminal.output.isascii()
            assert re.search(rb"\x1b\[[\d;]+m", terminal.output) is None
            terminal.type("q")
            assert terminal.end() == 0
        _assert_prints(tmp_path / "node")


def _assert_prints(folder: Path) -> None:
    """Without a terminal one frame or JSON is printed."""
    for view in (VIEWS[1], VIEWS[-1]):
        words = ("watch", "--state-dir", str(folder), "--once", "--view", view.name)
        done = kadisc(*words, "--width", "90", "--height", "20")
        assert (done.returncode, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        assert len(lines) == 20 and f"[{view.key} {view.name}]" in lines[1]
        assert "\x1b" not in done.stdout and max(map(len, lines)) <= 90
    done = kadisc("watch", "--state-dir", str(folder), "--json", "--once")
    assert len(json.loads(done.stdout)["contacts"]) == NODES - 1
    assert [each["status"]["network"] for each in _stream(folder, 2)] == ["mychain"] * 2


def _stream(folder: Path, count: int) -> list[dict[str, Any]]:
    words = ["watch", "--state-dir", str(folder), "--json", "--interval", "0.25"]
    with running(*words) as process:
        assert process.stdout is not None
        return [json.loads(process.stdout.readline()) for _ in range(count)]


def test_without_a_node_it_ends_with_one_line(tmp_path: Path) -> None:
    done = kadisc("watch", "--state-dir", str(tmp_path), "--once")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"kadisc: no node runs with the state folder .*\n", done.stderr)
    done = kadisc("watch", "--state-dir", str(tmp_path), "--json")
    assert (done.returncode, error_code(done.stdout)) == (1, "not_running")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--view", "nothing"], "there is no view 'nothing'; there are overview, contacts"),
        (["--interval", "0.1"], "expected 0.25 to 60 seconds"),
        (["--interval", "nan"], "expected 0.25 to 60 seconds"),
        (["--width", "80"], "--width and --height are those of the frame that --once prints"),
        (["--once", "--width", "0"], "--width"),
        (["--json", "--view", "log"], "takes no --view"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "--state-dir", "/nonexistent", *words]) == 2
    assert complaint in capsys.readouterr().err
