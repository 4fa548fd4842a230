"""docs/reference/control-socket.md: each response has the shape that the page shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import trio

from kadisc.control import protocol
from kadisc.control.connection import ControlLimits
from kadisc.control.methods import METHODS
from kadisc.control.methods.status import MappingStatus, ServiceStatus
from kadisc.observe.event_names import EVENTS
from kadisc.observe.reachability import ReachDocument
from tests.support.json_schema import SchemaChecker

from .lab import PATIENCE_S, comes_true, open_lab

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "control-socket.md").read_text("utf-8")
HOST_IN_PAGE, HOST_HERE = "127.0.0.1:6889", "13.2.7.9:6881"
OF_THE_NETWORK = [
    *("network_peers", "follow_peers", "record", "config", "set_service", "why"),
    *("feedback", "feed_state", "book_export", "book_import"),
]
UNLIKE = ("counters", "services", "offered", "addresses", "reach", "values")
STREAMS = ("subscribe", "follow_peers", "watch")
OF_ADMINISTRATION = [
    *("peer_list", "peer_add", "peer_remove", "peer_ban", "peer_unban", "reload", "stop"),
    "metrics",
]
OF_A_PROGRAM = ("reload", "stop")
"""Those that the program which opened the node has to allow; see test_administration.py."""
OF_ITEMS = ["put", "get", "resolve"]
KEY_IN_PAGE = "82a3f4a2644ddd435c549e8d0cb114333382d2786e3b219ca2d39455ed1f3c45"


def samples() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The requests of the page, each with its responses."""
    found: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for arrow, text in re.findall(r"^(-->|<--) (.*)$", PAGE, re.MULTILINE):
        message = json.loads(text)
        if arrow == "-->":
            found.append((message, []))
        else:
            found[-1][1].append(message)
    return [(request, replies) for request, replies in found if "id" in request]


def shape(value: object) -> object:
    """The names in order, and the first element of each list, without numbers and texts, without
    the names of counters, services and their addresses, and without what is null for some nodes.
    """
    if isinstance(value, dict):
        return [(name, None if name in UNLIKE else shape(inner)) for name, inner in value.items()]
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return None


async def test_requests_are_answered_as_shown(tmp_path: Path) -> None:
    async with (
        open_lab(tmp_path, others=5, name="testnet", publishes=True) as lab,
        lab.client() as client,
    ):
        await comes_true(
            lambda: (why := lab.node.why(HOST_HERE)) is not None and why.verified_in_run
        )
        why = lab.node.why(HOST_HERE)
        assert why is not None
        assert why.key is not None
        with trio.fail_after(PATIENCE_S):
            while await lab.node.resolve(why.key) is None:
                pass
        for request, replies in samples():
            if request["method"] in (*STREAMS, *OF_A_PROGRAM):
                continue
            text = json.dumps(request).replace(HOST_IN_PAGE, HOST_HERE)
            await client.send(text.replace(KEY_IN_PAGE, why.key.hex()).encode())
            message = await client.next()
            while message is not None and "method" in message:
                message = await client.next()
            assert shape(message) == shape(replies[-1]), request


def test_the_page_has_every_field_of_reachability_and_mappings() -> None:
    [reach] = re.findall(r'^"reach": (.*)$', PAGE, re.MULTILINE)
    assert list(json.loads(reach)) == list(ReachDocument.__struct_fields__)
    [mappings] = re.findall(r'^"mappings": (.*)$', PAGE, re.MULTILINE)
    assert [list(each) for each in json.loads(mappings)] == [list(MappingStatus.__struct_fields__)]
    [services] = re.findall(r'^"services": (.*)$', PAGE, re.MULTILINE)
    assert list(json.loads(services)["eth"]) == list(ServiceStatus.__struct_fields__)


def test_the_page_has_every_method_code_and_limit() -> None:
    assert re.findall(r"^### (\w+)$", PAGE, re.MULTILINE) == [
        "status",
        "doctor",
        "find",
        "contacts",
        "announce",
        "peers",
        *OF_ITEMS,
        *OF_THE_NETWORK,
        *OF_ADMINISTRATION,
        "ping",
        "subscribe",
        "watch",
    ]
    assert set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)) == set(METHODS)
    codes = {
        value
        for name, value in vars(protocol).items()
        if name.isupper() and isinstance(value, int) and value < 0
    }
    assert {int(code) for code in re.findall(r"^\| (-\d+) \|", PAGE, re.MULTILINE)} == codes
    limits = ControlLimits()
    assert protocol.MAX_REQUEST_BYTES == 65_536
    assert limits == ControlLimits(
        clients=32, requests_per_client=16, unread_bytes=4 << 20, stall_s=30.0
    )
    assert "65,536 bytes, a client 16 requests in flight. Of 33 clients" in PAGE


def test_streams_are_as_the_schema_has_them() -> None:
    schema = (ROOT / "docs" / "reference" / "control-socket.schema.json").read_text("utf-8")
    checker = SchemaChecker(json.loads(schema))
    for request, replies in samples():
        assert checker.faults(request) == []
        for reply in replies:
            assert checker.faults(reply) == []
            if "method" in reply and request["method"] != "watch":
                kind = f"{request['method']}.partial"
                assert checker.faults(reply["params"]["value"], kind) == []


def test_the_page_has_every_event() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert set(EVENTS) <= named
