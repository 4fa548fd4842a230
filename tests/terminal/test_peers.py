"""``kadisc announce`` and ``kadisc peers``."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from kadisc.cli.stored import show_nodes
from kadisc.control.methods.announce import AnnounceDocument, RefusingNode, StoringNode

from .commands import PATIENCE_S, devnet, error_code, kadisc, next_event, running


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[dict[str, Any]]]:
    with devnet(20) as nodes:
        yield nodes


@pytest.fixture
def start(nodes: list[dict[str, Any]]) -> list[str]:
    return ["--bootstrap", nodes[0]["endpoints"][0], "--bind", "127.0.0.1:0"]


def closest(nodes: list[dict[str, Any]], info_hash: str) -> list[str]:
    return sorted(
        (node["id"] for node in nodes), key=lambda node_id: int(node_id, 16) ^ int(info_hash, 16)
    )[:8]


def test_an_announced_peer_is_found(nodes: list[dict[str, Any]], start: list[str]) -> None:
    info_hash = "0123456789abcdef0123456789abcdef01234567"
    done = kadisc("announce", info_hash, "--port", "4444", *start, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert list(document) == [
        "infohash",
        "port",
        "stored",
        "elapsed_s",
        "queries",
        "refused",
        "unanswered",
    ]
    assert (document["infohash"], document["port"]) == (info_hash, 4444)
    where = {node["id"]: node["endpoints"] for node in nodes}
    stored = [node["id"] for node in document["stored"]]
    assert stored == sorted(stored, key=lambda node_id: int(node_id, 16) ^ int(info_hash, 16))
    assert len(stored) == 8
    # In a new network not every node knows all others.
    assert len(set(stored) & set(closest(nodes, info_hash))) >= 6
    assert all(
        [f"{node['host']}:{node['port']}"] == where[node["id"]] for node in document["stored"]
    )
    assert document["queries"] >= 16
    assert 0 < document["elapsed_s"] < 30

    done = kadisc("peers", info_hash, *start, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert list(document) == ["infohash", "peers", "first_peer_s", "elapsed_s", "queries"]
    assert document["infohash"] == info_hash
    assert document["peers"] == [{"endpoint": "127.0.0.1:4444", "host": "127.0.0.1", "port": 4444}]
    assert 0 < document["first_peer_s"] <= document["elapsed_s"] < 30
    assert document["queries"] >= 1


def test_text_output(start: list[str]) -> None:
    info_hash = "1" * 40
    done = kadisc("announce", info_hash, "--port", "5555", *start)
    assert (done.returncode, done.stderr) == (0, "")
    first, *rows = done.stdout.splitlines()
    assert re.fullmatch(r"stored at 8 nodes in \d+\.\d\d s, \d+ datagrams sent", first)
    assert all(re.fullmatch(r"  [0-9a-f]{40}  127\.\d+\.\d+\.\d+:\d+", row) for row in rows)
    done = kadisc("peers", info_hash, *start)
    assert (done.returncode, done.stdout) == (0, "127.0.0.1:5555\n")
    assert re.fullmatch(r"kadisc: 1 peer in \d+\.\d\d s, \d+ datagrams sent\n", done.stderr)


def test_the_search_ends_at_the_count(start: list[str]) -> None:
    info_hash = "2" * 40
    for port in range(7000, 7006):
        assert kadisc("announce", info_hash, "--port", str(port), *start).returncode == 0
    done = kadisc("peers", info_hash, "--count", "4", *start, "--json")
    assert done.returncode == 0
    assert len(json.loads(done.stdout)["peers"]) == 4
    done = kadisc("peers", info_hash, *start, "--json")
    assert sorted(peer["port"] for peer in json.loads(done.stdout)["peers"]) == list(
        range(7000, 7006)
    )


def test_implied_port_announces_the_port_of_the_socket(start: list[str]) -> None:
    info_hash = "3" * 40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bind = ["--bootstrap", start[1], "--bind", f"127.0.0.1:{port}"]
    assert kadisc("announce", info_hash, "--port", "1", "--implied-port", *bind).returncode == 0
    done = kadisc("peers", info_hash, *start, "--json")
    assert json.loads(done.stdout)["peers"] == [
        {"endpoint": f"127.0.0.1:{port}", "host": "127.0.0.1", "port": port}
    ]


def test_no_peer_found(start: list[str]) -> None:
    done = kadisc("peers", "4" * 40, *start, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    document = json.loads(done.stdout)
    assert (document["peers"], document["first_peer_s"]) == ([], None)
    assert document["queries"] >= 8
    done = kadisc("peers", "4" * 40, *start)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("kadisc: 0 peers in ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["peers", "ethereum", "--network", "testnet"],
            "two networks are named: ethereum and --network testnet",
        ),
        (["peers", "4" * 39], "an info-hash has 40 hex digits, not 39"),
        (["peers", "n" * 65], "64 printable characters"),
        (["peers", "4" * 40, "--check"], "--check and --wait are for peers of a network"),
        (
            ["run", "--service", "eth"],
            "--service: expected NAME=PORT, NAME=HOST:PORT or NAME=",
        ),
        (
            ["run", "--service", "eth=65536"],
            "--service: eth: expected a port from 1 to 65535, HOST:PORT or 0xHEX, not '65536'",
        ),
        (
            ["run", "--service", "fork=0xabc"],
            "--service: fork: expected whole bytes in hex after 0x, not '0xabc'",
        ),
        (["run", "--service", "eth=1", "--service", "eth=2"], "the service eth is given twice"),
        (
            ["why", "nonsense"],
            "expected a key of 64 hex digits or a numeric HOST:PORT, not 'nonsense'",
        ),
        (["book", "import"], "book import needs a file"),
        (["book", "import", "/nonexistent"], "/nonexistent cannot be read"),
        (["peers", "4" * 40, "--count", "0"], "--count"),
        (["announce", "4" * 40], "--port"),
        (["announce", "4" * 40, "--port", "0"], "a port is 1 to 65535"),
        (["announce", "4" * 40, "--port", "65536"], "a port is 1 to 65535"),
        (["announce", "x", "--port", "1"], "40 hex digits"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    done = kadisc(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert words in line


def test_without_answers_the_error_is_one_line() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        arguments = [["peers", "5" * 40], ["announce", "5" * 40, "--port", "1"]]
        with (
            running(*arguments[0], "--bootstrap", where, "--json") as peers,
            running(*arguments[1], "--bootstrap", where, "--json") as announce,
        ):
            for process in (peers, announce):
                output, errors = process.communicate(timeout=PATIENCE_S)
                assert (process.returncode, error_code(output)) == (1, "no_answer")
                assert re.fullmatch(
                    r"kadisc: no network: no answer from \S+ within 1\d s.*\n", errors
                )


def test_an_interrupted_command_ends_with_130() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.settimeout(PATIENCE_S)
        silent.bind(("127.0.0.1", 0))
        with running(
            "peers", "5" * 40, "--bootstrap", f"127.0.0.1:{silent.getsockname()[1]}", "--json"
        ) as process:
            silent.recv(2048)
            process.send_signal(2)
            output, errors = process.communicate(timeout=PATIENCE_S)
            assert (process.returncode, error_code(output), errors) == (130, "interrupted", "")


def test_a_running_node_as_a_static_peer(
    nodes: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`--peer` alone is enough to join, also with a name."""
    config = tmp_path_factory.mktemp("config") / "config.toml"
    config.write_text("routers = []\n")
    port = nodes[0]["endpoints"][0].rpartition(":")[2]
    folder = tmp_path_factory.mktemp("state")
    with running(
        "run",
        "--peer",
        f"localhost:{port}",
        "--config",
        str(config),
        "--bind",
        "127.0.0.1:0",
        "--json",
        "--state-dir",
        str(folder),
    ) as process:
        assert next_event(process, "joined")["contacts"] >= 1


def test_nodes_that_refused_or_did_not_answer_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    where = ("45.1.2.3:4", "45.1.2.3", 4)
    document = AnnounceDocument(
        "1" * 40,
        7,
        [StoringNode("a" * 40, *where)],
        0.1,
        9,
        [RefusingNode("b" * 40, *where, 203, "token is wrong or too old")],
        [StoringNode("c" * 40, *where)],
    )
    show_nodes(document)
    assert capsys.readouterr().out.splitlines() == [
        f"  {'a' * 40}  45.1.2.3:4",
        f"  {'b' * 40}  45.1.2.3:4  refused: error 203, token is wrong or too old",
        f"  {'c' * 40}  45.1.2.3:4  did not answer",
    ]
