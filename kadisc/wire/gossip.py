"""The fields of the gossip method: its query, what its reply has beyond other replies, and the
peers in that reply.

::

    query  a: {id, net, want 0..16, [rec], [token], [pad], [ch: 16 bytes, to: 6 or 18 bytes],
               [bye: 1]}
    reply  r: {id, [rec], token, [peers: 27 bytes each], [peers6: 39 bytes each], [pf: 64 bytes],
               [can: 1]}

A peer is a compact contact and one byte: how many relays it may still take (``ttl``) in the upper
half, its age in units of 5 minutes in the lower. ``pf`` answers ``ch`` and ``to``: the signature by
which the replier proves that it has the key of its record (`core/peers/proof.py`). ``can`` 1 says
that the replier helps with tests of reachability (`reach.py`); its other bits are reserved. Records
stay undecoded dicts here, and peers bytes: most answers of a flood match no query, and what is not
asked for is not parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from ..contacts import Contact
from ..endpoints import Family
from ..errors import DecodeError
from ..ids import ID_BYTES, NodeId
from .compact import (
    IPV4_CONTACT_BYTES,
    IPV6_CONTACT_BYTES,
    contacts_from,
    endpoint_from,
    pack_contact,
)
from .messages import Gossip, News

PEER_BYTES: Final = {Family.IPV4: IPV4_CONTACT_BYTES + 1, Family.IPV6: IPV6_CONTACT_BYTES + 1}
"""Bytes of one peer in a reply: a compact contact and the byte of ttl and age."""
MAX_WANT: Final = 16
"""The most peers that a query may ask for."""
CHALLENGE_BYTES: Final = 16
"""Bytes of the challenge that a replier is asked to sign."""
PROOF_BYTES: Final = 71
"""Bytes that a proof takes in a reply: a signature of 64, its key and its length."""
CAN_HELP: Final = 1
"""The bit of ``can`` that stands for help with tests of reachability."""
MAX_NIBBLE: Final = 15
"""The largest number in half a byte."""


class NamedPeer(NamedTuple):
    """A peer as an answer names it. ``age``: in units of 5 minutes; 15 stands for 15 and more."""

    contact: Contact
    ttl: int
    age: int


def pack_peers(peers: Iterable[NamedPeer]) -> bytes:
    """The ``peers`` or ``peers6`` of a reply. All peers must be of one family."""
    return b"".join(
        pack_contact(peer.contact) + bytes((_nibble(peer.ttl) << 4 | _nibble(peer.age),))
        for peer in peers
    )


def _nibble(number: int) -> int:
    return min(max(number, 0), MAX_NIBBLE)


def peers_from(raw: bytes, family: Family) -> list[NamedPeer]:
    """The peers in ``peers`` (IPv4) or ``peers6`` (IPv6), in their order; raises DecodeError if the
    length is not a multiple.
    """
    size = PEER_BYTES[family]
    if len(raw) % size:
        raise DecodeError("bad-peers")
    peers = []
    for start in range(0, len(raw), size):
        [contact] = contacts_from(raw[start : start + size - 1], family)
        last = raw[start + size - 1]
        peers.append(NamedPeer(contact, last >> 4, last & MAX_NIBBLE))
    return peers


def read_query(
    tid: bytes, sender: NodeId, arguments: dict[bytes, Any], token: Callable[[Any], bytes]
) -> Gossip:
    network = arguments.get(b"net")
    want = arguments.get(b"want")
    raw_token = arguments.get(b"token")
    pad = arguments.get(b"pad")
    if type(network) is not bytes or len(network) != ID_BYTES:
        raise DecodeError("bad-net")
    if type(want) is not int or not 0 <= want <= MAX_WANT:
        raise DecodeError("bad-want")
    query = Gossip(tid, sender, network, want, record=_record(arguments.get(b"rec")))
    if raw_token is not None:
        query.token = token(raw_token)
    if type(pad) is bytes:
        query.pad = len(pad)
    challenge = arguments.get(b"ch")
    asked = endpoint_from(arguments.get(b"to"))
    if type(challenge) is bytes and len(challenge) == CHALLENGE_BYTES and asked is not None:
        query.challenge, query.asked = challenge, asked
    bye = arguments.get(b"bye")
    query.bye = type(bye) is int and bye == 1
    return query


def query_arguments(query: Gossip) -> dict[bytes, Any]:
    arguments: dict[bytes, Any] = {b"net": query.network, b"want": query.want}
    if query.record is not None:
        arguments[b"rec"] = query.record
    if query.token is not None:
        arguments[b"token"] = query.token
    if query.pad is not None:
        arguments[b"pad"] = bytes(query.pad)
    if query.challenge is not None and query.asked is not None:
        arguments[b"ch"] = query.challenge
        arguments[b"to"] = query.asked
    if query.bye:
        arguments[b"bye"] = 1
    return arguments


def read_news(results: dict[bytes, Any]) -> News | None:
    """What a reply to gossip has beyond other replies; None for any other reply."""
    record = results.get(b"rec")
    peers = results.get(b"peers")
    peers6 = results.get(b"peers6")
    if record is None and peers is None and peers6 is None:
        return None
    proof = results.get(b"pf")
    if proof is not None and type(proof) is not bytes:
        proof = b""  # no signature, and so an invalid one
    can = results.get(b"can")
    return News(
        _record(record),
        _peers(peers, Family.IPV4),
        _peers(peers6, Family.IPV6),
        proof,
        type(can) is int and can & CAN_HELP != 0,
    )


def add_news(results: dict[bytes, Any], news: News) -> None:
    if news.record is not None:
        results[b"rec"] = news.record
    if news.peers:
        results[b"peers"] = news.peers
    if news.peers6:
        results[b"peers6"] = news.peers6
    if news.proof is not None:
        results[b"pf"] = news.proof
    if news.can:
        results[b"can"] = CAN_HELP


def _record(raw: Any) -> dict[bytes, Any] | None:
    if raw is not None and type(raw) is not dict:
        raise DecodeError("bad-record")
    return raw


def _peers(raw: Any, family: Family) -> bytes:
    if raw is None:
        return b""
    if type(raw) is not bytes or len(raw) % PEER_BYTES[family]:
        raise DecodeError("bad-peers")
    return raw
