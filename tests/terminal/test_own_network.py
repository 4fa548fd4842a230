"""Peers of a network as a user finds them: real programs on loopback that know only a libtorrent
node, which has no notion of networks.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .commands import environment, kadisc, next_event, running

LIBTORRENT = [sys.executable, "-W", "error", "-m", "tests.interop.libtorrent_node"]
FOUND_WITHIN_S = 30.0


@dataclass
class Member:
    endpoint: str
    folder: str

    def run(self, *arguments: str) -> tuple[int, Any]:
        """The exit code and the document of a command that uses this node."""
        done = kadisc(*arguments, "--json", "--state-dir", self.folder)
        return done.returncode, json.loads(done.stdout)

    def peers(self, network: str, *arguments: str) -> dict[str, dict[str, Any]]:
        """The peers of ``kadisc peers``, by endpoint."""
        code, document = self.run("peers", network, *arguments)
        assert (code == 0) == bool(document["peers"])
        assert document["network"] == network
        assert (document["first_peer_s"] is None) == (not document["peers"])
        return {f"{peer['host']}:{peer['port']}": peer for peer in document["peers"]}


def free_port(host: str) -> int:
    """A port that was free for both protocols a moment ago; no other test uses this address."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@contextmanager
def libtorrent_router() -> Iterator[str]:
    endpoint = f"127.77.1.1:{free_port('127.77.1.1')}"
    process = subprocess.Popen(
        [*LIBTORRENT, "--listen", endpoint, "--settled"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        next_event(process, "listening")
        yield endpoint
    finally:
        process.kill()
        process.communicate()


@dataclass
class Scene:
    router: str
    one: Member
    two: Member
    other: Member
    tcp: socket.socket
    started: float


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Two nodes of ``testnet`` and one of ``othernet``, which know only a libtorrent node. The TCP
    port of the service of ``one`` accepts connections.
    """
    pytest.importorskip("libtorrent")
    with ExitStack() as stack:
        router = stack.enter_context(libtorrent_router())
        tcp = stack.enter_context(socket.create_server(("127.78.2.1", 0)))
        nodes = [
            ("127.78.2.1", "testnet", tcp.getsockname()[1]),
            ("127.79.3.1", "testnet", 30302),
            ("127.80.4.1", "othernet", 30303),
        ]
        started, members = time.monotonic(), []
        for host, network, port in nodes:
            folder = str(tmp_path_factory.mktemp(network))
            place = [
                "--bind",
                f"{host}:0",
                "--bootstrap",
                router,
                "--allow-private",
                "--state-dir",
                folder,
            ]
            offer = ["--network", network, "--service", f"eth={port}", "--service", "fork=0xabcd"]
            process = stack.enter_context(running("run", *place, *offer, "--json"))
            [node] = next_event(process, "listening")["nodes"]
            members.append(Member(node["endpoints"][0], folder))
        yield Scene(router, *members, tcp, started)


def test_nodes_of_a_network_find_each_other_through_a_libtorrent_and_no_other(scene: Scene) -> None:
    one, two, other = scene.one, scene.two, scene.other
    found: dict[str, Any] = {}
    while set(found) < {one.endpoint, two.endpoint}:
        assert time.monotonic() - scene.started < FOUND_WITHIN_S, f"found so far: {found}"
        found = one.peers("testnet", "--count", "1") | two.peers("testnet", "--count", "1")
    assert found[one.endpoint]["services"] == {"eth": scene.tcp.getsockname()[1], "fork": "0xabcd"}
    assert found[two.endpoint]["services"] == {"eth": 30302, "fork": "0xabcd"}
    # Without --count the search asks the whole DHT: the third node announces itself there, but is
    # not a peer of this network.
    assert set(one.peers("testnet")) == {two.endpoint}
    assert set(two.peers("testnet")) == {one.endpoint}
    assert other.peers("othernet") == {}


def test_a_temporary_node_finds_both(scene: Scene) -> None:
    done = kadisc(
        "peers",
        "testnet",
        "--bootstrap",
        scene.router,
        "--bind",
        "127.81.5.1:0",
        "--allow-private",
        "--json",
        "--service",
        "eth",
    )
    assert {f"{peer['host']}:{peer['port']}" for peer in json.loads(done.stdout)["peers"]} == {
        scene.one.endpoint,
        scene.two.endpoint,
    }


def test_service_and_check_select_peers(scene: Scene) -> None:
    assert set(scene.two.peers("testnet", "--service", "eth", "--check")) == {scene.one.endpoint}
    code, document = scene.one.run("peers", "testnet", "--check")
    assert (code, document["peers"], document["unreachable"]) == (1, [], 1)
    assert scene.one.peers("testnet", "--service", "les") == {}


def test_record_and_why(scene: Scene) -> None:
    code, record = scene.two.run("record")
    assert (code, record["network"], record["endpoints"], record["services"]["eth"]) == (
        0,
        "testnet",
        [scene.two.endpoint],
        30302,
    )
    for name in (scene.two.endpoint, record["key"]):
        code, why = scene.one.run("why", name)
        assert (code, why["peer"], why["key"], why["sequence"]) == (
            0,
            scene.two.endpoint,
            record["key"],
            record["sequence"],
        )
        assert (why["table"], why["verified_in_this_run"], why["failures"]) == ("tried", True, 0)
    code, why = scene.one.run("why", scene.other.endpoint)
    assert code == 1 or (why["table"], why["verified_s_ago"]) == ("new", None)
    assert scene.one.run("why", "192.0.2.1:1")[0] == 1
    assert scene.one.run("why", "nonsense")[0] == 2


def test_the_book_is_exported_and_imported_as_lines(scene: Scene, tmp_path: Path) -> None:
    exported = kadisc("book", "export", "--state-dir", scene.one.folder)
    head, *lines = [json.loads(line) for line in exported.stdout.splitlines()]
    assert (exported.returncode, head) == (0, {"kadisc-book": 1, "network": "testnet"})
    assert scene.two.endpoint in [line["endpoint"] for line in lines if line["table"] == "tried"]
    new_peers = [
        {**lines[0], "endpoint": f"20.{number}.1.1:6881", "key": f"{number:064x}"}
        for number in range(150)
    ]
    book = tmp_path / "book.jsonl"
    book.write_text("\n".join(json.dumps(line) for line in [head, *lines, *new_peers]))
    code, document = scene.two.run("book", "import", str(book))
    assert (code, document["added"] + document["skipped"]) == (0, len(lines) + 150)
    assert document["added"] > 100
    code, why = scene.two.run("why", "20.77.1.1:6881")
    assert code == 1 or not why["verified_in_this_run"]
    assert set(scene.two.peers("testnet", "--count", "1")) == {scene.one.endpoint}
    code, failed = scene.other.run("book", "import", str(book))
    assert (code, failed["error"]["code"]) == (2, "wrong_usage")
    assert "of the network 'testnet', not of 'othernet'" in failed["error"]["message"]
    book.write_text("nonsense")
    code, failed = scene.two.run("book", "import", str(book))
    assert (code, failed["error"]["code"]) == (2, "wrong_usage")
    assert "line 1: not JSON" in failed["error"]["message"]
