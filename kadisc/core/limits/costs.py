"""What a datagram costs in processor time, by fixed weights.

Attack: budgets that count datagrams are used up by those that cost most: a kilobyte of nested lists
takes ten times as long as a find_node, and a pass of the slow decoder fifty times. Defence: what a
datagram takes beyond a find_node is charged in seconds (`TrafficRule.charge`), before it is done:
the decoding by what is counted in the bytes, the rest by the method.

The weights are those of the machine on which ``benchmarks/cost.py`` measured a find_node at
`FIND_NODE_S`; on another one all of them are wrong by about the same factor. With ``--check`` that
program fails where a weight is less than half or more than twice its share of a find_node. They are
constants, because a node that measured them would behave otherwise in each run, and could be misled
by an attacker that keeps it busy.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...wire.messages import (
    AnnouncePeer,
    Get,
    GetPeers,
    Gossip,
    Knock,
    Put,
    Query,
    Reach,
    SampleInfohashes,
)

FIND_NODE_S: Final = 10e-6
"""Seconds for a find_node, which the limits on the number of queries cover."""
SHORT_BYTES: Final = 256
"""The decoding of a datagram up to this length costs little beyond that of a find_node."""
VALUE_S: Final = 0.08e-6
"""Seconds to decode one value: a string, an int, a list or a dict."""
PUT_VALUE_S: Final = 0.16e-6
"""The same in a put, whose value is encoded again, to be sure that there is one encoding of it."""
SLOW_VALUE_S: Final = 0.3e-6
"""Seconds to decode one value slowly."""
PEERS_S: Final = 20e-6
"""Seconds that get_peers takes beyond a find_node, where peers are stored."""
GOSSIP_S: Final = 40e-6
"""Seconds that gossip with a token takes beyond a find_node: the answer names peers."""
PROOF_S: Final = 20e-6
"""Seconds to sign a proof of key for a query with a token; without one, a budget of its own bounds
the signatures (`core/peers/proof.py`).
"""
PEER_PLACE_S: Final = 0.25e-6
"""Seconds for each stored peer of an info-hash to which one more is announced."""
OTHERS_S: Final[dict[type[Query], float]] = {
    AnnouncePeer: 5e-6,
    Get: 5e-6,
    Put: 10e-6,
    SampleInfohashes: 5e-6,
    Gossip: 5e-6,
    Reach: 10e-6,
    Knock: 10e-6,
}
"""Seconds that a query of another kind takes beyond a find_node; a kind that is not here takes
none. The check of a signature is not in it: those have a budget of their own.
"""
_PUT: Final = b"1:q3:put"


def values_in(payload: bytes) -> int:
    """At least the number of values in a datagram: each has a ``:`` (a string) or an ``e``."""
    return payload.count(b":") + payload.count(b"e")


class CostRule(Protocol):
    def decoding_s(self, payload: bytes) -> float:
        """Seconds that the decoding of a datagram takes beyond that of a find_node."""
        ...

    def slow_decoding_s(self, payload: bytes) -> float: ...

    def answering_s(self, query: Query, stored_peers: int) -> float:
        """Seconds that the answer to a query takes beyond that to a find_node. ``stored_peers``:
        the number of those that are stored for its info-hash, if it has one.
        """
        ...


class Costs:
    __slots__ = ()

    def decoding_s(self, payload: bytes) -> float:
        if len(payload) <= SHORT_BYTES:
            return 0.0
        return values_in(payload) * (PUT_VALUE_S if _PUT in payload else VALUE_S)

    def slow_decoding_s(self, payload: bytes) -> float:
        return SLOW_VALUE_S * values_in(payload)

    def answering_s(self, query: Query, stored_peers: int) -> float:
        if isinstance(query, GetPeers):
            return PEERS_S if stored_peers else 0.0
        if isinstance(query, Gossip) and query.token is not None:
            return GOSSIP_S if query.challenge is None else GOSSIP_S + PROOF_S
        other = OTHERS_S.get(type(query), 0.0)
        return other + PEER_PLACE_S * stored_peers if isinstance(query, AnnouncePeer) else other
