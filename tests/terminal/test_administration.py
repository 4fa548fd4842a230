"""An operator changes a running node: by kadisc peer, kadisc reload, SIGHUP and kadisc stop."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kadisc.cli.main import main

from .commands import COMMAND, PATIENCE_S, environment, next_event, running

PEER = "127.0.0.1:9"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the commands that run in this process."""
    for kind in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    return tmp_path


class Node:
    """A running node with a configuration file, and commands that mean it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.state, self.config = folder / "node", folder / "a.toml"
        self._capsys = capsys
        self.config.write_text('log.level = "info"\n')
        self.options = ["--config", str(self.config), "--state-dir", str(self.state)]

    def started(self) -> Any:
        own = ["--bind", "127.0.0.1:0", "--allow-private", "--no-routers", "--no-map", "--no-lan"]
        return running("run", *self.options, *own, "--service", "p2p=5", "--json")

    def ask(self, *words: str) -> tuple[int, str, str]:
        """The exit code, and what the command prints."""
        code = main([*words, "--state-dir", str(self.state)])
        told = self._capsys.readouterr()
        return code, told.out, told.err

    def told(self, *words: str) -> Any:
        code, output, _ = self.ask(*words, "--json")
        assert code == 0, output
        return json.loads(output)


@pytest.fixture
def node(home: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Node]:
    yield Node(home, capsys)


def test_bans_and_peers_by_command_last_and_stop_waits_for_the_end(node: Node) -> None:
    with node.started() as process:
        next_event(process, "listening")
        code, words, _ = node.ask("peer", "ban", "198.51.100.9/24", "--for", "2h")
        assert code == 0
        assert words.startswith("198.51.100.0/24 is banned until 2")
        assert words.endswith("; nothing known was dropped\n")
        assert node.told("peer", "add", PEER) == {"peer": PEER, "unsaved": None}
        assert node.ask("peer", "ban", "::/0")[0] == 2
        assert node.ask("peer", "unban", "192.0.2.0/24")[0] == 1
        assert next_event(process, "administered")["action"] == "ban"
        code, words, _ = node.ask("stop")
        assert (code, words) == (0, f"process {process.pid} has stopped\n")
        assert process.wait(PATIENCE_S) == 0
        code, _, errors = node.ask("stop")
        assert code == 1
        assert errors.startswith(f"kadisc: no node runs with the state folder {node.state}")
    with node.started() as process:
        next_event(process, "listening")
        listed = node.told("peer", "list")
        assert [(each["network"], each["origin"]) for each in listed["bans"]] == [
            ("198.51.100.0/24", "command")
        ]
        assert [(each["peer"], each["origin"]) for each in listed["peers"]] == [(PEER, "command")]
        assert node.ask("peer", "unban", "198.51.100.0/24")[1] == (
            "198.51.100.0/24 is banned no longer\n"
        )
        assert node.ask("peer", "remove", PEER)[0] == 0
        assert node.ask("peer", "list")[1] == "no static peers, and no bans\n"


def test_the_configuration_is_read_again_by_command_and_at_sighup(node: Node) -> None:
    with node.started() as process:
        next_event(process, "listening")
        node.config.write_text(
            f'peer = ["{PEER}"]\nban = ["192.0.2.0/24"]\nservice = ["p2p=6"]\n'
            'save_interval_s = 5.0\n[log]\nlevel = "info"\n'
        )
        assert node.told("reload") == {
            "changed": ["peer", "ban"],
            "needs_restart": ["save_interval_s"],
        }
        assert next_event(process, "config_reloaded")["changed"] == ["peer", "ban"]
        [peer], [ban] = (node.told("peer", "list")[each] for each in ("peers", "bans"))
        assert (peer["origin"], ban["origin"]) == ("file", "file")
        node.config.write_text("bann = []\n")
        code, _, errors = node.ask("reload")
        assert code == 2
        assert "there is no key bann; did you mean ban?" in errors and str(node.config) in errors
        assert "bann" in next_event(process, "reload_refused")["reason"]
        assert node.told("peer", "list")["bans"] == [ban]
        process.send_signal(signal.SIGHUP)
        assert "bann" in next_event(process, "reload_refused")["reason"]
        node.config.write_text('[log]\nlevel = "warning"\n')
        for _ in range(50):
            process.send_signal(signal.SIGHUP)
        # The level holds at once: that it was read again is an entry of the level info.
        while node.told("peer", "list")["bans"]:
            pass
        node.config.write_text("nonsense\n")
        process.send_signal(signal.SIGHUP)
        assert "TOML" in next_event(process, "reload_refused")["reason"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.real
def test_two_stops_at_once_both_see_the_end(node: Node) -> None:
    with node.started() as process:
        next_event(process, "listening")
        command = [*COMMAND, "stop", "--state-dir", str(node.state)]
        both = [
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment())
            for _ in range(2)
        ]
        for _ in range(20):
            process.send_signal(signal.SIGHUP)  # a reload while it stops hurts nothing
            if process.poll() is not None:
                break
        ended = [each.communicate(timeout=PATIENCE_S)[1] for each in both]
        assert process.wait(PATIENCE_S) == 0
        codes = sorted(each.returncode for each in both)
        assert codes in ([0, 0], [0, 1])  # the second may come when the socket is gone
        assert all("no node runs" in told for told in ended if told)


def test_the_socket_of_a_killed_node_is_no_running_node(node: Node) -> None:
    with node.started() as process:
        next_event(process, "listening")
        process.kill()
        process.wait(PATIENCE_S)
        assert (node.state / "control.sock").exists()
        for words in (["stop"], ["reload"], ["peer", "list"], ["metrics"]):
            code, _, errors = node.ask(*words)
            assert code == 1 and "no node runs" in errors


@pytest.mark.real
def test_a_devnet_has_nothing_to_reload_and_is_stopped(node: Node) -> None:
    arguments = ["--devnet", "2", "--bind", "127.0.0.1:0", "--json"]
    with running("run", *arguments, "--state-dir", str(node.state)) as process:
        next_event(process, "listening")
        code, _, errors = node.ask("reload")
        assert code == 2 and "it is a devnet" in errors
        assert node.told("stop")["pid"] == process.pid


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["peer"], "ACTION is missing"),
        (["peer", "ban"], "peer ban needs a NETWORK"),
        (["peer", "add"], "peer add needs a HOST:PORT"),
        (["peer", "list", "x"], "takes no argument"),
        (["peer", "add", PEER, "--for", "1h"], "--for belongs to peer ban"),
        (["peer", "ban", "192.0.2.1", "--for", "soon"], "a time such as 90s, 10m, 2h or 7d"),
        (["peer", "ban", "192.0.2.1", "--for", "0"], "a time such as"),
        (["peer", "forbid", "192.0.2.1"], "did you mean|there are add, remove"),
    ],
)
def test_what_is_mistyped_is_told_without_a_node(
    words: list[str], complaint: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    assert main(words) == 2
    assert re.search(complaint, capsys.readouterr().err)


CHANGING = ("kadisc_control_requests", "kadisc_state_saved_timestamp_seconds")
"""What can come between two questions."""


def test_metrics_are_printed_as_prometheus_reads_them(node: Node) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    with node.started() as process:
        next_event(process, "listening")
        code, text, _ = node.ask("metrics")
        assert code == 0
        read = {each.name: each for each in text_string_to_metric_families(text)}
        told = node.told("metrics")["families"]
        assert len(told) > 40
        for family in told:
            name = family["name"] + ("_info" if family["kind"] == "info" else "")
            assert read[name].documentation == family["help"]
            if family["kind"] != "histogram" and name not in CHANGING:
                assert len(read[name].samples) == len(family["samples"])
        clients = read["kadisc_control_clients"].samples
        assert [each.value for each in clients] == [1.0]
