"""The KRPC messages of BEP 5, BEP 44 (get, put) and BEP 51 (sample_infohashes), with the fields of
BEP 32 (want, nodes6), BEP 42 (ip) and BEP 43 (ro); and the methods of kadisc itself: gossip, reach
and knock.

Keys and IDs are ints, endpoints are compact. ``nodes`` and ``nodes6`` stay raw bytes here, checked
for length only: most replies of a flood match no query, and parsing their contacts would let the
sender waste the time of this node.

Classes that are made for every datagram have their ``__init__`` written out: the one that a
dataclass makes for itself cannot be compiled (decision 0012).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ..endpoints import Endpoint
from ..ids import NodeId
from .items import Item


@dataclass(slots=True)
class Query:
    """What all queries have. ``tid`` is the transaction ID, echoed in the answer; ``sender`` is the
    ID that the querier claims.
    """

    tid: bytes
    sender: NodeId
    version: bytes | None = field(default=None, kw_only=True)
    read_only: bool = field(default=False, kw_only=True)
    asker_token: bytes | None = field(default=None, kw_only=True)
    """8 bytes, ``tk``: what an earlier answer of the queried node had, or zeros to ask for it; only
    where that node is one of kadisc's.
    """


@dataclass(slots=True)
class Ping(Query):
    """BEP 5: asks whether the node is there."""

    nonce: bytes | None = None
    """8 bytes, ``n``, of a test of reachability: the ping comes from a witness (see `Knock`). Its
    transaction ID is the first 4 of them.
    """

    def __init__(
        self,
        tid: bytes,
        sender: NodeId,
        nonce: bytes | None = None,
        *,
        version: bytes | None = None,
        read_only: bool = False,
        asker_token: bytes | None = None,
    ) -> None:
        self.tid = tid
        self.sender = sender
        self.nonce = nonce
        self.version = version
        self.read_only = read_only
        self.asker_token = asker_token


@dataclass(slots=True)
class FindNode(Query):
    """BEP 5: asks for the contacts closest to a target."""

    target: NodeId
    want: frozenset[bytes] | None = None
    """b"n4" and b"n6" as asked for (BEP 32; unknown strings left out); None if the querier does not
    say.
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
        asker_token: bytes | None = None,
    ) -> None:
        self.tid = tid
        self.sender = sender
        self.target = target
        self.want = want
        self.version = version
        self.read_only = read_only
        self.asker_token = asker_token


@dataclass(slots=True)
class GetPeers(Query):
    """BEP 5: asks for the peers announced under an info-hash, and for a token."""

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
        asker_token: bytes | None = None,
    ) -> None:
        self.tid = tid
        self.sender = sender
        self.info_hash = info_hash
        self.want = want
        self.version = version
        self.read_only = read_only
        self.asker_token = asker_token


@dataclass(slots=True)
class AnnouncePeer(Query):
    """BEP 5: announces the querier under an info-hash."""

    info_hash: NodeId
    port: int
    """1 to 65535. With ``implied_port`` the source port of the datagram counts instead, and this
    may be 0.
    """
    token: bytes
    implied_port: bool = False


@dataclass(slots=True)
class Get(Query):
    """BEP 44: asks for an item, and for a token."""

    target: NodeId
    sequence: int | None = None
    """The sequence of the version that the querier has: it wants a later one."""
    want: frozenset[bytes] | None = None


@dataclass(slots=True)
class Put(Query):
    """BEP 44: stores an item."""

    token: bytes
    item: Item
    """The item, whose signature is not verified yet."""
    cas: int | None = None
    """Compare and swap: the sequence that the item stored so far must have."""


@dataclass(slots=True)
class SampleInfohashes(Query):
    """BEP 51: asks for a sample of the stored info-hashes."""

    target: NodeId
    want: frozenset[bytes] | None = None


@dataclass(slots=True)
class Gossip(Query):
    """``network``: the 20-byte tag of the sender's network; ``want``: how many peers it asks for, 0
    to 16.
    """

    network: bytes
    want: int
    token: bytes | None = None
    record: dict[bytes, Any] | None = None
    """The sender's own record, not verified yet. A query with a record is a push."""
    pad: int | None = None
    """Bytes of padding, which make the query as long as its answer may be."""
    challenge: bytes | None = None
    """16 random bytes that the replier is asked to sign, to prove its key; None: no proof is asked
    for.
    """
    asked: Endpoint | None = None
    """With a challenge: the endpoint that the query is sent to, as the sender knows it."""
    bye: bool = False
    """Whether the sender stops: it is not to be given to applications any more."""


@dataclass(slots=True)
class Reach(Query):
    """Asks a helper to find out whether nodes that the sender had nothing to do with reach it. With
    a record: whether its TCP port accepts connections.
    """

    nonce: bytes
    """8 random bytes, used once."""
    network: bytes
    """The 20-byte tag of the sender's network."""
    token: bytes | None = None
    """From an answer of the same helper to gossip."""
    port: int | None = None
    """1024 to 65535: the UDP port to test; None for the source port of the query."""
    record: dict[bytes, Any] | None = None
    """With ``tcp_port``: the sender's own record, not verified yet."""
    tcp_port: int | None = None
    """1024 to 65535: the TCP port to connect to."""
    known: bytes | None = None
    """40 bytes, ``k``: the hosts that the sender had to do with lately, see `HostFilter`."""


@dataclass(slots=True)
class Knock(Query):
    """A helper asks a witness to ping an endpoint once, with the nonce."""

    nonce: bytes
    network: bytes
    to: Endpoint
    token: bytes | None = None
    """From an answer of the same witness to gossip."""


@dataclass(slots=True)
class UnknownQuery(Query):
    """A method that this node does not serve. With a ``target`` it is answered as find_node,
    otherwise with error 204.
    """

    method: bytes
    target: NodeId | None
    want: frozenset[bytes] | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What a reply to gossip has beyond other replies: the replier's own record, not verified yet,
    peers, 27 and 39 bytes each, and the signature that the challenge of the query asked for, not
    verified either.
    """

    record: dict[bytes, Any] | None
    peers: bytes = b""
    peers6: bytes = b""
    proof: bytes | None = None
    can: bool = False
    """Whether the replier helps the querier with tests of reachability."""


@dataclass(frozen=True, slots=True)
class InfoHashSamples:
    """``interval_s``: after this time the replier gives other samples; ``held``: how many
    info-hashes it stores peers for; ``info_hashes``: some of them, 20 bytes each.
    """

    interval_s: int
    held: int
    info_hashes: bytes = b""


@dataclass(frozen=True, slots=True)
class ReachResult:
    """What the reply to reach or knock says; None for a field that it does not have. ``ok``:
    whether the ping of a witness was answered; ``witness``: the one that pinged; ``tcp``: one of
    `TCP_ACCEPTED`, `TCP_REFUSED` and `TCP_SILENT`.
    """

    ok: bool | None = None
    witness: Endpoint | None = None
    tcp: int | None = None


TCP_ACCEPTED: Final = 0
TCP_REFUSED: Final = 1
TCP_SILENT: Final = 2


@dataclass(slots=True)
class Reply:
    """An ``r`` message. Which fields have a meaning depends on the query that it answers."""

    tid: bytes
    sender: NodeId
    nodes: bytes | None = None
    """Compact contacts, 26 bytes each."""
    nodes6: bytes | None = None
    """Compact contacts, 38 bytes each."""
    values: list[Endpoint] | None = None
    token: bytes | None = None
    seen_as: Endpoint | None = None
    """The endpoint of the querier as the replier sees it (BEP 42 ``ip``)."""
    version: bytes | None = None
    news: News | None = None
    held: dict[bytes, Any] | None = None
    """The fields of an item in a reply to get (k, seq, sig, v), not verified yet."""
    samples: InfoHashSamples | None = None
    asker_token: bytes | None = None
    """8 bytes, ``tk``: proves the querying endpoint in its later queries."""
    reach: ReachResult | None = None

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
        samples: InfoHashSamples | None = None,
        asker_token: bytes | None = None,
        reach: ReachResult | None = None,
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
        self.asker_token = asker_token
        self.reach = reach


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
    Reach: "reach",
    Knock: "knock",
}
"""The name of each method, on the wire and to people."""
