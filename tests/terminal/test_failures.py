"""Exit codes, and the one JSON document of every command that fails."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from kadisc.cli import exit_codes, status
from kadisc.cli.exit_codes import failure_of
from kadisc.cli.main import build_parser, main
from kadisc.errors import (
    AddressInUse,
    BindError,
    Busy,
    Closed,
    ErrorAnswer,
    KadiscError,
    NoAnswer,
    NotFound,
    NotRunning,
    StateInUse,
    StateUnusable,
    UsageError,
)
from kadisc.net.state.state_folder import StateFolder

from .commands import error_code

PAGE = Path("docs/reference/command-line.md").read_text(encoding="utf-8")


def all_commands() -> list[str]:
    usage = build_parser().format_help()
    return sorted(set(re.findall(r"^ {4}([a-z]+)(?:  |$)", usage, re.MULTILINE)))


def failed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code and the error code; the message on stderr is that of the document."""
    code = main([*words, "--json"])
    output, errors = capsys.readouterr()
    assert len(output.splitlines()) == 1
    assert errors.endswith(f"kadisc: {json.loads(output)['error']['message']}\n")
    return code, error_code(output)


def test_every_command_answers_wrong_usage_with_a_document(
    capsys: pytest.CaptureFixture[str],
) -> None:
    commands = all_commands()
    assert {"run", "find", "peers", "feedback", "book", "conformance", "sim"} <= set(commands)
    for command in commands:
        assert failed(capsys, command, "--bogus") == (2, "wrong_usage"), command
    for inner in ("run", "list", "sweep", "report", "calibrate"):
        assert failed(capsys, "sim", inner, "--bogus") == (2, "wrong_usage"), inner
    assert failed(capsys, "nonsense") == (2, "wrong_usage")


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["record"],
        ["why", "192.0.2.1:1"],
        ["feedback", "192.0.2.1:1", "good"],
        ["book", "export"],
    ],
    ids=lambda words: str(words[0]),
)
def test_without_a_running_node(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failed(capsys, *words, "--state-dir", str(tmp_path)) == (1, "not_running")


def test_an_address_and_a_state_folder_that_are_in_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        for words in (["run", "--ephemeral"], ["run", "--devnet", "1"], ["find", "random"]):
            assert failed(capsys, *words, "--bind", where) == (3, "address_in_use"), words
    beside = ("--bind", "127.0.0.1:0", "--bootstrap", "127.0.0.1:1", "--state-dir", str(tmp_path))
    folder = StateFolder(tmp_path)
    folder.open()
    try:
        assert failed(capsys, "run", *beside) == (4, "state_in_use")
    finally:
        folder.close()
    assert failed(capsys, "put", "x", "--mutable", *beside) == (4, "state_unusable")
    tmp_path.chmod(0o777)
    assert failed(capsys, "run", *beside) == (4, "state_unusable")


def test_a_bug_is_a_document_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(options: object) -> int:
        raise LookupError("no such thing")

    monkeypatch.setattr(status, "execute", fails)
    with pytest.raises(LookupError):
        main(["status", "--json"])
    assert json.loads(capsys.readouterr().out) == {
        "error": {"code": "internal_error", "message": "LookupError: no such thing"}
    }


def test_every_exception_has_the_codes_that_the_page_lists() -> None:
    errors = [
        *(UsageError(""), StateUnusable(""), StateInUse(""), BindError(""), AddressInUse("")),
        *(Busy(""), Closed(""), NotRunning(""), NotFound(""), NoAnswer(""), KadiscError("")),
        ErrorAnswer(201, ""),
    ]
    table = PAGE.partition("| `error.code` |")[2].partition("\n\n")[0]
    listed = {
        name: int(code)
        for names, code in re.findall(r"^\| (`.*`) \| (\d+) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", names)
    }
    for error in errors:
        failure = failure_of(error)
        assert listed[failure.code] == failure.exit_code
    codes = PAGE.partition("## Exit codes")[2].partition("## JSON")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", codes, re.MULTILINE)} == {
        value for name, value in vars(exit_codes).items() if name.isupper() and type(value) is int
    }
