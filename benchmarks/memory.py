"""What a node costs in memory: a real one as a process, a simulated one among many, by component.

Run ``python benchmarks/memory.py [NODES [MINUTES]]``: 1,000 simulated nodes after 10 virtual
minutes unless told otherwise, and one real node, joined to a devnet of 60 in another process. It
takes a minute and a half. Linux only: it reads /proc.

An object counts once, for the component that is looked at first; what all nodes share (pooled
contacts, configuration, code) counts for none of them. The resident memory of the whole process,
divided by the nodes, says that nothing was forgotten.
"""

from __future__ import annotations

import enum
import gc
import os
import sys
import tempfile
import types
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from idle import NEIGHBOURS, devnet, settled_node

from kadisc.core.addressing.contact_pool import ContactPool
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.endpoints import Family
from kadisc.sim.lab import Lab, without_pauses
from kadisc.sim.model.host import Host
from kadisc.sim.options import SimOptions

GOAL_REAL_MB, GOAL_SIMULATED_KB = 48.0, 128.0
ALLOCATION_BYTES = 16
"""Sizes are rounded up to so much."""
SHARED = (
    type,
    types.ModuleType,
    types.FunctionType,
    types.CodeType,
    enum.Enum,
    Random,
    ContactPool,
    AddressPolicy,
)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def components(host: Host) -> Iterator[tuple[str, list[object]]]:
    """In the order in which shared objects are attributed: small ones first, so that what holds
    them all is left with the rest.
    """
    dht = host.node.dhts[Family.IPV4]
    parts = dht.parts
    yield "entries", list(dht.table)
    yield "buckets", [*dht.table.buckets()]
    yield "table", [parts.table]
    for name in (
        "revalidation",
        "candidates",
        "refresh",
        "quarantine",
        "connectivity",
        "acquaintances",
        "address",
        "counters",
    ):
        yield name, [getattr(parts, name)]
    if host.nat is not None:
        yield "nat", [host.nat]
    yield "the rest of the node", [host.node]
    yield "host", [host]


def sizes(lab: Lab) -> Counter[str]:
    """Bytes of all nodes, by component."""
    found: Counter[str] = Counter()
    seen = {id(shared) for shared in _shared_by_all(lab)}
    for host in lab.world.hosts.values():
        for name, objects in components(host):
            found[name] += _size(objects, seen)
    return found


def _shared_by_all(lab: Lab) -> Iterator[object]:
    """Pooled contacts and what they are made of, and the options down to their last number."""
    waiting: list[object] = [lab.options]
    for host in lab.world.hosts.values():
        waiting += [entry.pooled for entry in host.node.dhts[Family.IPV4].table]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if id(each) not in seen and not isinstance(each, SHARED):
            seen.add(id(each))
            waiting += gc.get_referents(each)
            yield each


def _size(waiting: list[object], seen: set[int]) -> int:
    """Of these objects and all that they hold."""
    total = 0
    while waiting:
        each = waiting.pop()
        if each is None or isinstance(each, SHARED) or id(each) in seen:
            continue
        seen.add(id(each))
        total += -(-sys.getsizeof(each) // ALLOCATION_BYTES) * ALLOCATION_BYTES
        waiting += gc.get_referents(each)
    return total


def simulated(nodes: int, minutes: float) -> float:
    """Prints the table; kilobytes of the process for each node."""
    before = resident_bytes()
    lab = Lab(SimOptions(nodes=nodes, minutes=minutes))
    with without_pauses():
        lab.settle(warmup_s=60.0 * minutes)
    per_node_kb = (resident_bytes() - before) / nodes / 1000
    entries = (
        sum(len(host.node.dhts[Family.IPV4].table) for host in lab.world.hosts.values()) / nodes
    )
    print(
        f"a simulated node, of {nodes} after {minutes:g} minutes, with {entries:.0f} "
        "entries in its table"
    )
    for name, size in sizes(lab).most_common():
        print(f"{name:>22} {size / nodes / 1000:8.1f} kB")
    print(
        f"{'the process, for each':>22} {per_node_kb:8.1f} kB, goal "
        f"{GOAL_SIMULATED_KB:g}: {_verdict(per_node_kb <= GOAL_SIMULATED_KB)}"
    )
    return per_node_kb


def real() -> float:
    """Megabytes of one node without the dashboard."""
    with (
        tempfile.TemporaryDirectory() as home,
        devnet(f"{home}/devnet") as where,
        settled_node(where, f"{home}/node", dashboard=False) as node,
    ):
        megabytes = node.rss_mb()
    print(
        f"a real node with {NEIGHBOURS} neighbours: {megabytes:.1f} MB, goal "
        f"{GOAL_REAL_MB:g}: {_verdict(megabytes <= GOAL_REAL_MB)}"
    )
    return megabytes


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def main() -> int:
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    real_mb = real()
    return 0 if simulated(nodes, minutes) <= GOAL_SIMULATED_KB and real_mb <= GOAL_REAL_MB else 1


if __name__ == "__main__":
    sys.exit(main())
