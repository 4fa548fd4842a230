"""Decoded bencode to typed messages (BEP 5, 44, 51), with the fields of BEP 32 (want, nodes6), BEP
42 (ip) and BEP 43 (ro).

Decoding is strict about what an answer depends on: a wrong ID, target, token or list of nodes
refuses the message. It is lenient about hints: a malformed ``v``, ``ip``, ``ro``, ``tk`` or
``want``, the ``n`` of a ping, or malformed samples, count as not sent. Only DecodeError is raised,
whatever the input is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeAlias, cast

from ..endpoints import Endpoint
from ..errors import DecodeError
from ..ids import ID_BYTES, NodeId
from . import bencode, error_codes, gossip, items, reach
from .compact import ENDPOINT_SIZES, IPV4_CONTACT_BYTES, IPV6_CONTACT_BYTES, endpoint_from
from .envelope import ASKER_TOKEN_BYTES, MAX_TID_BYTES
from .messages import (
    AnnouncePeer,
    Error,
    FindNode,
    Get,
    GetPeers,
    InfoHashSamples,
    Message,
    Ping,
    Query,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)
from .put import read_put

MAX_METHOD_BYTES: Final = 64
"""The longest name of a method that is read."""
MAX_TOKEN_BYTES: Final = 128
"""The longest token that is read, and sent back; those of other clients have 4 to 20 bytes."""
MAX_VERSION_BYTES: Final = 32
"""The longest client version that is kept; a longer one counts as not sent."""
MAX_VALUES: Final = 256
"""Peers taken from one reply: more than fit into a datagram without fragments."""
MAX_ERROR_TEXT_BYTES: Final = 256
"""Bytes of the text of an error that are kept."""

_COMPLAINTS: Final = (
    {
        "not-a-dict": "a message is a dict",
        "bad-tid": f"t must be at most {MAX_TID_BYTES} bytes",
        "bad-type": "y must be q, r or e",
        "bad-method": f"q must be at most {MAX_METHOD_BYTES} bytes",
        "bad-arguments": "a must be a dict",
        "bad-id": f"id must be {ID_BYTES} bytes",
        "bad-target": f"target must be {ID_BYTES} bytes",
        "bad-info-hash": f"info_hash must be {ID_BYTES} bytes",
        "bad-port": "port must be 1 to 65535",
        "bad-token": f"token must be at most {MAX_TOKEN_BYTES} bytes",
        "bad-net": f"net must be {ID_BYTES} bytes",
        "bad-want": f"want must be 0 to {gossip.MAX_WANT}",
        "bad-record": "rec must be a dict",
        "bad-reply": "r must be a dict",
        "bad-nodes": "nodes must be whole compact contacts",
        "bad-peers": "peers must be whole compact contacts and a byte each",
        "bad-values": "values must be a list",
        "bad-error": "e must be a list that begins with a code",
    }
    | items.COMPLAINTS
    | reach.COMPLAINTS
)
"""Reasons to refuse a message whose bencode is sound, with the text that a querier is sent."""

DROP_REASONS: Final = (*bencode.REASONS, *_COMPLAINTS)
"""Every ``DecodeError.reason`` of a datagram; records have three more (`records.py`)."""

Fields: TypeAlias = dict[bytes, Any]


def message_from(envelope: Any) -> Message:
    """The message in a decoded value of any shape; raises DecodeError."""
    if type(envelope) is not dict:
        raise DecodeError("not-a-dict")
    tid = envelope.get(b"t")
    if type(tid) is not bytes or len(tid) > MAX_TID_BYTES:
        raise DecodeError("bad-tid")
    kind = envelope.get(b"y")
    # Only bytes are looked up: a list or dict as `y` is not hashable.
    read = _READERS.get(kind, _read_other) if type(kind) is bytes else _read_other
    return read(tid, envelope)


def _read_other(tid: bytes, envelope: Fields) -> NoReturn:
    raise DecodeError("bad-type")


def _read_query(tid: bytes, envelope: Fields) -> Query:
    get = envelope.get
    try:
        method = get(b"q")
        if type(method) is not bytes or len(method) > MAX_METHOD_BYTES:
            raise DecodeError("bad-method")
        arguments = get(b"a")
        if type(arguments) is not dict:
            raise DecodeError("bad-arguments")
        query = _QUERY_READERS.get(method, _read_unknown)(
            tid, _id(arguments.get(b"id"), "bad-id"), arguments, method
        )
    except DecodeError as refusal:
        # A query has a sender, who is told what is wrong with it.
        raise DecodeError(
            refusal.reason,
            tid,
            items.CODES.get(refusal.reason, error_codes.PROTOCOL),
            _COMPLAINTS[refusal.reason],
        ) from None
    if (version := get(b"v")) is not None:
        query.version = _version(version)
    if get(b"ro") == 1:
        query.read_only = True
    if b"tk" in arguments:
        query.asker_token = _asker_token(arguments[b"tk"])
    return query


def _read_ping(tid: bytes, sender: NodeId, arguments: Fields, method: bytes) -> Query:
    return Ping(tid, sender, reach.nonce_of_ping(arguments.get(b"n")))


def _read_find_node(tid: bytes, sender: NodeId, arguments: Fields, method: bytes) -> Query:
    want = arguments.get(b"want")
    return FindNode(
        tid,
        sender,
        _id(arguments.get(b"target"), "bad-target"),
        None if want is None else _want(want),
    )


def _read_get_peers(tid: bytes, sender: NodeId, arguments: Fields, method: bytes) -> Query:
    want = arguments.get(b"want")
    return GetPeers(
        tid,
        sender,
        _id(arguments.get(b"info_hash"), "bad-info-hash"),
        None if want is None else _want(want),
    )


def _read_announce_peer(tid: bytes, sender: NodeId, arguments: Fields, method: bytes) -> Query:
    info_hash = _id(arguments.get(b"info_hash"), "bad-info-hash")
    implied = arguments.get(b"implied_port")
    implied_port = type(implied) is int and implied != 0
    port = arguments.get(b"port")
    if type(port) is not int or not 0 < port < 65536:
        if not implied_port:
            raise DecodeError("bad-port")
        port = 0
    token = arguments.get(b"token")
    if token is None:
        raise DecodeError("bad-token")
    return AnnouncePeer(tid, sender, info_hash, port, _token(token), implied_port)


def _read_get(tid: bytes, sender: NodeId, arguments: Fields, method: bytes) -> Query:
    sequence = arguments.get(b"seq")
    known = None if sequence is None else items.whole_number(sequence)
    return Get(
        tid,
        sender,
        _id(arguments.get(b"target"), "bad-target"),
        known,
        _want(arguments.get(b"want")),
    )


def _read_put(tid: bytes, sender: NodeId, arguments: Fields, method: bytes) -> Query:
    return read_put(tid, sender, arguments, _token)


def _read_sample_infohashes(tid: bytes, sender: NodeId, arguments: Fields, method: bytes) -> Query:
    return SampleInfohashes(
        tid, sender, _id(arguments.get(b"target"), "bad-target"), _want(arguments.get(b"want"))
    )


def _read_gossip(tid: bytes, sender: NodeId, arguments: Fields, method: bytes) -> Query:
    return gossip.read_query(tid, sender, arguments, _token)


def _read_reach(tid: bytes, sender: NodeId, arguments: Fields, method: bytes) -> Query:
    return reach.read_reach(tid, sender, arguments, _token)


def _read_knock(tid: bytes, sender: NodeId, arguments: Fields, method: bytes) -> Query:
    return reach.read_knock(tid, sender, arguments, _token)


def _read_unknown(tid: bytes, sender: NodeId, arguments: Fields, method: bytes) -> Query:
    target = next(
        (
            raw
            for key in (b"target", b"info_hash")
            if type(raw := arguments.get(key)) is bytes and len(raw) == ID_BYTES
        ),
        None,
    )
    return UnknownQuery(
        tid,
        sender,
        method,
        None if target is None else int.from_bytes(target, "big"),
        _want(arguments.get(b"want")),
    )


def _read_reply(tid: bytes, envelope: Fields) -> Reply:
    results = envelope.get(b"r")
    if type(results) is not dict:
        raise DecodeError("bad-reply")
    get = results.get
    reply = Reply(tid, _id(get(b"id"), "bad-id"))
    if (nodes := get(b"nodes")) is not None:
        reply.nodes = _whole_contacts(nodes, IPV4_CONTACT_BYTES)
    if (nodes6 := get(b"nodes6")) is not None:
        reply.nodes6 = _whole_contacts(nodes6, IPV6_CONTACT_BYTES)
    if (values := get(b"values")) is not None:
        reply.values = _endpoints(values)
    if (token := get(b"token")) is not None:
        reply.token = _token(token)
        if b"rec" in results or b"peers" in results or b"peers6" in results:
            reply.news = gossip.read_news(results)
    if b"v" in results or b"seq" in results:
        reply.held = {name: results[name] for name in _ITEM_FIELDS if name in results}
    if (samples := get(b"samples")) is not None:
        reply.samples = _samples(samples, get(b"interval"), get(b"num"))
    if b"ok" in results or b"tcp" in results:
        reply.reach = reach.read_result(results)
    if b"tk" in results:
        reply.asker_token = _asker_token(results[b"tk"])
    reply.seen_as = endpoint_from(envelope.get(b"ip"))
    reply.version = _version(envelope.get(b"v"))
    return reply


def _read_error(tid: bytes, envelope: Fields) -> Error:
    details = envelope.get(b"e")
    if type(details) is not list or not details or type(details[0]) is not int:
        raise DecodeError("bad-error")
    text = details[1] if len(details) > 1 and type(details[1]) is bytes else b""
    readable = text[:MAX_ERROR_TEXT_BYTES].decode("utf-8", "replace")
    return Error(
        tid, details[0], readable, _version(envelope.get(b"v")), endpoint_from(envelope.get(b"ip"))
    )


_READERS: Final[dict[bytes, Callable[[bytes, Fields], Message]]] = {
    b"q": _read_query,
    b"r": _read_reply,
    b"e": _read_error,
}

_QUERY_READERS: Final[dict[bytes, Callable[[bytes, NodeId, Fields, bytes], Query]]] = {
    b"ping": _read_ping,
    b"find_node": _read_find_node,
    b"get_peers": _read_get_peers,
    b"announce_peer": _read_announce_peer,
    b"get": _read_get,
    b"put": _read_put,
    b"sample_infohashes": _read_sample_infohashes,
    b"gossip": _read_gossip,
    b"reach": _read_reach,
    b"knock": _read_knock,
}


_ITEM_FIELDS: Final = (b"k", b"seq", b"sig", b"v")
_int_from_bytes: Final = int.from_bytes  # big-endian


def _id(raw: Any, reason: str) -> NodeId:
    if type(raw) is not bytes or len(raw) != ID_BYTES:
        raise DecodeError(reason)
    return _int_from_bytes(raw)


def _version(raw: Any) -> bytes | None:
    return raw if type(raw) is bytes and len(raw) <= MAX_VERSION_BYTES else None


_FAMILIES_WANTED: Final = frozenset((b"n4", b"n6"))
_ONLY_BYTES: Final = frozenset((bytes,))


def _want(raw: Any) -> frozenset[bytes] | None:
    if type(raw) is not list or not _ONLY_BYTES.issuperset(map(type, raw)):
        return None
    return _FAMILIES_WANTED.intersection(raw)


def _token(raw: Any) -> bytes:
    if type(raw) is not bytes or len(raw) > MAX_TOKEN_BYTES:
        raise DecodeError("bad-token")
    return raw


def _asker_token(raw: Any) -> bytes | None:
    return raw if type(raw) is bytes and len(raw) == ASKER_TOKEN_BYTES else None


def _whole_contacts(raw: Any, size: int) -> bytes:
    if type(raw) is not bytes or len(raw) % size:
        raise DecodeError("bad-nodes")
    return raw


def _endpoints(raw: Any) -> list[Endpoint]:
    if type(raw) is not list:
        raise DecodeError("bad-values")
    # As `endpoint_from`, without a call for each of up to a hundred endpoints.
    good = [
        item
        for item in raw
        if type(item) is bytes and len(item) in ENDPOINT_SIZES and item[-2:] != b"\0\0"
    ]
    return cast("list[Endpoint]", good[:MAX_VALUES])


def _samples(raw: Any, interval_s: Any, held: Any) -> InfoHashSamples | None:
    if (
        type(interval_s) is not int
        or type(held) is not int
        or type(raw) is not bytes
        or len(raw) % ID_BYTES
    ):
        return None
    return InfoHashSamples(interval_s, held, raw)
