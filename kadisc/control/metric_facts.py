"""What the metrics of a node are made of, gathered at one moment."""

from __future__ import annotations

import platform

from ..core.snapshot import Snapshot
from ..net.api.node import Node
from ..observe.metrics import MetricFacts, ServerCounts
from ..version import COMPILED, __version__
from ..wire.bencode import ENGINE


def metric_facts(node: Node) -> MetricFacts:
    snapshot = node.snapshot()
    keeper = node.keeper
    return MetricFacts(
        version=__version__,
        compiled=COMPILED,
        codec=ENGINE,
        python=platform.python_version(),
        network=node.config.network,
        not_ready=not_ready(node, snapshot),
        snapshot=snapshot,
        counters=node.counters(),
        counts=node.event_counts,
        uses=node.use_counts,
        server=ServerCounts(
            state_saved_wall_s=keeper.saved_at_wall_s if keeper is not None else None,
            state_save_failures=keeper.failed_saves if keeper is not None else 0,
        ),
    )


def not_ready(node: Node, snapshot: Snapshot) -> tuple[str, ...]:
    """Why the node is not ready for applications to rely on it; empty where it is. A network
    without any other peer is no reason: one node has to be the first.
    """
    reasons = []
    if not any(dht.joined and dht.online for dht in snapshot.dhts):
        for dht in snapshot.dhts:
            what = "no contact answers" if dht.joined else "the node has not joined the DHT"
            reasons.append(f"{dht.family.value}: {what}")
    if node.cannot_save:
        reasons.append("the state cannot be saved")
    return tuple(reasons)
