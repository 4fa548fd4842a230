"""The JSON documents, the exit codes, and the errors of one line."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest

from kadisc.cli.output import say
from kadisc.cli.run_log import RunLog
from kadisc.service.log import Log
from kadisc.version import __version__

from .commands import (
    COMMAND,
    PATIENCE_S,
    devnet,
    environment,
    error_code,
    kadisc,
    next_event,
    running,
)

TARGET = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[dict[str, Any]]]:
    with devnet(12) as nodes:
        yield nodes


def _first_endpoint(nodes: list[dict[str, Any]]) -> str:
    endpoint: str = nodes[0]["endpoints"][0]
    return endpoint


def test_find_prints_the_closest_as_one_document(nodes: list[dict[str, Any]]) -> None:
    done = kadisc("find", TARGET, "--bootstrap", _first_endpoint(nodes), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert list(document) == [
        "target",
        "nodes",
        "elapsed_s",
        "queries",
        "hops",
        "suspicious",
        "region",
    ]
    assert document["target"] == TARGET
    closest = sorted(
        (node["id"] for node in nodes), key=lambda node_id: int(node_id, 16) ^ int(TARGET, 16)
    )[:8]
    assert [node["id"] for node in document["nodes"]] == closest
    where = {node["id"]: node["endpoints"] for node in nodes}
    for node in document["nodes"]:
        assert list(node) == ["id", "endpoint", "host", "port", "rtt_ms", "client"]
        assert [node["endpoint"]] == [f"{node['host']}:{node['port']}"] == where[node["id"]]
        assert node["client"] == "KD 0.1"
        assert node["rtt_ms"] is None or 0 < node["rtt_ms"] < 10_000
    assert 0 < document["elapsed_s"] < 30
    assert document["queries"] >= 8
    assert 1 <= document["hops"] <= 4


def test_find_takes_k_and_paths(nodes: list[dict[str, Any]]) -> None:
    done = kadisc(
        "find",
        "random",
        "--bootstrap",
        _first_endpoint(nodes),
        "--k",
        "3",
        "--paths",
        "2",
        "--json",
        "--unlimited",
        "--no-caps",
    )
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["nodes"]) == 3


def test_find_prints_a_table_for_people(nodes: list[dict[str, Any]]) -> None:
    done = kadisc("find", TARGET, "--bootstrap", _first_endpoint(nodes))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"closest to {TARGET}"
    assert lines[1].split() == ["distance", "node", "endpoint", "rtt", "client"]
    assert len(lines) == 11
    row = r" *2\^1\d\d  [0-9a-f]{40}  [\d.]+:\d+ +(\d+\.\d ms|-)  KD 0\.1$"
    assert all(re.match(row, line.rstrip()) for line in lines[2:10]), done.stdout
    assert re.match(r"8 nodes in \d+\.\d\d s, \d+ datagrams sent, \d hops?$", lines[10])
    assert "\x1b" not in done.stdout


def test_ping_prints_one_document(nodes: list[dict[str, Any]]) -> None:
    done = kadisc("ping", _first_endpoint(nodes), "--json", "--bind", "127.0.0.1:0")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert list(document) == ["id", "client", "rtt_ms", "seen_as"]
    assert (document["id"], document["client"]) == (nodes[0]["id"], "KD 0.1")
    assert document["rtt_ms"] > 0
    assert document["seen_as"].startswith("127.0.0.1:")


def test_ping_takes_a_name_and_prints_text(nodes: list[dict[str, Any]]) -> None:
    done = kadisc("ping", _first_endpoint(nodes).replace("127.0.0.1", "localhost"))
    assert (done.returncode, done.stderr) == (0, "")
    assert nodes[0]["id"] in done.stdout
    assert "answered in" in done.stdout


def test_a_devnet_lists_its_nodes(nodes: list[dict[str, Any]]) -> None:
    assert len(nodes) == 12
    assert all(list(node) == ["id", "endpoints"] for node in nodes)
    assert len({node["id"] for node in nodes}) == 12
    assert [node["endpoints"][0].startswith("127.0.0.1:") for node in nodes] == [True] + 11 * [
        False
    ]


def test_run_joins_through_another_node_and_reports_it(nodes: list[dict[str, Any]]) -> None:
    with running(
        "--bootstrap",
        _first_endpoint(nodes),
        "--bind",
        "127.0.0.1:0",
        "--json",
        "--no-dashboard",
        "--ephemeral",
    ) as process:
        listening = next_event(process, "listening")
        assert list(listening) == ["ts", "level", "event", "family", "message", "nodes"]
        [node] = listening["nodes"]
        assert re.fullmatch("[0-9a-f]{40}", node["id"])
        joined = next_event(process, "joined")
        assert joined["family"] == "ipv4"
        assert joined["contacts"] >= 8


def test_a_used_default_port_is_replaced_and_a_used_given_one_is_an_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        with suppress(OSError):  # another process has it, which is as good
            taken.bind(("0.0.0.0", 6881))
        with running("--devnet", "1", "--json") as process:
            endpoint = next_event(process, "listening")["nodes"][0]["endpoints"][0]
            assert endpoint.startswith("127.0.0.1:")
            assert endpoint != "127.0.0.1:6881"
            process.terminate()
            assert "port 6881 is in use" in process.communicate()[1]
        done = kadisc("run", "--bind", "0.0.0.0:6881")
        assert done.returncode == 3
        assert done.stderr.startswith("kadisc: cannot listen on 0.0.0.0:6881: ")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["find", "nonsense"], 2, "40 hex digits"),
        (["find", TARGET, "--bootstrap", "nonsense"], 2, "expected HOST:PORT"),
        (["find", TARGET, "--bootstrap", "127.0.0.1:0"], 2, "a port to send to is 1 to 65535"),
        (["find", TARGET, "--k", "0"], 2, "--k"),
        (["find", TARGET, "--bind", "somewhere:1"], 2, "cannot listen on somewhere:1"),
        (["find", TARGET, "--bogus"], 2, "kadisc find --help"),
        (["find"], 2, "ID|random"),
        (["find", TARGET, "--bootstrap", "nonsense.invalid:1"], 1, "no network: "),
        (["ping", "1.2.3.4"], 2, "expected HOST:PORT"),
        (["ping", "nonsense.invalid:1"], 1, "nonsense.invalid"),
        (["ping", "[::1]:1", "--bind", "127.0.0.1:0"], 1, "family"),
        (["run", "--bind", "198.51.100.1:1"], 3, "no interface of this machine"),
        (
            ["run", "--bind", "127.0.0.1:0", "--bind", "127.0.0.1:0"],
            2,
            "one address per address family",
        ),
        (["run", "--devnet", "5000", "--bind", "127.0.0.1:0"], 2, "a number from 1 to 1000"),
        (["find", TARGET, "--paths", "17"], 2, "a number from 1 to 16"),
        (["find", TARGET, "--k", "1001"], 2, "a number from 1 to 1000"),
        (["peers", "testnet", "--count", "9" * 5000], 2, "a number from 1 to 1000"),
        (["run", "--bootstrap", "nonsense"], 2, "--bootstrap"),
        (["--bootstrap", "127.0.0.1:1", "find", TARGET], 2, "the command comes first"),
        (["nonsense"], 2, "there is no command 'nonsense'"),
    ],
)
def test_an_error_is_one_line(arguments: list[str], code: int, words: str) -> None:
    done = kadisc(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    [line] = [line for line in done.stderr.splitlines() if "no --bootstrap given" not in line]
    assert line.startswith("kadisc")


def test_without_answers_a_command_ends_in_bounded_time_with_one_line() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        # Concurrently, because each takes its time-out of 10 s of real time.
        with (
            running("find", "random", "--bootstrap", where, "--json") as find,
            running("ping", where, "--json") as ping,
        ):
            for process in (find, ping):
                output, errors = process.communicate(timeout=PATIENCE_S)
                assert (process.returncode, error_code(output)) == (1, "no_answer")
                assert re.fullmatch(
                    r"kadisc: (no network: )?no answer from \S+ within 1\d s.*\n", errors
                )


def test_without_bootstrap_it_says_where_it_starts() -> None:
    done = kadisc("find", "random", "--bind", "127.0.0.1:0")
    assert done.stderr.startswith(
        "kadisc: no --bootstrap given: starting from Mainline's public routers, "
    )


def test_version_and_help() -> None:
    done = kadisc("--version")
    assert (done.returncode, done.stdout) == (0, f"kadisc {__version__}\n")
    for command in ([], ["run"], ["find"], ["ping"]):
        done = kadisc(*command, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert "examples:" in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 80
        assert "\x1b" not in done.stdout


def test_a_closed_reader_ends_a_command_quietly(nodes: list[dict[str, Any]]) -> None:
    process = subprocess.Popen(
        [*COMMAND, "find", "random", "--bootstrap", _first_endpoint(nodes)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), errors) == (0, "")


# --- output that cannot be written ----------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["sim", "list"], ["sim", "list", "--json"], ["--help"]])
def test_a_full_disk_behind_the_output_is_an_error_of_one_line(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_S,
            env=environment(),
            stdin=subprocess.DEVNULL,
        )
    assert done.returncode == 1
    assert done.stderr == "kadisc: the output cannot be written: no space left on device\n"


def test_a_full_disk_behind_the_log_does_not_end_a_node() -> None:
    arguments = [*COMMAND, "run", "--devnet", "2", "--no-dashboard", "--bind", "127.0.0.1:0"]
    with (
        Path("/dev/full").open("w") as full,
        subprocess.Popen(
            arguments,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            stdin=subprocess.DEVNULL,
        ) as process,
    ):
        assert process.stderr is not None
        assert process.stderr.readline() == (
            "kadisc: the log cannot be written, retrying: no space left on device\n"
        )
        process.terminate()
        assert (process.wait(PATIENCE_S), process.stderr.read()) == (0, "")


@pytest.mark.parametrize("as_json", [True, False])
def test_the_number_of_lost_lines_is_logged_when_writing_works_again(
    as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, room = RunLog(Log("json" if as_json else "text", say)), tmp_path / "log"
    with Path("/dev/full").open("w") as output, redirect_stdout(output), room.open("w") as file:
        log.stopped(None)
        log.stopped(None)
        os.dup2(file.fileno(), output.fileno())
        log.stopped(None)
        log.stopped(None)
    lines = room.read_text().splitlines()
    assert len(lines) == 3
    assert (
        '"level": "warning", "event": "lines_lost", ' in lines[0]
        and lines[0].endswith('"lines": 2}')
        if as_json
        else lines[0].endswith("2 lines before this could not be written")
    )
    assert capsys.readouterr().err.count("cannot be written") == 1


def test_closed_streams_cause_no_error() -> None:
    words = " ".join(map(shlex.quote, [*COMMAND, "sim", "list"]))
    done = subprocess.run(
        ["sh", "-c", f"{words} <&- >&-"],
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_S,
        env=environment(),
    )
    assert (done.returncode, done.stderr) == (0, "")
