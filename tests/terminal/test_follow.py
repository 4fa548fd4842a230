"""``kadisc peers --follow``: peers of the running node as they come and go."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

from .commands import kadisc, next_event, running

PLACE = ["--network", "mychain", "--allow-private", "--no-routers"]


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_finds_and_losses_are_printed_until_it_is_interrupted(tmp_path: Path) -> None:
    state = ["--state-dir", str(tmp_path)]
    with running("run", "--bind", "127.0.78.1:0", *PLACE, *state, "--json") as node:
        [here] = next_event(node, "listening")["nodes"][0]["endpoints"]
        follow = ("peers", "--follow", "--service", "p2p", *state)
        with (
            running(*follow) as told,
            running(*follow, "--json") as told_json,
            running(*follow, "--format", "addnode={address}") as formatted,
        ):
            guest = ["run", "--bind", "127.0.79.1:0", *PLACE, "--bootstrap", here, "--ephemeral"]
            with running(*guest, "--service", "p2p=9", "--json") as other:
                next_event(other, "listening")
                found = line_of(told)
                assert found.startswith("127.0.79.1:9 ")
                assert "p2p=9" in found
                assert json.loads(line_of(told_json))["peer"]["addresses"] == {
                    "p2p": "127.0.79.1:9"
                }
                assert line_of(formatted) == "addnode=127.0.79.1:9\n"
                other.send_signal(signal.SIGTERM)
                other.wait(20)
            assert line_of(told).split(None, 1)[1] == "lost: it said that it stops\n"
            assert json.loads(line_of(told_json))["lost"]["reason"] == "goodbye"
            told.send_signal(signal.SIGINT)
            assert told.wait(20) == 130


def test_what_it_cannot_follow_is_told(tmp_path: Path) -> None:
    for words, complaint in (
        (["0" * 40], "--follow is for peers of a network"),
        (["--count", "3"], "it takes no --count"),
        (["--wait", "3"], "it takes no --wait"),
    ):
        done = kadisc("peers", "--follow", *words, "--state-dir", str(tmp_path))
        assert (done.returncode, done.stdout) == (2, "")
        assert complaint in done.stderr
    done = kadisc("peers", "--follow", "--state-dir", str(tmp_path))
    assert done.returncode == 1
    assert "no node runs with the state folder" in done.stderr
