"""What the chain node of an operator answers to its RPC, and what a node of some chain says at the
address of a record: any server may listen there.

An input that begins with a line ``name of a preset`` is the JSON of one answer; any other one is
what comes over the TCP connection of a handshake.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

from kadisc.endpoints import make_endpoint
from kadisc.feed.bitcoin_version import (
    HEADER_BYTES,
    MAX_AGENT_BYTES,
    NotBitcoin,
    OtherMagic,
    RemoteVersion,
    VersionReader,
    decode_version,
    version_message,
)
from kadisc.feed.chain_node import MAX_PEERS, RpcRefused, RpcTarget, RpcUnreachable
from kadisc.feed.chain_peer import peer_from
from kadisc.feed.presets import presets
from kadisc.feed.templates import LacksService

from ..mutation import mutate_json
from ..target import Target, require

T = TypeVar("T")
MAGIC = bytes.fromhex("f9beb4d9")
PEER: dict[str, Any] = {
    "key": "ab" * 32,
    "host": "45.1.2.3",
    "services": {"p2p": 8333, "id": "0x" + b"abc".hex(), "enode": "0x" + "cd" * 64},
    "addresses": {"p2p": "45.1.2.3:8333"},
}


class Answers:
    """An RPC whose calls return what stands under the name of the method, or all the same."""

    url = "http://127.0.0.1:8332"

    def __init__(self, result: Any) -> None:
        self.result = result

    async def call(self, method: str, params: Any) -> Any:
        json.dumps(params)  # it can be sent
        is_by_method = isinstance(self.result, dict) and method in self.result
        return self.result[method] if is_by_method else self.result


def ran(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine that never waits returns."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waits")


def check(data: bytes) -> None:
    name, _, text = data.partition(b"\n")
    preset = presets().get(name.decode("latin-1"))
    if preset is not None:
        try:
            result = json.loads(text)
        except (ValueError, RecursionError):
            return
        _rpc(preset, result)
    _handshake(data)


def _rpc(preset: Any, result: Any) -> None:
    rpc: Any = Answers(result)
    target = RpcTarget("node", preset, rpc)
    documents = [PEER]
    if isinstance(result, dict):
        documents.append(PEER | {name: result[name] for name in ("services",) if name in result})
    try:
        look = ran(target.look())
    except (RpcUnreachable, RpcRefused) as error:
        require(bool(str(error)), "an error without a text")
    else:
        require(look.words.isprintable(), f"control characters in {look.words!r}")
        require(0 <= look.outbound <= MAX_PEERS, f"{look.outbound} outbound peers")
        peer = peer_from(PEER, preset.service)
        require(peer is None or look.has(peer) in (True, False), "neither connected nor not")
    for document in documents:
        if not isinstance(document["services"], dict):
            continue
        peer = peer_from(document, preset.service)
        if peer is not None:
            try:
                ran(target.offer(peer))
                ran(target.withdraw(peer))
            except (RpcUnreachable, RpcRefused, LacksService):
                continue


def _handshake(data: bytes) -> None:
    """However the bytes are cut into chunks, they are the same message."""
    found = [_read(data, size) for size in (len(data) or 1, 11)]
    # Before the whole header is there, a reader may say sooner what it will say then.
    is_decided = len(data) >= HEADER_BYTES
    require(found[0] == found[1] or not is_decided, f"other bytes by other chunks: {found}")
    version = found[0]
    if isinstance(version, RemoteVersion):
        require(len(version.agent) <= MAX_AGENT_BYTES, "a long agent")
    try:
        decode_version(data)
    except NotBitcoin as error:
        require(str(error).isprintable(), f"control characters in {str(error)!r}")


def _read(data: bytes, size: int) -> Any:
    reader = VersionReader(MAGIC)
    try:
        for at in range(0, len(data), size):
            if (version := reader.feed(data[at : at + size])) is not None:
                return version
    except OtherMagic as error:
        return error.magic
    except NotBitcoin:
        return "no Bitcoin"
    return None


def seeds() -> list[bytes]:
    here = make_endpoint("45.1.2.3", 8333)
    version = version_message(MAGIC, "/kadisc:1.0/", 7, 1_700_000_000, here)
    peers = [
        {"addr": "45.1.2.3:8333", "inbound": False},
        {
            "network": {"remoteAddress": "45.1.2.3:30303", "inbound": True},
            "protocols": {"eth": {"version": 68}},
            "id": "abc",
        },
        {"address": {"host": "45.1.2.3"}, "node_info": {"id": "abc"}, "remote_ip": "2a00::1"},
    ]
    answers: list[Any] = [
        peers,
        {"subversion": "/x:1/\x1b", "networkactive": True, "services": {"p2p": 1, "id": "0xzz"}},
        {"peers": peers, "result": peers, "listening": True, "n_peers": "3", "connections": peers},
        "Geth/v1\n",
        None,
        {
            "getnetworkinfo": {"subversion": "/x:1/\x1b[2J", "networkactive": False},
            "getpeerinfo": peers,
            "web3_clientVersion": "Geth/v1\r\n",
            "admin_peers": peers,
        },
    ]
    documents = [json.dumps(answer).encode() for answer in answers]
    return [
        version,
        b"\x0b\x11\x09\x07" + version[4:],
        b"abcd" + version[4:],
        version[24:],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        *(name.encode() + b"\n" + each for name in presets() for each in documents),
    ]


def mutate(data: bytes, rng: Random) -> bytes:
    name, line, text = data.partition(b"\n")
    if not line or name.decode("latin-1") not in presets():
        return data
    if rng.random() < 0.1:
        name = rng.choice(list(presets())).encode()
    return name + line + mutate_json(text, rng)


CHAIN_NODES = Target(
    "chain-nodes",
    "RpcUnreachable and RpcRefused alone are raised for an answer of a chain node, NotBitcoin and "
    "OtherMagic for what comes in a handshake, which reads the same in chunks of any size",
    check,
    seeds,
    (b"version\0\0\0\0\0", MAGIC, b"\xfd\x00\x01", b'"inbound": ', b"HTTP/", b"220 smtp\r\n"),
    mutate,
    max_bytes=1500,
    intended_s=0.005,
    guided_by=("kadisc.feed",),
    quick_runs=600,
)
