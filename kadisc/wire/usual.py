"""A fast path for the most frequent messages, read and written without a dict in between.

Nearly all queries that a node gets are a ping, a find_node or a get_peers without unusual fields,
with their keys in the one order that BEP 3 allows: one pattern reads them whole, in a third of the
time that a decoder and the checks after it take. Another one does that with most replies. Nearly
all datagrams that a node sends are replies and find_node queries, whose keys are known, and so is
their order. Every other message goes the general way, `bencode.py` with `decoding.py` and
`encoding.py`. Where a message fits, both ways give the same, byte for byte
(tests/property/test_wire_usual.py).
"""

from __future__ import annotations

import re
from typing import Final

from ..endpoints import Endpoint
from ..ids import ID_BYTES
from .compact import endpoint_from
from .messages import FindNode, GetPeers, Ping, Query, Reply

_BOTH: Final = frozenset((b"n4", b"n6"))
_IPV4: Final = frozenset((b"n4",))
_IPV6: Final = frozenset((b"n6",))
_WANTED: Final[dict[bytes | None, frozenset[bytes] | None]] = {
    None: None,
    b"2:n42:n6": _BOTH,
    b"2:n4": _IPV4,
    b"2:n6": _IPV6,
}

REPLY_END: Final = b"1:y1:re"
"""How a reply with sorted keys ends, and none of the queries that are read here."""
_int_from_bytes: Final = int.from_bytes  # big-endian
_END: Final = rb"(?:2:tk8:(.{8}))?(?:4:wantl(2:n4|2:n42:n6|2:n6)e)?e1:q9:"
_usual_query: Final = re.compile(
    rb"d1:ad2:id20:(.{20})"
    rb"(?:6:target20:(.{20})" + _END + rb"find_node"
    rb"|9:info_hash20:(.{20})" + _END + rb"get_peers"
    rb"|(?:2:tk8:(.{8}))?e1:q4:ping)1:t(?:2:(..)|4:(....))(?:1:v4:(....))?1:y1:qe",
    re.DOTALL,
).fullmatch
_usual_reply: Final = re.compile(
    rb"d(?:2:ip(?:6:(.{6})|18:(.{18})))?1:rd2:id20:(.{20})"
    rb"(?:5:nodes(0|[1-9][0-9]{0,2}):((?:.{26})*?))?(?:2:tk8:(.{8}))?"
    rb"e1:t4:(....)(?:1:v4:(....))?1:y1:re",
    re.DOTALL,
).fullmatch


def read_query(payload: bytes) -> Query | None:
    """The query, or None for any other message than the most frequent queries."""
    match = _usual_query(payload)
    if match is None:
        return None
    (
        sender, target, token, want, info_hash, peers_token, peers_want, ping_token,
        short_tid, tid, version,
    ) = match.groups()  # fmt: skip
    node_id = _int_from_bytes(sender)
    tid = tid or short_tid
    if target is not None:
        return FindNode(
            tid,
            node_id,
            _int_from_bytes(target),
            _WANTED[want],
            version=version,
            asker_token=token,
        )
    if info_hash is not None:
        return GetPeers(
            tid,
            node_id,
            _int_from_bytes(info_hash),
            _WANTED[peers_want],
            version=version,
            asker_token=peers_token,
        )
    return Ping(tid, node_id, version=version, asker_token=ping_token)


def read_reply(payload: bytes) -> Reply | None:
    """The reply, or None for any other message than the most frequent replies: those to a query of
    this node over IPv4, or a ping, that hold no token for announce_peer and no peers.
    """
    match = _usual_reply(payload)
    if match is None:
        return None
    ipv4, ipv6, sender, size, nodes, token, tid, version = match.groups()
    if nodes is not None and int(size) != len(nodes):  # the pattern has found the end elsewhere
        return None
    return Reply(
        tid,
        _int_from_bytes(sender),
        nodes,
        seen_as=endpoint_from(ipv4 or ipv6),
        version=version,
        asker_token=token,
    )


def write_find_node(query: FindNode) -> bytes | None:
    """The datagram; None for a query that says which families it wants."""
    if query.want is not None:
        return None
    tid, version, token = query.tid, query.version, query.asker_token
    return b"d1:ad2:id20:%b6:target20:%b%be1:q9:find_node%b1:t%d:%b%b1:y1:qe" % (
        query.sender.to_bytes(ID_BYTES, "big"),
        query.target.to_bytes(ID_BYTES, "big"),
        b"" if token is None else b"2:tk%d:%b" % (len(token), token),
        b"2:roi1e" if query.read_only else b"",
        len(tid),
        tid,
        b"" if version is None else b"1:v%d:%b" % (len(version), version),
    )


def write_reply(reply: Reply) -> bytes | None:
    """The datagram; None for a reply with more than an ID, contacts, tokens and peers."""
    if (
        reply.news is not None
        or reply.held is not None
        or reply.samples is not None
        or reply.reach is not None
    ):
        return None
    nodes = reply.nodes
    nodes6 = reply.nodes6
    token = reply.token
    values = reply.values
    seen_as = reply.seen_as
    version = reply.version
    results = b"" if nodes is None else b"5:nodes%d:%b" % (len(nodes), nodes)
    if nodes6 is not None:
        results += b"6:nodes6%d:%b" % (len(nodes6), nodes6)
    if reply.asker_token is not None:
        results += b"2:tk%d:%b" % (len(reply.asker_token), reply.asker_token)
    if token is not None:
        results += b"5:token%d:%b" % (len(token), token)
    if values is not None:
        results += b"6:valuesl%be" % _joined(values)
    ip = b"" if seen_as is None else b"2:ip%d:%b" % (len(seen_as), seen_as)
    v = b"" if version is None else b"1:v%d:%b" % (len(version), version)
    return b"d%b1:rd2:id20:%b%be1:t%d:%b%b1:y1:re" % (
        ip,
        reply.sender.to_bytes(ID_BYTES, "big"),
        results,
        len(reply.tid),
        reply.tid,
        v,
    )


def _joined(peers: list[Endpoint]) -> bytes:
    sizes = set(map(len, peers))
    if len(sizes) == 1:  # nearly always: all of one family, joined in a tenth of the time
        prefix = b"%d:" % sizes.pop()
        return prefix + prefix.join(peers)
    return b"".join([b"%d:%b" % (len(peer), peer) for peer in peers])
