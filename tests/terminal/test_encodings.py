"""Output in encodings that lack most characters, and arguments that are no text: escapes, and never
a traceback.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kadisc.cli.main import COMMANDS, main

from .commands import COMMAND, PATIENCE_S, environment

WORD = "тест"
NO_TEXT = "\udcff\udcfe"
"""As Python keeps bytes of an argument that are no UTF-8."""

ARGUMENTS: dict[str, list[list[str]]] = {
    "run": [["--network", "NAME", "--bind", "NAME:1"], ["--network", "NAME" * 40], ["--NAME"]],
    "find": [["NAME"], ["random", "--bootstrap", "NAME.invalid:1"]],
    "peers": [["NAME", "--bootstrap", "NAME.invalid:1"], ["NAME", "--service", "NAME"]],
    "announce": [["NAME", "--port", "1"], ["0" * 40, "--port", "NAME"]],
    "put": [["NAME", "--bootstrap", "NAME.invalid:1"], ["x", "--mutable", "--salt", "NAME"]],
    "get": [["NAME"], ["0" * 40, "--salt", "NAME"]],
    "resolve": [["NAME"]],
    "ping": [["NAME.invalid:1"], ["NAME"]],
    "status": [["--state-dir", "FOLDER/NAME"], ["--config", "FOLDER/NAME"]],
    "doctor": [["NAME"], ["--offline", "--config", "FOLDER/NAME"]],
    "record": [["--state-dir", "FOLDER/NAME"], ["NAME"]],
    "why": [["NAME", "--state-dir", "FOLDER/NAME"]],
    "feedback": [["NAME", "good", "--state-dir", "FOLDER/NAME"], ["NAME", "NAME"]],
    "book": [["import", "FOLDER/NAME"], ["export", "--state-dir", "FOLDER/NAME"], ["NAME"]],
    "feed": [["NAME"], ["file", "--out", "FOLDER/NAME", "--check", "NAME"]],
    "watch": [["--state-dir", "FOLDER/NAME", "--once"], ["--view", "NAME"]],
    "metrics": [["--state-dir", "FOLDER/NAME"], ["NAME"]],
    "peer": [["ban", "NAME"], ["add", "NAME:1", "--state-dir", "FOLDER/NAME"], ["NAME"]],
    "reload": [["--state-dir", "FOLDER/NAME"], ["NAME"]],
    "stop": [["--state-dir", "FOLDER/NAME"], ["NAME"]],
    "config": [["check", "FOLDER/NAME"], ["show", "--config", "FOLDER/NAME"], ["NAME"]],
    "key": [["show", "--state-dir", "FOLDER/NAME"], ["import", "FOLDER/NAME"], ["NAME"]],
    "completion": [["NAME"]],
    "conformance": [["NAME:1"], ["127.0.0.1:1", "--case", "NAME"]],
    "sim": [["run", "NAME"], ["run", "lookup", "--set", "NAME=1"], ["NAME"]],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for kind in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind))
    # No routers: no command of these tests is to reach for the public network.
    (tmp_path / "CONFIG" / "kadisc").mkdir(parents=True)
    (tmp_path / "CONFIG" / "kadisc" / "config.toml").write_text("routers = []\n")
    yield tmp_path


def test_every_command_is_tried() -> None:
    assert set(ARGUMENTS) == set(COMMANDS)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("ascii", WORD),
        ("ascii", NO_TEXT),
        ("utf-8", NO_TEXT),
        pytest.param("latin-1", WORD, marks=pytest.mark.real),
        pytest.param("cp1252", WORD, marks=pytest.mark.real),
    ],
)
def test_no_command_fails_on_what_it_cannot_write(
    encoding: str, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command, all_arguments in ARGUMENTS.items():
        for arguments in all_arguments:
            for more in ([], ["--json"]) if command not in ("sim", "book") else ([],):
                words = [command, *(_filled(word, name, folder) for word in arguments), *more]
                code, output, errors = _run(words, encoding, monkeypatch)
                assert code in (1, 2, 4), (words, code, errors)
                assert "Traceback" not in errors
                assert "internal_error" not in output, (words, output)
                if more and output:
                    assert json.loads(output)["error"]["message"]


def _filled(word: str, name: str, folder: Path) -> str:
    return word.replace("NAME", name).replace("FOLDER", str(folder))


def _run(words: list[str], encoding: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    """Runs a command in this process. Whatever it raises, the test raises."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", streams[0])
        patched.setattr(sys, "stderr", streams[1])
        try:
            code = main(words)
        except SystemExit as end:
            code = int(end.code or 0)
        written = []
        for stream in streams:
            stream.flush()
            written.append(stream.buffer.getvalue().decode(encoding))  # type: ignore[attr-defined]
    return code, written[0], written[1]


def test_a_node_logs_names_that_its_output_cannot_write(tmp_path: Path) -> None:
    (tmp_path / WORD).mkdir(mode=0o700)
    (tmp_path / WORD / "state.sqlite3").write_text("damaged")
    (tmp_path / WORD / "state.sqlite3").chmod(0o600)
    options = ["--network", WORD, "--bind", "127.0.0.1:0", "--bootstrap", f"{WORD}.invalid:1"]
    process = subprocess.Popen(
        [*COMMAND, "run", *options, "--state-dir", str(tmp_path / WORD)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(PYTHONIOENCODING="ascii"),
    )
    try:
        assert process.stdout is not None
        seen = b""
        while b"is damaged" not in seen or b".invalid" not in seen:
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else b""
            seen += line
        process.terminate()
        rest, errors = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert b"\\u0442\\u0435\\u0441\\u0442" in seen
    assert b"stopped" in rest
