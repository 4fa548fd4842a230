"""The KRPC messages of BEP 5, BEP 44 (get, put) and BEP 51 (sample_infohashes), with the fields of
BEP 32 (want, nodes6), BEP 42 (ip) and BEP 43 (ro); and our own method, gossip.

Keys and IDs are ints, endpoints are compact. ``nodes`` and ``nodes6`` stay raw bytes here, checked
for length only: most replies of a flood match no query, and parsing contacts that nobody asked for
would be a gift to the sender.

What is made for every datagram has its ``__init__`` written out: the one that a dataclass makes for
itself cannot be compiled (decision 0012).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ..endpoints import Endpoint
from ..ids import NodeId
from .items import Item


@dataclass(slots=True)
class Query:
    """What all queries have. ``tid`` is the transaction id, echoed in the answer; ``sender`` the ID
    that the querier claims.
    """

    tid: bytes
    sender: NodeId
    version: bytes | None = field(default=None, kw_only=True)
    read_only: bool = field(default=False, kw_only=True)


@dataclass(slots=True)
class Ping(Query):
    pass


@dataclass(slots=True)
class FindNode(Query):
    target: NodeId
    want: frozenset[bytes] | None = None
    """b"n4" and b"n6" as asked for (BEP 32; unknown strings left out), or None where the querier
    did not say.
    """

    def __init__(
        self,
        tid: bytes,
        sender: NodeId,
        target: NodeId,
        want: frozenset[bytes] | None = None,
        *,
        version: bytes | None = None,
        read_only: bool = False,
    ) -> None:
        self.tid = tid
        self.sender = sender
        self.target = target
        self.want = want
        self.version = version
        self.read_only = read_only


@dataclass(slots=True)
class GetPeers(Query):
    info_hash: NodeId
    want: frozenset[bytes] | None = None

    def __init__(
        self,
        tid: bytes,
        sender: NodeId,
        info_hash: NodeId,
        want: frozenset[bytes] | None = None,
        *,
        version: bytes | None = None,
        read_only: bool = False,
    ) -> None:
        self.tid = tid
        self.sender = sender
        self.info_hash = info_hash
        self.want = want
        self.version = version
        self.read_only = read_only


@dataclass(slots=True)
class AnnouncePeer(Query):
    info_hash: NodeId
    port: int
    """1 to 65535; with ``implied_port`` the datagram's source port counts and this may be 0."""
    token: bytes
    implied_port: bool = False


@dataclass(slots=True)
class Get(Query):
    target: NodeId
    sequence: int | None = None
    """Of the version that the querier has: only a later one is of use to it."""
    want: frozenset[bytes] | None = None


@dataclass(slots=True)
class Put(Query):
    token: bytes
    item: Item
    """Read, but its signature not looked at yet."""
    cas: int | None = None
    """Compare and swap: the sequence that the item must have where it is stored already."""


@dataclass(slots=True)
class SampleInfohashes(Query):
    target: NodeId
    want: frozenset[bytes] | None = None


@dataclass(slots=True)
class Gossip(Query):
    """``network``: the 20-byte tag of the network that the sender is of; ``want``: how many peers
    it asks for, 0 to 16.
    """

    network: bytes
    want: int
    token: bytes | None = None
    record: dict[bytes, Any] | None = None
    """The sender's own record, not looked at yet: then the query is a push."""
    pad: int | None = None
    """Bytes that make the query as long as its answer may be."""


@dataclass(slots=True)
class UnknownQuery(Query):
    """A method that is not served here. With a ``target`` it is answered as find_node, otherwise
    with error 204.
    """

    method: bytes
    target: NodeId | None
    want: frozenset[bytes] | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What a reply to gossip brings: the replier's own record, not looked at yet, and peers, 27 and
    39 bytes each.
    """

    record: dict[bytes, Any] | None
    peers: bytes = b""
    peers6: bytes = b""


@dataclass(frozen=True, slots=True)
class Samples:
    """``interval_s``: after that there are others to be had; ``held``: how many info-hashes the
    replier stores peers for; ``info_hashes``: some of them, 20 bytes each.
    """

    interval_s: int
    held: int
    info_hashes: bytes = b""


@dataclass(slots=True)
class Reply:
    """An ``r`` message. Which of its fields mean anything depends on the query that it answers."""

    tid: bytes
    sender: NodeId
    nodes: bytes | None = None
    """Compact contacts, 26 bytes each."""
    nodes6: bytes | None = None
    """Compact contacts, 38 bytes each."""
    values: list[Endpoint] | None = None
    token: bytes | None = None
    seen_as: Endpoint | None = None
    """Our own endpoint as the replier saw it (BEP 42 ``ip``)."""
    version: bytes | None = None
    news: News | None = None
    held: dict[bytes, Any] | None = None
    """What a reply to get has of an item (k, seq, sig, v), not looked at yet."""
    samples: Samples | None = None

    def __init__(
        self,
        tid: bytes,
        sender: NodeId,
        nodes: bytes | None = None,
        nodes6: bytes | None = None,
        values: list[Endpoint] | None = None,
        token: bytes | None = None,
        seen_as: Endpoint | None = None,
        version: bytes | None = None,
        news: News | None = None,
        held: dict[bytes, Any] | None = None,
        samples: Samples | None = None,
    ) -> None:
        self.tid = tid
        self.sender = sender
        self.nodes = nodes
        self.nodes6 = nodes6
        self.values = values
        self.token = token
        self.seen_as = seen_as
        self.version = version
        self.news = news
        self.held = held
        self.samples = samples


@dataclass(slots=True)
class Error:
    """An ``e`` message."""

    tid: bytes
    code: int
    text: str
    version: bytes | None = None
    seen_as: Endpoint | None = None


Message: TypeAlias = Query | Reply | Error

METHODS: Final[dict[type[Query], str]] = {
    Ping: "ping",
    FindNode: "find_node",
    GetPeers: "get_peers",
    AnnouncePeer: "announce_peer",
    Get: "get",
    Put: "put",
    SampleInfohashes: "sample_infohashes",
    Gossip: "gossip",
}
"""What each is called, on the wire and to people."""
