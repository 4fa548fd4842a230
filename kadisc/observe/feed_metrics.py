"""The metrics of ``kadisc feed``, which serves them itself: from its state and its counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from .feed_states import FeedState
from .metric_family import MetricFamily, family, one

HandshakeResult: TypeAlias = Literal["sound", "bad", "busy", "wrong-network", "no-route"]
OfferResult: TypeAlias = Literal[
    "connected", "accepted", "not-connected", "overtaken", "refused", "failed", "not-made"
]
HANDSHAKES: Final[tuple[HandshakeResult, ...]] = (
    "sound",
    "bad",
    "busy",
    "wrong-network",
    "no-route",
)
OFFERS: Final[tuple[OfferResult, ...]] = (
    "connected",
    "accepted",
    "not-connected",
    "overtaken",
    "refused",
    "failed",
    "not-made",
)


class FeedCounts:
    """Handshakes and offers so far, by what came of each."""

    def __init__(self) -> None:
        self.handshakes: Counter[HandshakeResult] = Counter()
        self.offers: Counter[OfferResult] = Counter()


def feed_families(state: FeedState, counts: FeedCounts, chain: str = "") -> Iterator[MetricFamily]:
    """A feeder feeds one chain node, which only the first family tells of: a label that is the same
    in all of them belongs into one, to be joined with (``group_left``).

    Args:
        chain: The name of its chain, as of ``--chain``; empty where it is not known.
    """
    yield family(
        "feed",
        "info",
        "The preset of the feed and the chain of --chain (other: by its magic; empty: not given).",
        ("preset", "chain"),
        {(state.name, "other" if chain.startswith("0x") else chain): 1},
    )
    yield one("feed_chain_up", "gauge", "Whether the chain node answers.", state.condition == "up")
    peers = {("in",): state.inbound, ("out",): state.outbound}
    yield family(
        "feed_chain_peers",
        "gauge",
        "Peers of the chain node, by who connected; no sample while it does not answer.",
        ("direction",),
        {labels: count for labels, count in peers.items() if count is not None},
    )
    yield one(
        "feed_chain_peers_wanted", "gauge", "Outbound peers that the feed goes for.", state.want
    )
    yield family(
        "feed_offers",
        "counter",
        "Peers offered to the chain node: connected; accepted (it says so at once); not-connected"
        " in time; overtaken (it took others); refused; failed (it did not answer); not-made"
        " (--dry-run).",
        ("outcome",),
        {(each,): counts.offers[each] for each in OFFERS},
    )
    yield family(
        "feed_handshakes",
        "counter",
        "Handshakes with peers before they are offered: sound, bad, busy, wrong-network, or"
        " no-route from this machine.",
        ("outcome",),
        {(each,): counts.handshakes[each] for each in HANDSHAKES},
    )
    yield family(
        "feed_service_advertised",
        "gauge",
        "Whether the running node offers the service of --advertise.",
        ("service",),
        {} if state.service is None else {(state.service[:64],): bool(state.service_offered)},
    )
