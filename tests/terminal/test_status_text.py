"""What kadisc status prints of reachability, mappings and services."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kadisc.cli.status import print_status
from kadisc.control.methods.status import Status

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "control-socket.md"


def sample() -> dict[str, Any]:
    """The document of the reference page, with what it shows of a node behind a router."""
    page = PAGE.read_text(encoding="utf-8")
    [text] = re.findall(r'^<-- (\{.*"pid".*"families".*\})$', page, re.MULTILINE)
    document: dict[str, Any] = json.loads(text)["result"]
    [family] = document["families"]
    family["endpoint"] = document["sockets"][0]["endpoint"] = "0.0.0.0:6881"
    for name, place in (("reach", family), ("mappings", document), ("services", document)):
        [text] = re.findall(rf'^"{name}": (.*)$', page, re.MULTILINE)
        place[name] = json.loads(text)
    for each in document["mappings"]:
        each["until"] = None
    return document


def printed(document: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_status(msgspec.convert(document, Status))
    return capsys.readouterr().out.splitlines()


def test_a_node_behind_a_router_that_maps(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(sample(), capsys)
    start = lines.index("  reach    IPv4 yes, at 198.51.100.7:51413: a stranger got in 12 s ago")
    assert lines[start + 1 : start + 3] == [
        "           port 51413 mapped by PCP on 192.168.1.1",
        "  port     tcp 30303 (eth): open from outside (5 of 5)",
    ]


def test_a_mapped_port_of_a_service(capsys: pytest.CaptureFixture[str]) -> None:
    document = sample()
    [own] = document["mappings"]
    mapped = own | {"protocol": "tcp", "internal": 30303, "external": "198.51.100.7:51303"}
    refused = mapped | {"internal": 1234, "external": None, "method": None, "state": "paused"}
    document["mappings"] += [mapped, refused | {"reason": "the router does not allow it"}]
    document["services"]["eth"] = {"port": 51303, "answer": "closed", "accepted": 0, "asked": 5}
    lines = printed(document, capsys)
    assert (
        "  port     tcp 30303 -> 51303 by PCP on 192.168.1.1; eth: closed from outside (0 of 5)"
        in (lines)
    )
    assert "  port     tcp 1234: not mapped: the router does not allow it" in lines
    assert len([line for line in lines if line.startswith("  port")]) == 2


def test_a_node_that_does_not_test(capsys: pytest.CaptureFixture[str]) -> None:
    document = sample()
    document["families"][0]["reach"] = None
    document["services"] = {}
    lines = printed(document, capsys)
    assert not [line for line in lines if line.startswith(("  reach", "  port"))]


def test_a_node_at_a_private_address(capsys: pytest.CaptureFixture[str]) -> None:
    document = sample()
    document["families"][0]["reach"] = None
    document["families"][0]["address"]["host"] = "10.0.0.3"
    [line] = [each for each in printed(document, capsys) if each.startswith("  reach")]
    assert line.startswith("  reach    IPv4 not tested: 10.0.0.3 is a private address")


def test_long_lines_are_wrapped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    document = sample()
    document["families"][0]["reach"] |= {"verdict": "unknown", "nat": "dependent", "one_way": True}
    lines = printed(document, capsys)
    start = next(i for i, line in enumerate(lines) if line.startswith("  reach    IPv4 unknown"))
    assert lines[start + 1].startswith(" " * 11 + "(symmetric NAT)")
    assert max(map(len, lines[start : start + 4])) <= 80
