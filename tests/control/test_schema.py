"""docs/reference/control-socket.schema.json: every line of real traffic fits, and others do not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio

from kadisc.control.methods import METHODS
from tests.support.json_schema import SchemaChecker

from .lab import PATIENCE_S, RawClient, comes_true, open_lab

ROOT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json.loads(
    (ROOT / "docs" / "reference" / "control-socket.schema.json").read_text("utf-8")
)
CHECKER = SchemaChecker(SCHEMA)
HOST, KEY = "13.2.7.9:6881", "KEY"
ID = "5" * 40
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("status", {}),
    ("doctor", {"wait_s": 0, "partial": True}),
    ("find", {"target": ID, "k": 3, "paths": 2, "partial": True}),
    ("contacts", {"count": 2, "target": ID}),
    ("ping", {"host": HOST}),
    ("announce", {"infohash": ID, "port": 5, "partial": True}),
    ("peers", {"infohash": ID, "partial": True}),
    ("put", {"value": "words", "partial": True}),
    ("get", {"target": ID, "partial": True}),
    ("resolve", {"key": KEY, "partial": True}),
    ("network_peers", {"service": "eth", "count": 2, "where": {"eth": None}, "partial": True}),
    ("record", {}),
    ("config", {}),
    ("set_service", {"name": "les", "value": 5}),
    ("set_service", {"name": "les", "value": None}),
    ("why", {"peer": HOST}),
    ("feedback", {"peer": HOST, "verdict": "good"}),
    ("feed_state", {"name": "file", "condition": "up", "want": 8, "started_s_ago": 1.5}),
    ("book_export", {}),
    ("book_import", {"lines": []}),
    ("peer_list", {}),
    ("peer_add", {"peer": HOST}),
    ("peer_remove", {"peer": HOST}),
    ("peer_ban", {"network": "198.51.100.0/24", "for_s": 60.0}),
    ("peer_unban", {"network": "198.51.100.0/24"}),
    ("reload", {}),
    ("stop", {}),
    ("metrics", {}),
    ("find", {"target": "no ID"}),
]
"""One of each method that ends by itself."""
STREAMS: list[tuple[str, dict[str, Any]]] = [
    ("follow_peers", {"service": "eth", "window": 3}),
    ("watch", {"interval_s": 0.25, "detail": True}),
    ("subscribe", {"past": 5, "types": ["record_changed", "peer_verified", "contact_removed"]}),
]


def test_it_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "control_schema.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


async def ask(client: RawClient, number: int, method: str, params: dict[str, Any]) -> None:
    request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    assert CHECKER.faults(request) == CHECKER.faults(request, f"{method}.request") == []
    await client.send(json.dumps(request).encode())


async def next_line(client: RawClient, method: str) -> dict[str, Any]:
    line = await client.next()
    assert line is not None
    assert CHECKER.faults(line) == [], line
    if "result" in line:
        assert CHECKER.faults(line["result"], f"{method}.result") == [], line
    elif "method" in line:
        assert CHECKER.faults(line["params"]["value"], f"{method}.partial") == [], line
    else:
        assert CHECKER.faults(line, "error") == [], line
    return line


async def test_every_line_of_real_traffic_fits(tmp_path: Path) -> None:
    seen: set[str] = set()
    async with (
        open_lab(tmp_path, others=5, name="testnet", publishes=True) as lab,
        lab.client() as client,
    ):
        await comes_true(lambda: (why := lab.node.why(HOST)) is not None and why.verified_in_run)
        why = lab.node.why(HOST)
        assert why is not None
        assert why.key is not None
        head = ""
        for number, (method, given) in enumerate(REQUESTS):
            params = {name: why.key.hex() if of == KEY else of for name, of in given.items()}
            if method == "book_import":
                params["lines"] = [head]
            await ask(client, number, method, params)
            while "id" not in (line := await next_line(client, method)):
                head = head or line["params"]["value"].get("line", "")
            assert line["id"] == number
            seen.add(method if "result" in line else f"{method} failed")
    assert {"find failed", *(method for method, _ in REQUESTS)} <= seen | {
        "get",
        "resolve",
        "reload",
        "stop",
    }
    assert {method for method, _ in REQUESTS + STREAMS} == set(METHODS)


@pytest.mark.parametrize(("method", "params"), STREAMS, ids=lambda each: str(each)[:12])
async def test_every_line_of_streams_fits(
    tmp_path: Path, method: str, params: dict[str, Any]
) -> None:
    async with (
        open_lab(tmp_path, others=2, name="testnet") as lab,
        lab.client() as client,
        lab.client() as second,
    ):
        await ask(client, 1, method, params)
        with trio.fail_after(PATIENCE_S):
            for turn in range(2):
                if method == "subscribe":
                    await ask(second, turn, "set_service", {"name": "les", "value": turn + 1})
                assert "method" in await next_line(client, method)
        cancel = {"jsonrpc": "2.0", "method": "$/cancel", "params": {"id": 1}}
        assert CHECKER.faults(cancel) == []
        await client.send(json.dumps(cancel).encode())
        while "id" not in (line := await next_line(client, method)):
            pass
        assert line["error"]["code"] == -32004


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (None, {"jsonrpc": "2.0", "id": 1, "method": "nonsense", "params": {}}),
        (None, {"jsonrpc": "1.0", "id": 1, "method": "status"}),
        (None, {"jsonrpc": "2.0", "id": 1, "method": "find"}),
        (None, {"jsonrpc": "2.0", "id": 1.5, "method": "status"}),
        (None, [1]),
        ("find.params", {"target": ID, "k": 0}),
        ("find.params", {"target": ID, "depth": 3}),
        ("feedback.params", {"peer": HOST, "verdict": "nice"}),
        ("follow_peers.params", {"window": 1001}),
        ("follow_peers.partial", {"progress": {"sent": 1}}),
        ("follow_peers.partial", {"lost": {"key": "00"}}),
        ("watch.params", {"interval_s": 0.1}),
        ("set_service.params", {"name": "p2p"}),
        ("set_service.result", {"sequence": "1", "services": {}}),
        ("status.partial", {}),
        ("error", {"jsonrpc": "2.0", "id": 1, "error": {"code": "1", "message": ""}}),
    ],
)
def test_other_lines_do_not(name: str | None, value: Any) -> None:
    assert CHECKER.faults(value, name)
