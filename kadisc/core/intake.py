"""The first steps of a datagram: may it cost anything, and is it a message?"""

from __future__ import annotations

from collections.abc import Collection

from ..config import CoreConfig
from ..endpoints import ENDPOINT_BYTES, Endpoint, Family, Scope, scope_of
from ..errors import DecodeError
from ..wire import krpc
from ..wire.messages import AnnouncePeer, FindNode, Get, GetPeers, Gossip, Message, Ping, Put, Query, SampleInfohashes, UnknownQuery
from .counters import Counters
from .limits import PrefixBudget
from .scopes import Scopes

SLOW_DECODE = "slow-decode-budget"
QUERY_NAMES: dict[type[Query], str] = {
    Ping: "query.ping",
    FindNode: "query.find_node",
    GetPeers: "query.get_peers",
    AnnouncePeer: "query.announce_peer",
    Get: "query.get",
    Put: "query.put",
    SampleInfohashes: "query.sample_infohashes",
    Gossip: "query.gossip",
    UnknownQuery: "query.unknown",
}


class Intake:
    """Drops what is not worth a look; decodes the rest, the costly part of it within a budget for each network."""

    __slots__ = ("_closed", "_config", "_counters", "_max_bytes", "_patience", "_scopes", "_sizes")

    def __init__(self, config: CoreConfig, scopes: Scopes, families: Collection[Family], counters: Counters) -> None:
        serving = config.serving
        self._closed = False
        self._config = config
        self._max_bytes = config.max_datagram_bytes
        self._scopes = scopes
        self._sizes = frozenset(ENDPOINT_BYTES[family] for family in families)
        self._counters = counters
        self._patience = PrefixBudget(serving.slow_decodes_per_s, serving.slow_decode_burst, serving.max_limited_prefixes)

    def close(self) -> None:
        """Nothing is worth a look any more."""
        self._closed = True

    def admits(self, payload: bytes, source: Endpoint) -> bool:
        """Whether to read on; otherwise it has been counted as dropped."""
        counters, size = self._counters, len(payload)
        counters.received += 1
        counters.received_bytes += size
        if self._closed:
            counters.drop("closed")
        elif size > self._max_bytes:
            counters.drop("too-long")
        elif len(source) not in self._sizes:
            counters.drop("wrong-family")
        elif scope_of(source) is Scope.INVALID:  # nobody can be there: it is forged
            counters.drop("bad-source")
        elif self._scopes.bars and self._scopes.is_barred(source):
            counters.drop("barred")
        else:
            return True
        return False

    def decode(self, payload: bytes, source: Endpoint, now: float) -> Message:
        """Raises DecodeError."""
        try:
            return krpc.decode(payload, patient=False)
        except DecodeError as refusal:
            # Unsorted keys, or garbage: to tell costs a pass of the slow decoder, which every network gets only so many of.
            if refusal.reason != SLOW_DECODE or not (self._config.unlimited or self._patience.take(self._scopes.narrow(source), now)):
                raise
            return krpc.decode(payload, patient=True)
