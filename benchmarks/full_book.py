"""A node whose bounds are all full, while it saves its state again and again: how long it stands
still, and how much memory it has.

A node runs in a process of its own. Its address book, tables, stores and memories are filled as far
as they go, through its components, because that would take hours from outside. Then a neighbour
pings it every 4 ms. Prints, as the median of the runs, the longest time that a ping waited, the
99th percentile, and the resident memory; the goals are 20 ms and 52 MB.

    python benchmarks/full_book.py [--tree CHECKOUT] [--runs 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PINGS_S = 12.0
SAVE_INTERVAL_S = 1.0


# --- the node, in a process of its own ------------------------------------------------------------


def endpoint(rng: random.Random) -> bytes:
    first = rng.choice([part for part in range(11, 223) if part not in (100, 127, 169, 172, 192)])
    rest = [rng.randrange(256), rng.randrange(256), rng.randrange(1, 255)]
    return bytes([first, *rest]) + rng.randrange(1024, 65536).to_bytes(2, "big")


def book(rng: random.Random, count: int) -> Any:
    """A third of the peers are verified ones."""
    from kadisc.core.contract.saved_state import SavedBook, SavedPeer
    from kadisc.core.contract.verified_peer import VerifiedPeer

    peers = []
    for number in range(count):
        where = endpoint(rng)
        peer = None
        if number % 3 == 0:
            peer = VerifiedPeer(
                key=rng.randbytes(32),
                node_id=rng.getrandbits(160),
                endpoint=where,
                services={"eth": 30303},
                sequence=5,
                record=rng.randbytes(200),
            )
        age = 100.0 if peer else None
        peers.append(
            SavedPeer(where, endpoint(rng), peer is not None, 500.0, 100.0, 1, 0, peer, age, age)
        )
    return SavedBook(tuple(peers))


def fill(node: Any) -> dict[str, int]:
    """Fills what an attacker can fill, as far as it goes. Returns how full it is."""
    from kadisc.contacts import Contact
    from kadisc.core.contract.saved_state import SavedContact
    from kadisc.endpoints import Family
    from kadisc.wire.items import Item

    rng = random.Random(1)
    core, now = node.pump.core, node.pump.now()
    dht = core.dhts[Family.IPV4]
    for _ in range(60):  # far more peers than there is room for
        node.own_network.import_book(book(rng, 200))
    for _ in range(60_000):
        dht.table.offer(Contact(rng.getrandbits(160), endpoint(rng)), now)
    saved = dht.parts.saved_contacts
    while saved.add(SavedContact(Contact(rng.getrandbits(160), endpoint(rng)), 9.0, 9.0), now):
        pass
    served = core._responder  # the stores have no other door
    hashes = [rng.getrandbits(160) for _ in range(2000)]
    for number in range(40_000):
        served.peers.add(hashes[number % 2000], endpoint(rng), now)
    for _ in range(4000):
        item = Item(b"1000:" + rng.randbytes(600))
        served.items.store.put(rng.getrandbits(160), item, endpoint(rng), now)
    for _ in range(40_000):
        dht.parts.quarantine.contacted_us(endpoint(rng), now)
    parts = core.peer_network.components
    for _ in range(9000):
        where = endpoint(rng)
        parts.tombstones.failed(where, now)
        parts.tombstones.failed(where, now)
        parts.partners.speaks_gossip(where)
        parts.partners.found_in_lookup(where)
        parts.partners.token_received(where, rng.randbytes(8), now)
        parts.partners.record_sent(where, 1)
        parts.partners.block(endpoint(rng), now)
        parts.credit.failed(where[:2], now)
    parts.records.remember((rng.randbytes(32), 5) for _ in range(5000))
    peers, items = served.stored
    return {
        "book": len(parts.book),
        "contacts": len(dht.table),
        "saved contacts": len(saved),
        "announces": peers,
        "items": items,
    }


def serve(folder: str) -> None:
    import trio

    import kadisc
    from kadisc.cli import run as daemon
    from kadisc.config import Config, CoreConfig

    config = Config(
        bind=("127.99.0.1:0",),
        network="testnet",
        state_dir=folder,
        save_interval_s=SAVE_INTERVAL_S,
        core=CoreConfig(allow_private=True),
    )

    async def run() -> None:
        async with kadisc.open_node(config, bootstrap=["127.98.0.1:9"]) as node:
            spare = getattr(daemon, "spare_collections", None)
            if spare is not None:  # as `kadisc run` does; older trees do not
                spare()
            full = fill(node)
            [where] = node.local_endpoints.values()
            print(json.dumps({"port": int.from_bytes(where[-2:], "big"), **full}), flush=True)
            pump, dirty = node.pump, node._keeper
            while True:
                await trio.sleep(SAVE_INTERVAL_S / 2)
                dirty._changed = pump is not None  # as contacts come and go all the time

    trio.run(run)


# --- the neighbour --------------------------------------------------------------------------------


def measure(tree: Path) -> dict[str, Any]:
    python = tree / ".venv" / "bin" / "python"
    with tempfile.TemporaryDirectory(prefix="kadisc-full-") as folder:
        process = subprocess.Popen(
            [str(python) if python.exists() else sys.executable, __file__, "--serve", folder],
            env={"PYTHONPATH": str(tree), "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the node ended before it was full")
            full = json.loads(line)
            waits = pings(("127.99.0.1", full.pop("port")))
            status = Path(f"/proc/{process.pid}/status").read_text()
            rss_kb = int(status.split("VmRSS:")[1].split()[0])
        finally:
            process.terminate()
            process.wait()
    return {
        "longest_ms": 1000 * max(waits),
        "p99_ms": 1000 * statistics.quantiles(waits, n=100)[98],
        "p50_ms": 1000 * statistics.median(waits),
        "rss_mb": rss_kb / 1000,
        **full,
    }


def pings(node: tuple[str, int]) -> list[float]:
    """How long each ping waited; one without an answer counts until the end."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.97.0.1", 0))
        client.setblocking(False)
        sent: dict[bytes, float] = {}
        waits: list[float] = []
        began = due = time.monotonic()
        number = 0
        while (now := time.monotonic()) < began + PINGS_S or (sent and now < began + PINGS_S + 2):
            if now >= due and now < began + PINGS_S:
                due += 0.02 if number < 100 else 0.1 if number % 8 == 0 else 0.004
                number += 1
                tid = number.to_bytes(2, "big")
                sent[tid] = time.monotonic()
                query = b"d1:ad2:id20:" + b"n" * 20 + b"e1:q4:ping1:t2:" + tid + b"1:y1:qe"
                client.sendto(query, node)
            ready, _, _ = select.select([client], [], [], max(0.0, min(due - now, 0.05)))
            while ready:
                try:
                    payload, _ = client.recvfrom(2048)
                except BlockingIOError:
                    break
                at = payload.rfind(b"1:t2:")
                since = sent.pop(payload[at + 5 : at + 7], None)
                if since is not None:
                    waits.append(time.monotonic() - since)
        return waits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path, default=HERE.parent, help="checkout to measure")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    runs = [measure(options.tree) for _ in range(options.runs)]
    figures = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    if options.json:
        print(json.dumps({"runs": runs, "median": figures}))
        return
    for name, value in figures.items():
        print(f"{name:<16} {value:10.1f}")


if __name__ == "__main__":
    main()
