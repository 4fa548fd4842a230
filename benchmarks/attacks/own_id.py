"""A contact that bears the ID which the node will have at its next address.

The node ID is SHA-1 of the public key and the address (BEP 42), and gossip tells the public key to
whoever asks. The attacker answers one run of the node under that ID, and is saved; the next runs
have the other address. Before own IDs were excluded wherever contacts are used, each of them ended
with an exception as soon as the address was known: at once with ``--by external``, with the votes
of a dozen contacts (``--by votes``: the node listens at another address) otherwise. Prints how many
of five starts were still running after a few seconds, and whether the contacts were kept.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from crc32c import crc32c
from harness import START_S, Peer, Target, arguments, crowd, report, running, serve_for

HERE, THERE = "127.99.0.1", "127.98.0.1"
STARTS = 5
MASK = 0x030F3FFF


def id_at(public_key: bytes, address: str) -> bytes:
    """The node ID of a key at an address (BEP 42)."""
    ip = bytes(map(int, address.split(".")))
    rest = hashlib.sha1(public_key + ip).digest()
    masked = int.from_bytes(ip, "big") & MASK | (rest[-1] & 7) << 29
    prefix = crc32c(masked.to_bytes(4, "big")) >> 11 << 11
    head = int.from_bytes(rest[:4], "big") & 0x7FF | prefix
    return head.to_bytes(4, "big") + rest[4:]


def saved_contacts(folder: Path) -> int:
    with sqlite3.connect(folder / "state.sqlite3") as state:
        return int(state.execute("SELECT count(*) FROM contacts").fetchone()[0])


def public_key_of(target: Target) -> bytes:
    return bytes.fromhex(target.control("status", timeout_s=0.2)["public_key"])


def main() -> None:
    parser = arguments("a contact with the ID that the node will have")
    parser.add_argument("--by", choices=["external", "votes"], default="external")
    parser.add_argument("--seconds", type=float, default=2.5, help="each start is given so long")
    options = parser.parse_args()
    friends = crowd(16)
    bootstrap = [each.address for each in friends[:4]]

    def start(folder: Path, address: str, contacts: list[Peer], seconds: float) -> dict[str, Any]:
        where = ["--external", address] if options.by == "external" else []
        host = HERE if options.by == "external" else address
        figures: dict[str, Any] = {}
        with running(
            options.tree, *where, bootstrap=bootstrap, host=host, folder=folder, wait=False
        ) as target:
            until = time.monotonic() + START_S
            while target.alive() and time.monotonic() < until:
                serve_for(contacts, 0.1)
                if not figures:
                    with suppress(OSError, RuntimeError):
                        figures["key"] = public_key_of(target)
                        until = time.monotonic() + seconds
            figures["alive"] = target.alive()
        return figures

    with tempfile.TemporaryDirectory(prefix="kadisc-attack-") as temporary:
        folder = Path(temporary)
        key = start(folder, HERE, friends, 0.1)["key"]
        echo = Peer("127.150.0.1", node_id=id_at(key, THERE))
        echo.answer = friends[0].answer
        bootstrap.append(echo.address)
        start(folder, HERE, [*friends, echo], 3.0)
        before = saved_contacts(folder)
        # Whoever bears the ID need not be there any more: it is in the file.
        bootstrap.pop()
        alive = sum(start(folder, THERE, friends, options.seconds)["alive"] for _ in range(STARTS))
        figures = {
            "moved by": options.by,
            "contacts saved before the move": before,
            f"of {STARTS} starts still running at their end": alive,
            "contacts saved after them": saved_contacts(folder),
        }
    report(figures, options.json)


if __name__ == "__main__":
    main()
