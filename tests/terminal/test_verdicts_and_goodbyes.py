"""What the application said of a peer counts in every command, also after a restart; and a node
that is stopped is returned by no other.
"""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .commands import kadisc, next_event, running

pytestmark = pytest.mark.real
WITHIN_S = 40.0
ONE, TWO, THREE = "127.91.1.1", "127.92.1.1", "127.93.1.1"


def free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return {host: free_port(host) for host in (ONE, TWO, THREE)}


def options(host: str, ports: dict[str, int], folder: Path) -> list[str]:
    seeds = [("--bootstrap", f"{each}:{port}") for each, port in ports.items() if each != host]
    return [
        *("--bind", f"{host}:{ports[host]}", "--network", "truth", "--service", "p2p=9333"),
        *(text for pair in seeds for text in pair),
        *("--allow-private", "--state-dir", str(folder / host)),
    ]


def found(folder: Path, *arguments: str) -> set[str]:
    done = kadisc("peers", "truth", "--state-dir", str(folder / ONE), "--json", *arguments)
    return {peer["host"] for peer in json.loads(done.stdout).get("peers", ())}


def until_found(folder: Path, hosts: set[str]) -> None:
    started = time.monotonic()
    while found(folder, "--count", str(len(hosts))) != hosts:
        assert time.monotonic() - started < WITHIN_S


@contextmanager
def node(host: str, ports: dict[str, int], folder: Path) -> Iterator[None]:
    with running("run", *options(host, ports, folder), "--no-dashboard", "--json") as process:
        next_event(process, "listening")
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_verdict_counts_everywhere_and_a_stopped_node_is_gone(
    ports: dict[str, int], tmp_path: Path
) -> None:
    with node(THREE, ports, tmp_path), node(TWO, ports, tmp_path):
        with node(ONE, ports, tmp_path):
            until_found(tmp_path, {TWO, THREE})
            judged = kadisc(
                *("feedback", f"{TWO}:9333", "wrong-network"),
                *("--state-dir", str(tmp_path / ONE), "--json"),
            )
            document = json.loads(judged.stdout)
            assert (document["matched_by"], len(document["peers"])) == ("service", 1)
            assert found(tmp_path) == {THREE}
        # A temporary node, as the first one is stopped.
        seed = f"{THREE}:{ports[THREE]}"
        assert found(tmp_path, "--allow-private", "--bootstrap", seed) == {THREE}
        with node(ONE, ports, tmp_path):
            until_found(tmp_path, {THREE})
            done = kadisc("why", f"{TWO}:9333", "--state-dir", str(tmp_path / ONE), "--json")
            why = json.loads(done.stdout)
            assert (why["verdict"], why["suppressed_s"] > 80_000) == ("wrong-network", True)
            kadisc("feedback", f"{TWO}:9333", "good", "--state-dir", str(tmp_path / ONE))
            until_found(tmp_path, {TWO, THREE})


def test_a_stopped_node_is_returned_no_more(ports: dict[str, int], tmp_path: Path) -> None:
    with node(ONE, ports, tmp_path), node(THREE, ports, tmp_path):
        with node(TWO, ports, tmp_path):
            until_found(tmp_path, {TWO, THREE})
        assert found(tmp_path, "--count", "2") == {THREE}
        status = kadisc("status", "--state-dir", str(tmp_path / ONE), "--json")
        assert json.loads(status.stdout)["counters"]["goodbyes.heeded"] == 1
