"""What a person reads who asks for help, or mistypes something."""

from __future__ import annotations

import pytest

from kadisc.cli.main import main

COMMANDS = (
    *("run", "find", "peers", "announce", "put", "get", "resolve", "ping", "status", "doctor"),
    *(
        "record",
        "why",
        "book",
        "conformance",
        "sim",
        "sim run",
        "sim list",
        "sim sweep",
        "sim report",
        "completion",
        "config",
        "config init",
        "config check",
        "config show",
        *("peer", "reload", "stop", "metrics"),
        "key",
        "key show",
        "key export",
        "key import",
    ),
)


@pytest.fixture(autouse=True)
def _terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code in (0, None)
    return capsys.readouterr().out


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_80_columns_and_ends_with_examples(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(command, capsys)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines[0]) <= 80, "what must be given, on one line"
    assert not lines[1]
    assert "\nexamples:\n  kadisc" in text


@pytest.mark.parametrize(
    ("command", "own"),
    [
        ("peers", ("--service", "--count", "--check", "--json")),
        ("find", ("--k", "--paths", "--json")),
        ("put", ("--mutable", "--keep", "--json")),
        ("announce", ("--port", "--json")),
        ("run", ("--network", "--bootstrap", "--service", "--devnet", "--json")),
    ],
)
def test_the_own_options_of_a_command_stand_before_those_of_node_and_lab(
    command: str, own: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    text = help_of(command, capsys)
    first, _, rest = text.partition(
        "\nAddress Options:\n" if command == "run" else "\nNode Options:\n"
    )
    assert all(f"\n  {option}" in first for option in own)
    assert not any(f"\n  {option} " in rest for option in own)
    assert "\n  --state-dir" in rest
    node, _, lab = rest.partition("\nLab Options:\n")
    assert "  --bind" in node
    for option in ("--allow-private", "--unlimited", "--no-caps"):
        assert option in lab
        assert option not in first + node


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("pers", "there is no command 'pers'; did you mean peers? See kadisc --help"),
        ("sim rn", "there is no command 'rn'; did you mean run? See kadisc sim --help"),
        ("sim", "COMMAND is missing: one of run, list, sweep, hunt, report, calibrate; see"),
        ("find", "ID|random is missing; see kadisc find --help"),
        ("announce", "INFOHASH and --port are missing; see kadisc announce --help"),
        (f"announce {'0' * 40}", "--port is missing: --port N; see kadisc announce --help"),
        ("peers --netwrok x", "unknown option --netwrok; did you mean --network? See kadisc peers"),
        ("run --peers=x", "unknown option --peers; did you mean --peer? See kadisc run --help"),
        ("--netwrok x", "unknown option --netwrok; did you mean --network? See kadisc run"),
        ("sim run lookup --node 3", "unknown option --node; did you mean --nodes? See kadisc sim"),
        ("status --xyzzy", "unknown option --xyzzy; see kadisc status --help"),
        ("find random more", "unexpected argument 'more'; see kadisc find --help"),
        ("peers --count", "--count needs a value: --count N; see kadisc peers --help"),
        ("peers --json=3", "--json takes no value, and '3' was given; see kadisc peers --help"),
        ("peers --count x", "--count: expected a number from 1 to 1000, not 'x'; see kadisc"),
        ("book exprt", "did you mean export? See kadisc book --help"),
    ],
)
def test_a_mistake_is_told_in_plain_words(
    words: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    [told] = errors.splitlines()
    assert told.startswith("kadisc: ")
    assert line in told
    assert "argument COMMAND" not in told


def test_an_unknown_command_without_a_like_one_names_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["xyzzy"]) == 2
    assert "there are run, find, peers, " in capsys.readouterr().err
