"""One /16 that fills a bucket before honest nodes come: how many of its places the honest ones win.

160 peers in one /16, each in a /24 of its own, ask the node something and answer its checks. All
their IDs belong into the widest bucket, which has 128 places. Then 60 honest peers, each in a /16
of its own, do the same. Printed is who is in the table at the end, as the node saves it.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from harness import Address, Peer, arguments, report, running, serve_for

ATTACKERS: Final = 160
HONEST: Final = 60


def far_from(node_id: bytes) -> bytes:
    """A random ID that differs from the node's in the first bit."""
    raw = random.randbytes(20)
    return bytes([raw[0] & 0x7F | ~node_id[0] & 0x80]) + raw[1:]


def ask(peers: list[Peer], to: Address, seconds: float, everybody: list[Peer]) -> None:
    """The peers ask one after the other, again and again; all of them answer."""
    pause_s = 0.05
    for number in range(int(seconds / pause_s)):
        peers[number % len(peers)].query("ping", to)
        serve_for(everybody, pause_s)


def saved(folder: Path) -> set[str]:
    """The addresses of the contacts that the node saved when it ended."""
    with sqlite3.connect(folder / "state.sqlite3") as database:
        rows = database.execute("SELECT endpoint FROM contacts").fetchall()
    return {".".join(map(str, endpoint[:4])) for (endpoint,) in rows}


def main() -> int:
    options = arguments("one /16 that comes first, honest nodes that come later").parse_args()
    seed = Peer("127.19.1.1")
    attackers = [Peer(f"127.20.{number}.1") for number in range(ATTACKERS)]
    honest = [Peer(f"127.{30 + number}.1.1") for number in range(HONEST)]
    everybody = [seed, *attackers, *honest]
    with tempfile.TemporaryDirectory(prefix="kadisc-attack-") as temporary:
        folder = Path(temporary)
        with running(
            options.tree, "--unlimited", bootstrap=[seed.address], folder=folder
        ) as target:
            serve_for(everybody, 1.0)
            node_id = target.node_id()
            for peer in attackers + honest:
                peer.node_id = far_from(node_id)
            ask(attackers, target.address, 9.0, everybody)
            ask(honest, target.address, 7.0, everybody)
            target.stop()
            contacts = saved(folder)
    figures: dict[str, Any] = {
        "of the one /16 in the table": sum(peer.host in contacts for peer in attackers),
        f"of {HONEST} honest in the table": sum(peer.host in contacts for peer in honest),
    }
    report(figures, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
