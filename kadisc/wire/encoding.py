"""Typed messages to the dicts that are bencoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from ..ids import ID_BYTES
from . import gossip, reach
from .messages import (
    AnnouncePeer,
    Error,
    FindNode,
    Get,
    GetPeers,
    Gossip,
    Knock,
    Message,
    Ping,
    Put,
    Query,
    Reach,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)
from .put import put_arguments

Fields: TypeAlias = dict[bytes, Any]


def fields_of(message: Message) -> Fields:
    """The message as the dict that is bencoded."""
    return _WRITERS[type(message)](message)


def _query(query: Query, method: bytes, arguments: Fields) -> Fields:
    arguments[b"id"] = query.sender.to_bytes(ID_BYTES, "big")
    fields: Fields = {b"a": arguments, b"q": method, b"t": query.tid, b"y": b"q"}
    if query.asker_token is not None:
        arguments[b"tk"] = query.asker_token
    if query.version is not None:
        fields[b"v"] = query.version
    if query.read_only:
        fields[b"ro"] = 1
    return fields


def _write_ping(query: Ping) -> Fields:
    return _query(query, b"ping", {} if query.nonce is None else {b"n": query.nonce})


def _write_find_node(query: FindNode) -> Fields:
    return _query(
        query,
        b"find_node",
        {b"target": query.target.to_bytes(ID_BYTES, "big"), **_wanted(query.want)},
    )


def _write_get_peers(query: GetPeers) -> Fields:
    return _query(
        query,
        b"get_peers",
        {b"info_hash": query.info_hash.to_bytes(ID_BYTES, "big"), **_wanted(query.want)},
    )


def _write_announce_peer(query: AnnouncePeer) -> Fields:
    arguments: Fields = {
        b"info_hash": query.info_hash.to_bytes(ID_BYTES, "big"),
        b"port": query.port,
        b"token": query.token,
    }
    if query.implied_port:
        arguments[b"implied_port"] = 1
    return _query(query, b"announce_peer", arguments)


def _write_get(query: Get) -> Fields:
    known = {} if query.sequence is None else {b"seq": query.sequence}
    return _query(
        query,
        b"get",
        {b"target": query.target.to_bytes(ID_BYTES, "big"), **known, **_wanted(query.want)},
    )


def _write_put(query: Put) -> Fields:
    return _query(query, b"put", put_arguments(query))


def _write_sample_infohashes(query: SampleInfohashes) -> Fields:
    return _query(
        query,
        b"sample_infohashes",
        {b"target": query.target.to_bytes(ID_BYTES, "big"), **_wanted(query.want)},
    )


def _write_gossip(query: Gossip) -> Fields:
    return _query(query, b"gossip", gossip.query_arguments(query))


def _write_reach(query: Reach) -> Fields:
    return _query(query, b"reach", reach.reach_arguments(query))


def _write_knock(query: Knock) -> Fields:
    return _query(query, b"knock", reach.knock_arguments(query))


def _write_unknown(query: UnknownQuery) -> Fields:
    target = {} if query.target is None else {b"target": query.target.to_bytes(ID_BYTES, "big")}
    return _query(query, query.method, {**target, **_wanted(query.want)})


def _wanted(want: frozenset[bytes] | None) -> Fields:
    return {} if want is None else {b"want": sorted(want)}


def _write_reply(reply: Reply) -> Fields:
    results: Fields = {b"id": reply.sender.to_bytes(ID_BYTES, "big")}
    if reply.nodes is not None:
        results[b"nodes"] = reply.nodes
    if reply.nodes6 is not None:
        results[b"nodes6"] = reply.nodes6
    if reply.token is not None:
        results[b"token"] = reply.token
    if reply.values is not None:
        results[b"values"] = reply.values
    if reply.asker_token is not None:
        results[b"tk"] = reply.asker_token
    if reply.news is not None:
        gossip.add_news(results, reply.news)
    if reply.reach is not None:
        reach.add_result(results, reply.reach)
    if reply.held is not None:
        results |= reply.held
    if (samples := reply.samples) is not None:
        results |= {
            b"interval": samples.interval_s,
            b"num": samples.held,
            b"samples": samples.info_hashes,
        }
    return _answer(reply, {b"r": results, b"t": reply.tid, b"y": b"r"})


def _write_error(error: Error) -> Fields:
    return _answer(
        error,
        {b"e": [error.code, error.text.encode("utf-8", "replace")], b"t": error.tid, b"y": b"e"},
    )


def _answer(answer: Reply | Error, fields: Fields) -> Fields:
    if answer.seen_as is not None:
        fields[b"ip"] = answer.seen_as
    if answer.version is not None:
        fields[b"v"] = answer.version
    return fields


_WRITERS: Final[dict[type[Message], Callable[[Any], Fields]]] = {
    Ping: _write_ping,
    FindNode: _write_find_node,
    GetPeers: _write_get_peers,
    AnnouncePeer: _write_announce_peer,
    Get: _write_get,
    Put: _write_put,
    SampleInfohashes: _write_sample_infohashes,
    Gossip: _write_gossip,
    Reach: _write_reach,
    Knock: _write_knock,
    UnknownQuery: _write_unknown,
    Reply: _write_reply,
    Error: _write_error,
}
