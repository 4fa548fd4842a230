"""kadisc doctor, as a user and as a script run it."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kadisc.cli.doctor_report import print_report
from kadisc.cli.examination import DoctorReport
from kadisc.control.methods.doctor import CheckDocument, FindingDocument
from kadisc.doctor.checks import CHECKS

from .commands import COMMAND, PATIENCE_S, environment, error_code, next_event, running

NAMES = [check.name for check in CHECKS]


def doctor(*arguments: str, **variables: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*COMMAND, "doctor", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_running_node_and_one_of_the_command() -> None:
    with running("run", "--devnet", "4", "--bind", "127.0.0.1:0", "--json") as process:
        first = next_event(process, "listening")["nodes"][0]["endpoints"][0]
        folder = next_event(process, "control_socket")["state_dir"]
        next_event(process, "joined")
        code, output, messages = doctor("--json", KADISC_STATE_DIR=folder)
        document: dict[str, Any] = json.loads(output)
        assert (code, messages) == (0, "")
        assert (document["is_lasting"], document["verdict"]) == (True, "warning")
        assert [each["check"] for each in document["checks"]] == NAMES
        of_name = {each["check"]: each for each in document["checks"]}
        assert of_name["joined"]["verdict"] == "ok"
        [loopback] = of_name["reachable"]["findings"]
        assert loopback["verdict"] == "warning"
        assert "loopback" in loopback["sentence"]

        code, output, _ = doctor("--state-dir", folder)
        assert code == 0
        assert "\nok    joined     IPv4: joined the DHT, with 3 contacts\n" in output
        assert output.endswith(
            "\n1 warning, 0 failures; kadisc doctor --only reachable looks again\n"
        )

        own = ("--bind", "127.9.0.1:0", "--bootstrap", first, "--allow-private", "--no-map")
        code, output, _ = doctor(*own, "--map-port", "tcp:30303", "--json")
        document = json.loads(output)
        assert (code, document["is_lasting"], document["verdict"]) == (1, False, "failure")
        assert document["error"]["code"] == "checks_failed"
        assert document["error"]["message"] == "failed: mapping"
        [failed] = next(e for e in document["checks"] if e["check"] == "mapping")["findings"]
        assert (failed["about"], failed["verdict"]) == ("tcp 30303", "failure")
        assert "--no-map" in failed["remedy"]


def test_wrong_usage() -> None:
    code, output, _ = doctor("--map-port", "tcp:x", "--json")
    assert (code, error_code(output)) == (2, "wrong_usage")


def test_only_what_is_asked_for_is_looked_at(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("bootstarp = []\n[core.table]\nk = 0\n")
    code, output, messages = doctor("--json", "--only", "config", f"--config={config}")
    document: dict[str, Any] = json.loads(output)
    assert (code, messages) == (1, "")
    assert (document["node"], document["error"]["message"]) == ("none", "failed: config")
    [check] = document["checks"]
    first, second = check["findings"]
    assert "line 1: there is no key bootstarp" in first["sentence"]
    assert "line 3: core.table.k" in second["sentence"]
    code, output, _ = doctor("--json", "--only", "everything")
    assert (code, error_code(output)) == (2, "wrong_usage")


def test_it_ends_at_once_when_it_is_asked_to() -> None:
    with running("doctor", "--bind", "127.0.0.1:0", "--no-routers", "--json") as process:
        assert process.stderr is not None
        assert "of this command's own" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stdout is not None
        assert error_code(process.stdout.read()) == "interrupted"


def test_lines_fit_and_remedies_stand_below(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    finding = FindingDocument("failure", "IPv4", "a sentence of " + "many " * 20, "do " * 30)
    checks = [CheckDocument("reachable", "failure", [finding])]
    print_report(DoctorReport("failure", "running", True, checks, 0.1))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("FAIL  reachable  IPv4: a sentence of many")
    assert max(map(len, lines)) <= 80
    assert any(line.startswith(" " * 17 + "-> do do") for line in lines)
    assert lines[-1] == "0 warnings, 1 failure; kadisc doctor --only reachable looks again"
