"""book_import says what became of each line."""

from __future__ import annotations

import json
from pathlib import Path

from kadisc.endpoints import format_endpoint

from ..net.lab import address
from .lab import comes_true, open_lab

NOTHING = {"added": 0, "skipped": 0, "own": 0, "known": 0, "no_place": 0, "refused": 0}


def line(endpoint: str, key: str | None = None) -> str:
    entry = {
        "endpoint": endpoint,
        "source": "dns",
        "table": "new",
        "first_seen_s_ago": 90.0,
        "heard_s_ago": 60.0,
    }
    if key is not None:
        entry |= {"table": "tried", "key": key, "id": 40 * "0", "sequence": 7}
        entry |= {"first_verified_s_ago": 50.0, "verified_s_ago": 40.0, "services": {}}
    return json.dumps(entry)


async def test_the_node_itself_is_not_imported(tmp_path: Path) -> None:
    head = json.dumps({"kadisc-book": 1, "network": "testnet"})
    async with open_lab(tmp_path, others=1, name="testnet") as lab, lab.client() as client:
        own_key = lab.node.public_key.hex()
        await comes_true(lambda: lab.node.why(address(2)) is not None)
        lines = [
            line(address(1)),  # where it listens
            line("80.1.2.3:9", own_key),  # where it was once
            line("80.1.2.4:9", 64 * "7"),
            line(address(2)),
            line("0.0.0.0:9"),
        ]
        await client.ask("book_import", lines=[head, *lines])
        done = {"added": 1, "skipped": 4, "own": 2, "known": 1, "no_place": 0, "refused": 1}
        assert await client.result() == done
        book = {format_endpoint(peer.endpoint) for peer in lab.node.own_network.export_book().peers}
        assert book == {"80.1.2.4:9", address(2)}
        await client.ask("book_import", lines=[head])
        assert await client.result() == NOTHING
