"""``kadisc sim run`` and ``kadisc sim list``."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from .commands import PATIENCE_S, error_code, kadisc, running

SMALL = ("--nodes", "40", "--minutes", "0.2", "--set", "warmup_s=5")


def test_the_scenarios_are_listed() -> None:
    done = kadisc("sim", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert {line.split()[0] for line in done.stdout.splitlines()} >= {
        "join",
        "lookup",
        "churn",
        "crash",
        "idle-cost",
        "freshness",
        "nat-majority",
    }
    named = json.loads(kadisc("sim", "list", "--json").stdout)
    assert [scenario["name"] for scenario in named] == [
        line.split()[0] for line in done.stdout.splitlines()
    ]


def test_a_run_prints_one_document() -> None:
    done = kadisc("sim", "run", "lookup", *SMALL, "--json", "--paranoid")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document.keys() >= {
        "scenario",
        "seed",
        "digest",
        "metrics",
        "wall_s",
        "datagrams",
        "peak_rss_mb",
    }
    assert document["scenario"] == "lookup"
    assert document["virtual_s"] >= 12
    assert document["datagrams"] > 0


def test_a_run_prints_the_command_that_reproduces_it() -> None:
    done = kadisc("sim", "run", "idle-cost", *SMALL, "--seed", "9")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("idle-cost, 40 nodes, seed 9\n")
    assert done.stdout.endswith(
        "reproduce: kadisc sim run idle-cost --seed 9 --nodes 40 --minutes 0.2 --set warmup_s=5.0\n"
    )


def test_a_trace_has_a_line_for_each_delivery(tmp_path: Path) -> None:
    done = kadisc("sim", "run", "lookup", *SMALL, "--json", "--trace", str(tmp_path / "trace"))
    assert done.returncode == 0
    records = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    document = json.loads(done.stdout)
    assert (
        sum("payload" in record for record in records)
        == document["datagrams"] + document["warmup_datagrams"]
    )
    assert any(record.get("event") == "LookupFinished" for record in records)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "lokup"], "did you mean lookup?"),
        (["run", "lookup", "--nodes", "many"], "--nodes: a whole number"),
        (["run", "lookup", "--nodes", "1"], "--nodes: 2 to"),
        (["run", "lookup", "--minutes", "0"], "--minutes"),
        (
            ["run", "lookup", "--nodes", "40", "--set", "nodes=50"],
            "--nodes 40 and --set nodes=50 contradict each other: give one of them",
        ),
        (
            ["run", "lookup", "--set", " minutes = 2", "--minutes", "1"],
            "--minutes 1 and --set minutes=2.0 contradict each other",
        ),
        (
            ["run", "lookup", "--seed", "3", "--set", "seed=4"],
            "--seed 3 and --set seed=4 contradict each other",
        ),
        (["run", "lookup", "--set", "x"], "OPTION=VALUE"),
        (["run", "lookup", "--set", "churn.profile=x"], "bittorrent"),
        (["run", "join", "--set", "joins=0"], "joins: a number above 0"),
        (
            ["run", "lookup", "--set", "core.table.k=0"],
            "core.table.k: expected a number from 1 to 100",
        ),
        (["run", "lookup", "--trace", "/nowhere/at/all"], "--trace"),
        (["run"], "NAME"),
        (["frobnicate"], "there is no command 'frobnicate'"),
    ],
)
def test_an_error_is_one_line(arguments: list[str], words: str) -> None:
    done = kadisc("sim", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_same_value_given_twice_is_no_contradiction() -> None:
    done = kadisc(
        "sim", "run", "idle-cost", *SMALL, "--set", "nodes=40", "--set", "minutes=0.20", "--json"
    )
    assert (done.returncode, json.loads(done.stdout)["nodes"]) == (0, 40)


def test_a_trace_on_a_full_disk_is_an_error_of_one_line() -> None:
    done = kadisc("sim", "run", "lookup", *SMALL, "--trace", "/dev/full")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "kadisc: --trace /dev/full: No space left on device\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_with_an_error_alone(number: signal.Signals) -> None:
    with running(
        *("sim", "run", "lookup", "--nodes", "200", "--minutes", "1000"),
        *("--json", "--trace", "/dev/stderr"),
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline()  # it runs
        process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, error_code(output)) == (130, "interrupted")
    assert "Traceback" not in errors
