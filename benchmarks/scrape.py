"""The time of a scrape: what ``/metrics`` costs a node with a full table and a full address book.

Prints the median and the slowest of so many scrapes in this process, without the network: making
the families from the node, and rendering them; and beside it, in the same run, the snapshot alone
that every scrape needs. Processor time, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).parent.parent))

GOAL_MS = 10.0


def timed(call: Callable[[], object], runs: int) -> list[float]:
    """Milliseconds of processor time of each of ``runs`` calls."""
    spent = []
    for _ in range(runs):
        before = time.thread_time()
        call()
        spent.append(1000 * (time.thread_time() - before))
    return spent


async def measure(contacts: int, runs: int, folder: str) -> None:
    import random

    import kadisc
    from benchmarks.full_book import book, endpoint
    from kadisc.config import Config, CoreConfig
    from kadisc.contacts import Contact
    from kadisc.control.metric_facts import metric_facts
    from kadisc.endpoints import Family
    from kadisc.http.exposition import Exposition
    from kadisc.observe.metrics import metric_families

    config = Config(
        bind=("127.99.0.1:0",), state_dir=folder, core=CoreConfig(allow_private=True), lan="off"
    )
    rng = random.Random(1)
    async with kadisc.open_node(config) as node:
        core, now = node.pump.core, node.pump.now()
        table = core.dhts[Family.IPV4].table
        own = core.own_ids[Family.IPV4]
        for _ in range(200_000):
            if len(table) >= contacts:
                break
            # Of every distance alike, so that all buckets fill.
            table.offer(Contact(own ^ rng.getrandbits(rng.randrange(140, 161)), endpoint(rng)), now)
        for _ in range(60):
            node.own_network.import_book(book(rng, 200))
        exposition = Exposition(lambda: metric_families(metric_facts(node)))
        body, _ = exposition.render("")
        series = sum(not line.startswith(b"#") for line in body.splitlines())
        print(f"{len(table)} contacts, {series} series, {len(body)} bytes")
        for what, call in (
            ("snapshot alone", node.snapshot),
            ("scrape", lambda: exposition.render("")),
        ):
            spent = timed(call, runs)
            print(
                f"{what:15} median {statistics.median(spent):6.2f} ms  slowest {max(spent):6.2f} ms"
            )
    median = statistics.median(spent)
    print(f"goal {GOAL_MS:g} ms: {'met' if median < GOAL_MS else 'missed'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=400)
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kadisc-scrape-") as folder:
        trio.run(measure, options.contacts, options.runs, folder)


if __name__ == "__main__":
    main()
