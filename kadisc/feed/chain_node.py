"""What is fed: a chain node at its RPC. `hooks.py` has a command and a file in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from ..endpoints import Endpoint, ip_of, parse_endpoint
from ..text import one_line
from .chain_peer import ChainPeer
from .presets import Preset
from .rpc import ChainRpc, RpcError, RpcRefused, RpcUnreachable
from .templates import LacksService, at, filled

__all__ = ["ChainLook", "ChainTarget", "Offered", "RpcRefused", "RpcTarget", "RpcUnreachable"]

MAX_PEERS: Final = 10_000
"""Peers of a chain node that are read at most."""


@dataclass(frozen=True, slots=True)
class ChainLook:
    """What a chain node said of its peers. ``outbound``: how many it connected to; ``addresses``:
    where these are, or ``hosts``, where only their hosts are known; ``inbound``: hosts of those
    that connected to it. ``ids``: where peers are known by an identity alone, which ``identity`` is
    the template of. ``words`` describe the node. ``has_room``: False while it connects to nobody.
    """

    outbound: int
    addresses: frozenset[Endpoint] = frozenset()
    hosts: frozenset[bytes] = frozenset()
    inbound: frozenset[bytes] = frozenset()
    ids: frozenset[str] = frozenset()
    identity: str | None = None
    words: str = ""
    has_room: bool = True

    def has(self, peer: ChainPeer) -> bool:
        """Whether the chain node is connected to the peer."""
        return self.connected_to(peer) or ip_of(peer.address) in self.inbound

    def connected_to(self, peer: ChainPeer) -> bool:
        """Whether it is the chain node that connected."""
        if self.identity is not None:
            try:
                return filled(self.identity, peer) in self.ids
            except LacksService:
                return False
        return peer.address in self.addresses or ip_of(peer.address) in self.hosts


@dataclass(frozen=True, slots=True)
class Offered:
    """``verdict``: what is known at once; None where a later look shows it, or nothing does."""

    verdict: Literal["good", "bad", "busy", "wrong-network"] | None = None
    words: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)


class ChainTarget(Protocol):
    """Every method raises RpcUnreachable and RpcRefused."""

    name: str
    waits_s: float
    """How long after an offer it may take until the peer is connected; 0 where none is awaited."""

    async def look(self) -> ChainLook: ...
    async def offer(self, peer: ChainPeer) -> Offered: ...
    async def withdraw(self, peer: ChainPeer) -> None:
        """The peer is gone: what was offered in a lasting way is taken back."""

    def access_changed(self) -> bool:
        """Whether it has another user or password now than it was refused with."""


class RpcTarget:
    """A chain node at its RPC, as a preset describes it."""

    waits_s = 30.0

    def __init__(self, name: str, preset: Preset, rpc: ChainRpc) -> None:
        self.name = name
        self._preset = preset
        self._rpc = rpc

    async def look(self) -> ChainLook:
        words, has_room = "", True
        if (call := self._preset.node) is not None:
            about = await self._call(call.method, call.params)
            words = one_line(str(at(about, call.agent) or ""))
            has_room = call.active is None or at(about, call.active) is not False
        call_peers = self._preset.peers
        listed = at(await self._call(call_peers.method, call_peers.params), call_peers.list)
        if not isinstance(listed, list):
            raise RpcRefused(f"{self._rpc.url}: the answer to {call_peers.method} has no list")
        listed = [
            each
            for each in listed[:MAX_PEERS]
            if call_peers.ready is None or at(each, call_peers.ready) is not None
        ]
        return _look(self._preset, listed, words, has_room)

    async def offer(self, peer: ChainPeer) -> Offered:
        call = self._preset.offer
        params = filled(call.params, peer)
        try:
            result = await self._rpc.call(call.method, params)
        except RpcError as error:
            if error.code in call.known:
                return Offered()
            return Offered("bad", f"the chain node refuses it: {error}")
        if result is False:
            return Offered("bad", "the chain node refuses it")
        return Offered()

    async def withdraw(self, peer: ChainPeer) -> None:
        if (call := self._preset.withdraw) is not None:
            await self._call(call.method, filled(call.params, peer))

    def access_changed(self) -> bool:
        return self._rpc.access_changed()

    async def _call(self, method: str, params: Any) -> Any:
        """An error of the chain node itself, such as that it is still loading its blocks, is that
        it is not there.
        """
        try:
            return await self._rpc.call(method, params)
        except RpcError as error:
            raise RpcUnreachable(f"{self._rpc.url}: {error}") from None


def _look(preset: Preset, listed: list[Any], words: str, has_room: bool) -> ChainLook:
    outbound = 0
    addresses: set[Endpoint] = set()
    hosts: set[bytes] = set()
    inbound: set[bytes] = set()
    ids = {
        name
        for each in listed
        if preset.peers.id and isinstance(name := at(each, preset.peers.id), str)
    }
    for each in listed:
        is_outbound = _is_outbound(preset, each)
        outbound += is_outbound
        address = _address(preset, each)
        if address is None:
            continue  # of an onion or I2P service, or a name
        if not is_outbound:
            inbound.add(ip_of(address))
        elif preset.peers.address is None:
            hosts.add(ip_of(address))
        else:
            addresses.add(address)
    return ChainLook(
        outbound,
        frozenset(addresses),
        frozenset(hosts),
        frozenset(inbound),
        frozenset(ids),
        preset.peers.identity,
        words,
        has_room,
    )


def _is_outbound(preset: Preset, peer: Any) -> bool:
    call = preset.peers
    if call.inbound is not None:
        return at(peer, call.inbound) is not True
    return call.outbound is None or at(peer, call.outbound) is True


def _address(preset: Preset, peer: Any) -> Endpoint | None:
    call = preset.peers
    text = at(peer, call.address or call.host or "")
    if not isinstance(text, str):
        return None
    if call.address is None:
        text = f"[{text}]:1" if ":" in text else f"{text}:1"
    try:
        return parse_endpoint(text)
    except ValueError:
        return None
