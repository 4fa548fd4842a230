"""State folders that cannot be used: one that was asked for ends the start with an exit code of its
own; without the default one, or without a home, a node runs all the same.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .commands import COMMAND, PATIENCE_S, environment, kadisc, next_event, running

STATE_UNUSABLE = 4
CANNOT_LISTEN = 3
AS_A_STRANGER = ["unshare", "--user", "--map-user=12345", "--map-group=12345", "--"]
"""Runs a program as a user that has no entry in passwd and no rights of root."""

needs_namespaces = pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run([*AS_A_STRANGER, "true"], capture_output=True).returncode != 0,
    reason="this system has no user namespaces",
)


@pytest.fixture
def silent() -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"


def options(bootstrap: str, *more: str) -> list[str]:
    return ["run", "--bootstrap", bootstrap, "--bind", "127.0.0.1:0", "--json", *more]


@pytest.mark.parametrize("problem", ["a file for the folder", "a folder for the key"])
def test_a_folder_that_was_asked_for_is_refused(tmp_path: Path, silent: str, problem: str) -> None:
    folder = tmp_path / "state"
    if problem == "a file for the folder":
        folder.write_text("")
    else:
        (folder / "identity").mkdir(parents=True)
    done = kadisc(*options(silent, "--state-dir", str(folder)))
    assert done.returncode == STATE_UNUSABLE
    assert done.stderr.count("\n") == 1
    assert "--ephemeral runs without any" in done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "state_unusable"


def test_the_default_folder_need_not_be_usable(tmp_path: Path, silent: str) -> None:
    (tmp_path / "kadisc").write_text("")
    process = subprocess.Popen(
        [*COMMAND, *options(silent)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(XDG_STATE_HOME=str(tmp_path)),
    )
    try:
        assert "cannot be saved" in next_event(process, "state_unsaved")["reason"]
        process.terminate()
        assert (process.wait(PATIENCE_S), process.communicate()[1]) == (0, "")
    finally:
        process.kill()
        process.communicate()


def test_an_ephemeral_node_keeps_nothing(tmp_path: Path, silent: str) -> None:
    process = subprocess.Popen(
        [*COMMAND, *options(silent, "--ephemeral")],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(XDG_STATE_HOME=str(tmp_path)),
    )
    try:
        next_event(process, "listening")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.communicate()
    assert list(tmp_path.iterdir()) == []
    both = kadisc(*options(silent, "--ephemeral", "--state-dir", str(tmp_path)))
    assert (both.returncode, "--ephemeral keeps no state" in both.stderr) == (2, True)


def test_a_failed_bind_leaves_no_folder(tmp_path: Path, silent: str) -> None:
    folder = tmp_path / "a" / "state"
    done = kadisc("run", "--bind", silent, "--state-dir", str(folder), "--bootstrap", silent)
    assert done.returncode == CANNOT_LISTEN
    assert list(tmp_path.iterdir()) == []
    folder.mkdir(parents=True, mode=0o700)
    (folder / "a file of the user").write_text("precious")
    done = kadisc("run", "--bind", silent, "--state-dir", str(folder), "--bootstrap", silent)
    assert done.returncode == CANNOT_LISTEN
    assert [path.name for path in folder.iterdir()] == ["a file of the user"]


def test_of_two_nodes_that_start_at_once_one_gets_the_folder(tmp_path: Path, silent: str) -> None:
    started = options(silent, "--state-dir", str(tmp_path / "state"))
    with running(*started) as one, running(*started) as another:
        while one.poll() is None and another.poll() is None:
            try:
                one.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        refused, runs = (one, another) if one.poll() is not None else (another, one)
        output, errors = refused.communicate(timeout=PATIENCE_S)
        assert refused.returncode == STATE_UNUSABLE
        assert "another node uses the state folder" in errors
        assert json.loads(output)["error"]["code"] == "state_in_use"
        next_event(runs, "listening")
        runs.terminate()
        assert runs.wait(PATIENCE_S) == 0
    assert (tmp_path / "state" / "identity").exists()


@needs_namespaces
@pytest.mark.parametrize("home", ["none", "unreadable"])
def test_without_a_home_commands_work(tmp_path: Path, silent: str, home: str) -> None:
    tmp_path.chmod(0o755)
    closed = tmp_path / "home"
    closed.mkdir(mode=0)
    place = environment(HOME=str(closed))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", *(["HOME"] if home == "none" else [])):
        del place[name]
    process = subprocess.Popen(
        [*AS_A_STRANGER, *COMMAND, *options(silent)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=place,
    )
    try:
        next_event(process, "listening")
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        assert process.communicate()[1].count("\n") == 1
    finally:
        process.kill()
        process.communicate()
    for words, code in (["status"], 1), (["ping", silent, "--bind", "127.0.0.1:0"], 1):
        done = subprocess.run(
            [*AS_A_STRANGER, *COMMAND, *words],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env=place,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") <= 2


def test_an_unknown_home_is_refused(silent: str) -> None:
    for words in (
        options(silent, "--state-dir", "~nosuchuser/x"),
        ["status", "--state-dir", "~nosuchuser/x"],
    ):
        done = kadisc(*words)
        assert done.returncode == STATE_UNUSABLE
        assert "there is no such home folder" in done.stderr
        assert "Traceback" not in done.stderr
