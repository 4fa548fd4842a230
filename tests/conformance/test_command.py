"""``kadisc conformance`` as a program: its documents, its table, its exit codes."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ..terminal.commands import devnet, kadisc, running


@pytest.fixture(scope="module")
def node() -> Iterator[dict[str, Any]]:
    with devnet(12) as nodes:
        yield nodes[0]


def test_it_prints_one_document(node: dict[str, Any]) -> None:
    endpoint = node["endpoints"][0]
    done = kadisc(
        "conformance",
        endpoint,
        "--case",
        "envelope",
        "--case",
        "token-wrong",
        "--case",
        "id-bep42",
        "--rate",
        "1000",
        "--json",
    )
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert (document["target"], document["id"], document["client"]) == (
        endpoint,
        node["id"],
        "KD 0.1",
    )
    assert [(case["name"], case["outcome"]) for case in document["cases"]] == [
        ("envelope", "pass"),
        ("id-bep42", "skip"),
        ("token-wrong", "pass"),
    ]
    assert all(case["evidence"] and case["source"] and case["proves"] for case in document["cases"])
    assert [document[key] for key in ("passed", "warned", "failed", "skipped")] == [2, 0, 0, 1]
    assert document["datagrams_sent"] == document["datagrams_received"] == 6
    assert document["bytes_sent"] > 0 < document["elapsed_s"]


def test_it_prints_a_table_for_people(node: dict[str, Any]) -> None:
    done = kadisc("conformance", node["endpoints"][0], "--case", "tid-long", "--rate", "1000")
    assert (done.returncode, done.stderr) == (0, "")
    first, head, row, last = done.stdout.splitlines()
    assert first == f"{node['endpoints'][0]}  KD 0.1  {node['id']}"
    assert head.split() == ["case", "outcome", "source", "evidence"]
    assert row.split() == [
        "tid-long",
        "PASS",
        "BEP",
        "5",
        "echoed",
        "t",
        "of",
        "16,",
        "32",
        "bytes",
    ]
    assert last.startswith("1 passed, 0 warned, 0 failed, 0 skipped; 3 datagrams (")


def test_no_answer_is_exit_code_1() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unread:
        unread.bind(("127.0.0.1", 0))
        done = kadisc("conformance", f"127.0.0.1:{unread.getsockname()[1]}", "--timeout", "0.1")
    assert done.returncode == 1
    assert done.stderr.startswith("kadisc: 127.0.0.1:")
    assert done.stderr.endswith(" does not answer a ping\n")


def test_ctrl_c_is_exit_code_130() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unread:
        unread.bind(("127.0.0.1", 0))
        with running(
            "conformance", f"127.0.0.1:{unread.getsockname()[1]}", "--timeout", "60"
        ) as process:
            unread.recv(2048)  # it has begun
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130


def test_the_list_says_what_each_case_proves() -> None:
    done = kadisc("conformance", "--list")
    names = [case["name"] for case in json.loads(kadisc("conformance", "--list", "--json").stdout)]
    assert [line.split()[0] for line in done.stdout.splitlines()] == names
    assert len(names) >= 35


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "a node is required: kadisc conformance HOST:PORT"),
        (["127.0.0.1"], "expected HOST:PORT"),
        (["127.0.0.1:1", "--case", "nonsense"], "there is no case nonsense"),
        (["127.0.0.1:1", "--rate", "0"], "--rate is 0.1 to 10000"),
        (["127.0.0.1:1", "--timeout", "nan"], "--timeout is 0.01 to 60"),
        (["127.0.0.1:1", "--source", "home"], "--source: "),
        (["127.0.0.1:1", "--source", "::1"], "--source: not of the same address family"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(words: list[str], complaint: str) -> None:
    done = kadisc("conformance", *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr


def test_an_address_that_is_not_of_this_machine_is_code_3() -> None:
    done = kadisc("conformance", "127.0.0.1:1", "--source", "192.0.2.1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "no interface of this machine has that address" in done.stderr
