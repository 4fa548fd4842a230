"""Which node a command asks, and which network it means, while a node of a private DHT runs."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .commands import COMMAND, PATIENCE_S, environment, next_event, running

ID = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class PrivateDht:
    """A devnet whose first node is of the network alpha, and one node of the network beta."""

    process: subprocess.Popen[str]
    folder: str
    beta: str
    """The endpoint of the node of beta."""

    def run(self, *arguments: str) -> tuple[int, Any, str]:
        """The exit code, the document and the messages of a command beside the devnet."""
        done = subprocess.run(
            [*COMMAND, *arguments, "--json"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env=environment(KADISC_STATE_DIR=self.folder),
            stdin=subprocess.DEVNULL,
        )
        return done.returncode, json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def dht(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateDht]:
    folder = tmp_path_factory.mktemp("beta")
    with running(
        *("run", "--devnet", "8", "--network", "alpha", "--bind", "127.0.0.1:0", "--json")
    ) as process:
        first = next_event(process, "listening")["nodes"][0]["endpoints"][0]
        where = next_event(process, "control_socket")["state_dir"]
        next_event(process, "joined")
        with running(
            *("run", "--bind", "127.60.0.1:0", "--allow-private", "--network", "beta"),
            *("--service", "p2p=9333", "--service", "fork=0xabcd"),
            *("--bootstrap", first, "--state-dir", str(folder), "--json"),
        ) as member:
            beta = next_event(member, "listening")["nodes"][0]["endpoints"][0]
            next_event(member, "joined")
            yield PrivateDht(process, where, beta)


def test_peers_of_another_network_are_found_from_the_contacts_of_the_running_node(
    dht: PrivateDht,
) -> None:
    # It announces itself a moment after it has joined.
    code, document, messages = dht.run("peers", "beta", "--count", "1", "--wait", "30")
    assert (code, document["network"], messages) == (0, "beta", "")
    [peer] = document["peers"]
    assert peer["endpoint"] == dht.beta
    assert peer["addresses"] == {"p2p": "127.60.0.1:9333"}
    assert peer["services"] == {"fork": "0xabcd", "p2p": 9333}


def test_without_a_name_the_network_of_the_running_node_is_meant(dht: PrivateDht) -> None:
    code, document, messages = dht.run("peers", "--count", "1")
    assert (code, document["network"], messages) == (0, "alpha", "")
    code, document, _ = dht.run("resolve", "00" * 32)
    assert (code, document["network"], document["error"]["code"]) == (1, "alpha", "not_found")


def test_a_name_does_not_lead_away_from_the_dht_of_the_running_node(dht: PrivateDht) -> None:
    for command in (["ping", dht.beta], ["find", ID], ["resolve", "00" * 32], ["get", ID]):
        _, _, messages = dht.run(*command, "--network", "gamma", "-v")
        assert messages.startswith(
            f"kadisc: asking the running node (process {dht.process.pid}, network alpha, "
        )
        assert "temporary" not in messages


def test_peers_for_a_script(dht: PrivateDht) -> None:
    form = (
        "--service",
        "p2p",
        "--wait",
        "30",
        "--count",
        "1",
        "--format",
        "addnode={address}\t{fork}",
    )
    done = subprocess.run(
        [*COMMAND, "peers", "beta", "--where", "fork=0xabcd", *form],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(KADISC_STATE_DIR=dht.folder),
    )
    assert (done.returncode, done.stdout) == (0, "addnode=127.60.0.1:9333\t0xabcd\n")
    began = time.monotonic()
    code, document, _ = dht.run("peers", "beta", "--where", "fork=0x1234", "--wait", "2")
    assert (code, document["peers"], document["error"]["code"]) == (1, [], "not_found")
    assert time.monotonic() - began >= 2
    code, document, _ = dht.run("peers", "--count", "9", "--wait", "0.5")
    assert (code, document["error"]["code"]) == (1, "too_few_peers")
    assert 0 < len(document["peers"]) < 9


def test_feedback_by_endpoint_and_by_key(dht: PrivateDht) -> None:
    _, document, _ = dht.run("peers", "--count", "2")
    judged, other = document["peers"]
    code, noted, _ = dht.run("feedback", judged["endpoint"], "wrong-network")
    assert (code, noted["verdict"], noted["matched_by"]) == (0, "wrong-network", "endpoint")
    assert [peer["key"] for peer in noted["peers"]] == [judged["key"]]
    code, noted, _ = dht.run("feedback", other["key"], "good")
    assert (code, noted["matched_by"], noted["peers"][0]["endpoint"]) == (
        0,
        "key",
        other["endpoint"],
    )
    _, why, _ = dht.run("why", judged["key"])
    assert (why["verdict"], why["suppressed_s"] > 80_000) == ("wrong-network", True)
    _, document, _ = dht.run("peers")
    keys = [peer["key"] for peer in document["peers"]]
    assert other["key"] in keys
    assert judged["key"] not in keys
    code, document, _ = dht.run("feedback", "192.0.2.1:1", "bad")
    assert (code, document["error"]["code"]) == (1, "not_found")


def test_the_folder_of_a_devnet_is_printed_and_removed_at_the_end() -> None:
    with running(*("run", "--devnet", "2", "--no-dashboard", "--bind", "127.0.0.1:0")) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "--state-dir" in line)
        folder = Path(line.split()[-1])
        assert line.split()[-4:-1] == ["kadisc", "status", "--state-dir"]
        assert (folder / "control.sock").is_socket()
        assert folder.stat().st_mode & 0o777 == 0o700
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        assert not folder.exists()


def test_an_option_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('state_dir = "from-file"\n')
    for variables, options, folder in (
        ({}, (), "from-file"),
        ({"KADISC_STATE_DIR": ""}, (), "from-file"),
        ({"KADISC_STATE_DIR": "from-variable"}, (), "from-variable"),
        ({"KADISC_STATE_DIR": "from-variable"}, ("--state-dir", "from-option"), "from-option"),
    ):
        done = subprocess.run(
            [*COMMAND, "status", "--config", str(config), *options],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env=environment(**variables),
            cwd=tmp_path,
        )
        assert (done.returncode, done.stderr) == (
            1,
            f"kadisc: no node runs with the state folder {folder}; see kadisc run --help\n",
        )


def test_with_wait_a_command_waits_for_the_node_of_a_folder_that_is_named(
    dht: PrivateDht, tmp_path: Path
) -> None:
    """As in a script that starts the node in the line before."""
    folder = str(tmp_path / "late")
    with running("peers", "--state-dir", folder, "--wait", "60", "--json") as asking:
        time.sleep(1)
        with running(
            *("run", "--bind", "127.61.0.1:0", "--allow-private", "--network", "beta"),
            *("--bootstrap", dht.beta, "--state-dir", folder, "--json"),
        ):
            output, errors = asking.communicate(timeout=PATIENCE_S)
    assert (asking.returncode, errors) == (0, "")
    [peer] = json.loads(output)["peers"]
    assert peer["endpoint"] == dht.beta
