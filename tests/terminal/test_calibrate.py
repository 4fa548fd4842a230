"""The command ``kadisc sim calibrate``. tests/sim/test_calibration.py tests whether the two sides
agree.
"""

from __future__ import annotations

import json
import signal

import pytest

from .commands import kadisc
from .watched import watched

pytestmark = pytest.mark.real

SMALL = (
    "--nodes",
    "20",
    "--lookups",
    "20",
    "--set",
    "lookups_per_minute=1200",
    "--set",
    "warmup_s=0.5",
)


def test_a_comparison_is_one_document_and_an_exit_code() -> None:
    done = kadisc("sim", "calibrate", *SMALL, "--json")
    document = json.loads(done.stdout)
    assert (
        document["sockets"].keys()
        == document["simulator"].keys()
        > {"elapsed_s_p50", "queries", "replies"}
    )
    assert (
        document["sockets"]["lookups"]
        == document["simulator"]["lookups"]
        == document["lookups"]
        == 20
    )
    assert document["ratios"].keys() > {"queries_per_lookup", "queries", "replies"}
    assert 0 <= document["ks_distance"] <= 1
    assert document["lag_ms_p99"] > 0
    # With so few lookups the agreement is random, but the exit code must match the document.
    if document["agree"]:
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert (done.returncode, done.stderr) == (
            1,
            "kadisc: the simulator and the sockets differ by more than the bounds\n",
        )
        assert document["error"]["code"] == "disagreement"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nodes", "many"], "--nodes: a whole number"),
        (["--nodes", "5"], "--nodes: 10 to 254"),
        (["--nodes", "255"], "--nodes: 10 to 254"),
        (["--lookups", "0"], "--lookups: 1 to"),
        (["--lookups", "-3"], "--lookups: a whole number"),
        (["--seed", "x"], "--seed: a whole number"),
        (["--set", "crash=1"], "crash"),
        (["--set", "warmup_s=-1"], "warmup_s"),
        (["--set", "warmup_s=nan"], "warmup_s"),
        (["--set", "lookups_per_minute=0"], "lookups_per_minute"),
        (["--set", "churn.profile=x"], "bittorrent"),
        (["--set", "network.loss.mean=nan"], "network.loss.mean"),
        (["--set", "network.latency.profile=x"], "lognormal"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_an_error_is_one_line(arguments: list[str], words: str) -> None:
    done = kadisc("sim", "calibrate", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_ctrl_c_ends_it_and_removes_its_line() -> None:
    with watched("sim", "calibrate", "--nodes", "20") as terminal:
        terminal.until("network 1 of 7 on sockets")
        terminal.send_signal(signal.SIGINT)
        assert terminal.end() == 130
        assert terminal.text.strip() == ""
