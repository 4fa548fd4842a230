"""Commands while a node runs: which node they use, that the documents are the same, and that each
handles the end of the other.
"""

from __future__ import annotations

import json
import signal
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .commands import PATIENCE_S, error_code, kadisc, next_event, running

ID = "0123456789abcdef0123456789abcdef01234567"
SOON_S = 5.0
"""Half of the time-out of a ping: an earlier end is due to the cancellation."""


@contextmanager
def node_with(folder: Path, *arguments: str) -> Iterator[Any]:
    """A running node, the first of a small devnet, with its state in ``folder``. Yields its process
    and the nodes of the devnet.
    """
    with running(
        "run",
        "--devnet",
        "10",
        "--state-dir",
        str(folder),
        "--bind",
        "127.0.0.1:0",
        "--json",
        *arguments,
    ) as process:
        nodes = next_event(process, "listening")["nodes"]
        next_event(process, "joined")
        yield process, nodes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("node")


@pytest.fixture(scope="module")
def node(folder: Path) -> Iterator[Any]:
    with node_with(folder) as started:
        yield started


def _shape(document: object) -> object:
    """The names and types, in order."""
    if isinstance(document, dict):
        return [(name, _shape(value)) for name, value in document.items()]
    if isinstance(document, list):
        return [_shape(each) for each in document[:1]]
    return type(document).__name__


@pytest.mark.parametrize(
    "command",
    [["announce", ID, "--port", "4444"], ["peers", ID], ["find", ID], ["ping", "{other}"]],
    ids=lambda command: str(command[0]),
)
def test_the_running_node_and_a_temporary_one_give_the_same_documents(
    node: Any, folder: Path, command: list[str]
) -> None:
    process, nodes = node
    command = [word.format(other=nodes[3]["endpoints"][0]) for word in command]
    quiet = kadisc(*command, "--json", "--state-dir", str(folder))
    assert (quiet.returncode, quiet.stderr) == (0, "")
    asked = kadisc(*command, "--json", "-v", "--state-dir", str(folder))
    assert (asked.returncode, asked.stderr) == (
        0,
        f"kadisc: asking the running node (process {process.pid}, network mainline, 9 contacts)\n",
    )
    start = [] if command[0] == "ping" else ["--bootstrap", nodes[0]["endpoints"][0]]
    own = kadisc(*command, "--json", "--state-dir", str(folder), "--bind", "127.0.0.1:0", *start)
    assert (own.returncode, own.stderr) == (0, "")
    assert _shape(json.loads(asked.stdout)) == _shape(json.loads(own.stdout))


def test_peers_are_printed_line_by_line(node: Any, folder: Path) -> None:
    info_hash = "1" * 40
    for port in ("5001", "5002"):
        assert kadisc(
            "announce", info_hash, "--port", port, "--state-dir", str(folder)
        ).stdout.startswith("stored at 8 nodes in ")
    done = kadisc("peers", info_hash, "--state-dir", str(folder))
    assert (done.returncode, sorted(done.stdout.splitlines())) == (
        0,
        ["127.0.0.1:5001", "127.0.0.1:5002"],
    )
    assert done.stderr.startswith("kadisc: 2 peers in ")
    done = kadisc("peers", "2" * 40, "--state-dir", str(folder))
    assert (done.returncode, done.stdout) == (1, "")
    done = kadisc("find", "random", "--state-dir", str(folder))
    assert done.stdout.splitlines()[-1].startswith("8 nodes in ")


def test_status(node: Any, folder: Path) -> None:
    process, nodes = node
    done = kadisc("status", "--state-dir", str(folder), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    status = json.loads(done.stdout)
    assert (status["pid"], status["families"][0]["id"], status["families"][0]["contacts"]) == (
        process.pid,
        nodes[0]["id"],
        9,
    )
    done = kadisc("status", "--state-dir", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert nodes[0]["endpoints"][0] in done.stdout
    assert "joined, 9 contacts" in done.stdout


def test_wrong_usage_has_the_same_message_with_either_node(node: Any, folder: Path) -> None:
    for arguments in (["--state-dir", str(folder)], ["--bind", "127.0.0.1:0"]):
        done = kadisc("ping", "nonsense", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.splitlines()[-1].startswith("kadisc: expected HOST:PORT")


def test_an_interrupted_command_ends_with_130_and_its_query_ends_in_the_node(
    node: Any, folder: Path
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.settimeout(PATIENCE_S)
        silent.bind(("127.0.0.1", 0))
        with running(
            "ping", f"127.0.0.1:{silent.getsockname()[1]}", "--json", "--state-dir", str(folder)
        ) as process:
            silent.recv(2048)
            asked = time.monotonic()
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=PATIENCE_S)
            assert (process.returncode, error_code(output)) == (130, "interrupted")
            assert errors == ""
        while _status(folder)["operations"]:
            assert time.monotonic() - asked < SOON_S


def _status(folder: Path) -> Any:
    return json.loads(kadisc("status", "--state-dir", str(folder), "--json").stdout)


def test_a_program_needs_no_library(node: Any, folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(folder / "control.sock"))
        client.sendall(
            b'{"jsonrpc": "2.0", "id": 7, "method": "find", "params": {"target": "%b", "k": 2}}\n'
            % ID.encode()
        )
        client.shutdown(socket.SHUT_WR)
        [line] = client.makefile().readlines()
    response = json.loads(line)
    assert (response["id"], len(response["result"]["nodes"])) == (7, 2)


def test_status_without_a_running_node(tmp_path: Path) -> None:
    done = kadisc("status", "--state-dir", str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == f"kadisc: no node runs with the state folder {tmp_path}; see kadisc run --help\n"
    )


def test_killed_stopped_and_frozen_nodes(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    # A temporary node gets no answers here; a short time-out saves time.
    fast_retry = tmp_path / "fast_retry.toml"
    fast_retry.write_text("routers = []\n[core.query]\ntimeout_s = 0.5\n")
    with node_with(tmp_path) as (process, nodes):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        others = nodes[1]["endpoints"][0]
        # The stopped process accepts connections, but does not answer.
        process.send_signal(signal.SIGSTOP)
        done = kadisc(
            "find", ID, "--json", "--state-dir", str(tmp_path), "--config", str(fast_retry)
        )
        words = f"the node at {path} has not answered for 3 s; using a temporary node"
        assert words in done.stderr
        process.send_signal(signal.SIGCONT)
        assert _status(tmp_path)["pid"] == process.pid
        process.kill()
        process.wait()
    assert path.exists()
    # The whole devnet is dead.
    done = kadisc("ping", others, "--state-dir", str(tmp_path), "--config", str(fast_retry))
    assert "; using a temporary node" in done.stderr
    with node_with(tmp_path) as (process, _):
        assert _status(tmp_path)["pid"] == process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    assert not path.exists()


def test_a_stopping_node_answers_waiting_commands_with_an_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.settimeout(PATIENCE_S)
        silent.bind(("127.0.0.1", 0))
        with (
            node_with(tmp_path) as (node, _),
            running(
                "ping", f"127.0.0.1:{silent.getsockname()[1]}", "--state-dir", str(tmp_path)
            ) as waiting,
        ):
            silent.recv(2048)
            node.send_signal(signal.SIGTERM)
            assert node.wait(PATIENCE_S) == 0
            output, errors = waiting.communicate(timeout=PATIENCE_S)
            assert (waiting.returncode, output) == (1, "")
            assert errors.splitlines()[-1] == "kadisc: the node is closing"


def test_a_node_with_too_long_a_socket_path_runs_without_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    with node_with(deep) as (process, _):
        done = kadisc("status", "--state-dir", str(deep))
        assert done.returncode == 1
        assert "the path of a Unix socket at most" in done.stderr
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        [line] = errors.splitlines()
        assert line.startswith(f"kadisc: warning: no control socket: {deep}/control.sock has ")
