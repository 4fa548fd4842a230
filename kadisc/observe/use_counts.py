"""What applications and clients asked of a node, for its metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from .metric_family import MetricFamily, family, one

RequestOutcome: TypeAlias = Literal["done", "failed", "refused", "cancelled", "closed", "fault"]
Via: TypeAlias = Literal["network_peers", "follow_peers", "http"]
OTHER_METHOD: Final = "other"
"""The label of methods that do not exist: their names are the clients' to choose."""
VIAS: Final[tuple[Via, ...]] = ("network_peers", "follow_peers", "http")
VERDICTS: Final = ("good", "busy", "bad", "wrong-network")


class UseCounts:
    """Its memory is bounded: every label is a word of a closed set."""

    def __init__(self) -> None:
        self.control_clients = 0
        """Clients that are connected to the control socket."""
        self.control_requests: Counter[tuple[str, RequestOutcome]] = Counter()
        """Requests of theirs that ended, by method and outcome."""
        self.peers_given: Counter[Via] = Counter()
        """Peers that were given to applications, by the way."""
        self.feedback: Counter[str] = Counter()
        """Verdicts of applications that were noted, by verdict."""


def use_families(uses: UseCounts) -> Iterator[MetricFamily]:
    yield one("control_clients", "gauge", "Clients of the control socket.", uses.control_clients)
    yield family(
        "control_requests",
        "counter",
        "Requests at the control socket that ended: done, failed, refused (not allowed, too many,"
        " not understood), cancelled, closed (the client or the node left), fault (a bug).",
        ("method", "outcome"),
        uses.control_requests,
    )
    yield family(
        "peers_given",
        "counter",
        "Peers given to applications, by the method of the control socket or over HTTP.",
        ("via",),
        {(via,): uses.peers_given[via] for via in VIAS},
    )
    yield family(
        "peer_feedback",
        "counter",
        "Verdicts of applications on peers.",
        ("verdict",),
        {(verdict,): uses.feedback[verdict] for verdict in VERDICTS},
    )
