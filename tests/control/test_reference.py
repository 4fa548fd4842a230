"""docs/reference/control-socket.md: each request there is answered in the shape that it shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import trio

from kadisc.control import protocol
from kadisc.control.connection import ControlLimits
from kadisc.control.methods import METHODS

from .lab import PATIENCE_S, comes_true, open_lab

PAGE = (Path(__file__).parent.parent.parent / "docs" / "reference" / "control-socket.md").read_text(
    encoding="utf-8"
)
HOST_IN_PAGE, HOST_HERE = "127.0.0.1:6889", "13.2.7.9:6881"
OF_THE_NETWORK = ["network_peers", "record", "why", "feedback", "book_export", "book_import"]
OF_ITEMS = ["put", "get", "resolve"]
RESOLVED_IN_PAGE = "7ddc55eefa5be5f2386df39cf1e34b17a23599af52fa8ae5eb101689c5b53ea9"
KEY_IN_PAGE = "c3336df1d7ee99b2d223ff16e8ca254ac0758a59f537797b2d5e960377fe627d"


def samples() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Requests, each with what follows it."""
    found: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for arrow, text in re.findall(r"^(-->|<--) (.*)$", PAGE, re.MULTILINE):
        message = json.loads(text)
        if arrow == "-->":
            found.append((message, []))
        else:
            found[-1][1].append(message)
    return [(request, replies) for request, replies in found if "id" in request]


def shape(value: object) -> object:
    """Names in order, and what the lists have in them; numbers and texts are not compared, nor are
    the names of counters and services.
    """
    if isinstance(value, dict):
        return [
            (name, None if name in ("counters", "services") else shape(inner))
            for name, inner in value.items()
        ]
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
            if request["method"] == "subscribe":
                continue
            text = json.dumps(request).replace(HOST_IN_PAGE, HOST_HERE)
            await client.send(
                text.replace(KEY_IN_PAGE, why.key.hex())
                .replace(RESOLVED_IN_PAGE, why.key.hex())
                .encode()
            )
            message = await client.next()
            while message is not None and "method" in message:
                message = await client.next()
            assert shape(message) == shape(replies[-1]), request


def test_every_method_code_and_limit_is_there() -> None:
    assert re.findall(r"^### (\w+)$", PAGE, re.MULTILINE) == [
        "status",
        "find",
        "announce",
        "peers",
        *OF_ITEMS,
        *OF_THE_NETWORK,
        "ping",
        "subscribe",
    ]
    assert set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)) == set(METHODS)
    codes = {
        value
        for name, value in vars(protocol).items()
        if name.isupper() and isinstance(value, int) and value < 0
    }
    assert {int(code) for code in re.findall(r"^\| (-\d+) \|", PAGE, re.MULTILINE)} == codes
    limits = ControlLimits()
    assert (
        protocol.MAX_REQUEST_BYTES,
        limits.requests_per_client,
        limits.clients,
        limits.unread_bytes,
        limits.stall_s,
    ) == (
        65_536,
        16,
        32,
        4 << 20,
        30.0,
    )
    assert "65,536 bytes, a client 16 requests in flight. Of 33 clients" in PAGE
