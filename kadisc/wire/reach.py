"""The fields of the methods that test reachability: ``reach``, ``knock``, the nonce of a ping, and
their replies.

::

    reach  a: {id, n: 8 bytes, net: 20 bytes, [token], [p: 1024..65535], [k: 40 bytes]}
           a: {id, n, net, [token], rec, tcp: 1024..65535}
    knock  a: {id, n, net, to: 6 or 18 bytes, [token]}
    ping   a: {id, n}
    reply  r: {id, token}    to reach or knock without a valid token: nothing has been done
           r: {id, ok: 0 or 1, w: 6 or 18 bytes}    to reach: whether the witness was answered
           r: {id, tcp: 0, 1 or 2}                  to reach with tcp: accepted, refused, silent
           r: {id, ok: 0 or 1}                      to knock

A field of another type, length or range makes a query of no use to its sender, who is told so: it
refuses the message. A ping is answered whatever it holds (BEP 5), so there an odd nonce counts as
not sent; so does an odd ``k``, which is a hint only. No reply is longer than the query that it
answers (`core/reach/helping.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..endpoints import Endpoint
from ..errors import DecodeError
from ..ids import ID_BYTES, NodeId
from .compact import endpoint_from
from .messages import TCP_SILENT, Knock, Reach, ReachResult

KNOWN_BYTES: Final = 40
"""Bytes of ``k``, which says which hosts are no strangers (`core/limits/host_filter.py`)."""
NONCE_BYTES: Final = 8
"""Bytes of the nonce of one test."""
MIN_PORT: Final = 1024
"""The lowest port that is tested: those below it are of services that anybody can name."""
MAX_PORT: Final = 65535

COMPLAINTS: Final = {
    "bad-nonce": f"n must be {NONCE_BYTES} bytes",
    "bad-reach": "reach has p, or rec and tcp, or none of them",
    "bad-reach-port": f"p and tcp must be {MIN_PORT} to {MAX_PORT}",
    "bad-to": "to must be a compact endpoint",
    "bad-result": "ok must be 0 or 1, tcp 0 to 2, w a compact endpoint",
}
"""Reasons to refuse one of these messages, with the text that a querier is sent."""


def nonce_of_ping(raw: Any) -> bytes | None:
    return raw if type(raw) is bytes and len(raw) == NONCE_BYTES else None


def read_reach(
    tid: bytes, sender: NodeId, arguments: dict[bytes, Any], token: Callable[[Any], bytes]
) -> Reach:
    query = Reach(tid, sender, _nonce(arguments), _network(arguments))
    raw_token = arguments.get(b"token")
    if raw_token is not None:
        query.token = token(raw_token)
    record = arguments.get(b"rec")
    if record is not None and type(record) is not dict:
        raise DecodeError("bad-record")
    known = arguments.get(b"k")
    if type(known) is bytes and len(known) == KNOWN_BYTES:
        query.known = known
    query.port = _port(arguments.get(b"p"))
    query.tcp_port = _port(arguments.get(b"tcp"))
    query.record = record
    has_tcp = query.tcp_port is not None
    if has_tcp != (record is not None) or (has_tcp and query.port is not None):
        raise DecodeError("bad-reach")
    return query


def read_knock(
    tid: bytes, sender: NodeId, arguments: dict[bytes, Any], token: Callable[[Any], bytes]
) -> Knock:
    to = endpoint_from(arguments.get(b"to"))
    if to is None:
        raise DecodeError("bad-to")
    query = Knock(tid, sender, _nonce(arguments), _network(arguments), to)
    raw_token = arguments.get(b"token")
    if raw_token is not None:
        query.token = token(raw_token)
    return query


def read_result(results: dict[bytes, Any]) -> ReachResult:
    """What the reply to reach or knock has beyond other replies."""
    ok = results.get(b"ok")
    if ok is not None and (type(ok) is not int or not 0 <= ok <= 1):
        raise DecodeError("bad-result")
    tcp = results.get(b"tcp")
    if tcp is not None and (type(tcp) is not int or not 0 <= tcp <= TCP_SILENT):
        raise DecodeError("bad-result")
    raw = results.get(b"w")
    witness: Endpoint | None = None
    if raw is not None and (witness := endpoint_from(raw)) is None:
        raise DecodeError("bad-result")
    return ReachResult(None if ok is None else ok == 1, witness, tcp)


def reach_arguments(query: Reach) -> dict[bytes, Any]:
    arguments: dict[bytes, Any] = {b"n": query.nonce, b"net": query.network}
    if query.token is not None:
        arguments[b"token"] = query.token
    if query.port is not None:
        arguments[b"p"] = query.port
    if query.known is not None:
        arguments[b"k"] = query.known
    if query.record is not None:
        arguments[b"rec"] = query.record
    if query.tcp_port is not None:
        arguments[b"tcp"] = query.tcp_port
    return arguments


def knock_arguments(query: Knock) -> dict[bytes, Any]:
    arguments: dict[bytes, Any] = {b"n": query.nonce, b"net": query.network, b"to": query.to}
    if query.token is not None:
        arguments[b"token"] = query.token
    return arguments


def add_result(results: dict[bytes, Any], result: ReachResult) -> None:
    if result.ok is not None:
        results[b"ok"] = 1 if result.ok else 0
    if result.witness is not None:
        results[b"w"] = result.witness
    if result.tcp is not None:
        results[b"tcp"] = result.tcp


def _nonce(arguments: dict[bytes, Any]) -> bytes:
    raw = arguments.get(b"n")
    if type(raw) is not bytes or len(raw) != NONCE_BYTES:
        raise DecodeError("bad-nonce")
    return raw


def _network(arguments: dict[bytes, Any]) -> bytes:
    raw = arguments.get(b"net")
    if type(raw) is not bytes or len(raw) != ID_BYTES:
        raise DecodeError("bad-net")
    return raw


def _port(raw: Any) -> int | None:
    if raw is None:
        return None
    if type(raw) is not int or not MIN_PORT <= raw <= MAX_PORT:
        raise DecodeError("bad-reach-port")
    return raw
