"""The sockets of a run: what is sent, how fast, what comes back, and the count of it all.

Harmless on purpose. libtorrent bans an address for 5 minutes after 50 messages in 10 seconds, and
others limit as well: each source address keeps to a pace of its own, below that. Ordinary questions
are marked read-only (BEP 43), so that nobody keeps an asker in a table.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from math import inf
from typing import Any

import trio

from ..endpoints import (
    Endpoint,
    Family,
    Scope,
    family_of,
    format_endpoint,
    host_of,
    port_of,
    scope_of,
)
from ..errors import DecodeError, NoAnswer
from ..net.transport.nurseries import open_flat_nursery
from ..net.transport.udp import UdpPort, bind_udp
from ..wire import bencode
from . import datagrams
from .datagrams import Fields
from .verdict import Failed

MAX_DATAGRAM_BYTES = 65_535
SOCKET_BUFFER_BYTES = 1 << 18
MAX_STRAYS = 256
"""Datagrams kept that answered nothing; and queries of the node under test."""
BATCH = 32


@dataclass(frozen=True, slots=True)
class Pace:
    per_s: float = 4.0
    """Datagrams per second from one source address. libtorrent's limit is 5."""
    timeout_s: float = 2.0
    """How long an answer is waited for, before the question is repeated..."""
    tries: int = 2
    """...so many times in all."""
    settle_s: float = 3.0
    """How long a case waits for what the node under test does by itself."""


@dataclass(slots=True)
class DatagramCount:
    sent: int = 0
    sent_bytes: int = 0
    received: int = 0
    received_bytes: int = 0


class ProbeAnswer:
    """A reply or an error to a question of ours. ``raw`` is the datagram, ``asked_bytes`` the
    length of the question.
    """

    def __init__(self, raw: bytes, envelope: Fields, asked_bytes: int) -> None:
        self.raw, self.envelope, self.asked_bytes = raw, envelope, asked_bytes

    @property
    def body(self) -> Fields | None:
        """The ``r`` of a reply. libtorrent's errors have one too, and are no replies."""
        body = self.envelope.get(b"r")
        return body if self.envelope.get(b"y") == b"r" and type(body) is dict else None

    @property
    def code(self) -> int | None:
        error = self.envelope.get(b"e")
        return error[0] if type(error) is list and error and type(error[0]) is int else None

    def words(self) -> str:
        """What kind of answer it is, for the evidence."""
        if self.body is not None:
            return f"a reply with {', '.join(key.decode('latin-1') for key in self.body if key.isalnum()) or 'nothing in it'}"
        return f"error {self.code}" if self.code is not None else f"y = {self.envelope.get(b'y')!r}"


class Asker:
    """One socket and one node ID. It answers no query unless ``polite``."""

    def __init__(self, port: UdpPort, node_id: bytes, gate: Gate) -> None:
        self.port, self.node_id, self.gate = port, node_id, gate
        self.polite = False
        self.waiting: dict[bytes, trio.MemorySendChannel[tuple[bytes, Fields]]] = {}
        self.strays: list[tuple[bytes, Fields | None]] = []

    @property
    def endpoint(self) -> Endpoint:
        return self.port.local_endpoint


@dataclass(slots=True)
class Gate:
    """The pace of one source address."""

    interval_s: float
    next_at: float = -inf

    async def pass_through(self) -> None:
        now = trio.current_time()
        self.next_at = max(self.next_at + self.interval_s, now)
        if self.next_at > now:
            await trio.sleep_until(self.next_at)
        else:
            await trio.lowlevel.checkpoint()


@dataclass(slots=True)
class HeardQuery:
    """A query that the node under test sent to one of ours."""

    method: bytes
    tid: bytes
    asker: Asker


class ConformanceProbe:
    def __init__(self, target: Endpoint, sources: Sequence[str], pace: Pace) -> None:
        self.target, self.pace = target, pace
        self.sources = tuple(sources)
        self.count = DatagramCount()
        self.heard: list[HeardQuery] = []
        self.nursery: trio.Nursery | None = None
        self._gates = {source: Gate(1 / pace.per_s) for source in self.sources}
        self._askers: list[Asker] = []
        self.node_id = b""
        self.version: bytes | None = None

    # --- Sources ----------------------------------------------------------------------------------

    def open(self, place: int = 0, node_id: bytes | None = None, *, polite: bool = False) -> Asker:
        """A new socket at source address number ``place`` (modulo how many there are)."""
        source = self.sources[place % len(self.sources)]
        host = f"[{source}]:0" if ":" in source else f"{source}:0"
        port = bind_udp(
            host, max_datagram_bytes=MAX_DATAGRAM_BYTES, socket_buffer_bytes=SOCKET_BUFFER_BYTES
        )
        asker = Asker(port, node_id or secrets.token_bytes(20), self._gates[source])
        asker.polite = polite
        self._askers.append(asker)
        assert self.nursery is not None  # open_probe's
        self.nursery.start_soon(self._listen, asker)
        return asker

    @property
    def asker(self) -> Asker:
        """The one that asks where it does not matter who does."""
        return self._askers[0] if self._askers else self.open()

    def near(self, bits: int = 10) -> bytes:
        """A random ID that shares so many bits with the node's: there is room in the buckets close
        to it.
        """
        keep = (1 << 160) - (1 << (160 - bits))
        own = int.from_bytes(self.node_id, "big")
        return (own & keep | secrets.randbits(160) & ~keep).to_bytes(20, "big")

    # --- Asking -----------------------------------------------------------------------------------

    async def ask(
        self,
        method: str,
        *,
        asker: Asker | None = None,
        tid: bytes | None = None,
        read_only: bool = True,
        **arguments: Any,
    ) -> ProbeAnswer | None:
        """A query with our id and these arguments, and the answer to it; None if there is none."""
        who = asker or self.asker
        transaction = tid if tid is not None else secrets.token_bytes(4)
        fields = {b"id": who.node_id} | {
            name.encode(): value for name, value in arguments.items() if value is not None
        }
        return await self.exchange(
            datagrams.query(method.encode(), fields, transaction, read_only=read_only),
            transaction,
            asker=who,
        )

    async def reply(
        self, method: str, *, asker: Asker | None = None, tid: bytes | None = None, **arguments: Any
    ) -> tuple[Fields, ProbeAnswer]:
        """As `ask`, where anything but a reply is a fault."""
        answer = await self.ask(method, asker=asker, tid=tid, **arguments)
        if answer is None:
            raise Failed(f"no answer to {method}")
        if answer.body is None:
            raise Failed(f"{method} was answered with {answer.words()}")
        return answer.body, answer

    async def exchange(
        self, payload: bytes, tid: bytes, *, asker: Asker | None = None, tries: int | None = None
    ) -> ProbeAnswer | None:
        who = asker or self.asker
        send_channel, receive_channel = trio.open_memory_channel[tuple[bytes, Fields]](1)
        who.waiting[tid] = send_channel
        try:
            for _ in range(tries or self.pace.tries):
                await self.send(payload, asker=who)
                with trio.move_on_after(self.pace.timeout_s):
                    raw, envelope = await receive_channel.receive()
                    return ProbeAnswer(raw, envelope, len(payload))
        finally:
            del who.waiting[tid]
            with suppress(trio.WouldBlock):  # a second answer came at once with the first
                self._keep(who, *receive_channel.receive_nowait())
        return None

    async def send(self, payload: bytes, *, asker: Asker | None = None) -> None:
        who = asker or self.asker
        await who.gate.pass_through()
        who.port.send((payload, self.target))
        self.count.sent += 1
        self.count.sent_bytes += len(payload)

    async def alive(self, *, after: str) -> None:
        """A ping that must be answered; by then, what was sent before has been read."""
        answer = await self.ask("ping")
        if answer is None:
            raise Failed(f"no answer to ping any more after {after}")

    async def meet(self) -> None:
        """The first ping: who it is. Raises NoAnswer."""
        answer = await self.ask("ping")
        if answer is None:
            raise NoAnswer(f"{format_endpoint(self.target)} does not answer a ping")
        node_id, version = (answer.body or {}).get(b"id"), answer.envelope.get(b"v")
        self.node_id = node_id if type(node_id) is bytes else b""
        self.version = version if type(version) is bytes else None

    # --- Hearing ----------------------------------------------------------------------------------

    async def _listen(self, asker: Asker) -> None:
        while True:
            await asker.port.wait_readable()
            for payload, source in asker.port.drain(BATCH):
                if source == self.target:
                    self.count.received += 1
                    self.count.received_bytes += len(payload)
                    await self._hear(asker, payload)

    async def _hear(self, asker: Asker, payload: bytes) -> None:
        try:
            envelope = bencode.decode(payload)
        except DecodeError:
            envelope = None
        if type(envelope) is not dict:
            self._keep(asker, payload, None)
            return
        tid = envelope.get(b"t")
        if envelope.get(b"y") == b"q":
            await self._queried(asker, envelope)
        elif type(tid) is bytes and (channel := asker.waiting.get(tid)) is not None:
            try:
                channel.send_nowait((payload, envelope))
            except trio.WouldBlock:
                self._keep(asker, payload, envelope)
        else:
            self._keep(asker, payload, envelope)

    def _keep(self, asker: Asker, payload: bytes, envelope: Fields | None) -> None:
        if len(asker.strays) < MAX_STRAYS:
            asker.strays.append((payload, envelope))

    async def _queried(self, asker: Asker, envelope: Fields) -> None:
        tid, method = envelope.get(b"t"), envelope.get(b"q")
        if type(tid) is not bytes or type(method) is not bytes:
            return
        if len(self.heard) < MAX_STRAYS:
            self.heard.append(HeardQuery(method, tid, asker))
        if asker.polite:
            empty = (
                {}
                if method == b"ping"
                else {b"nodes" if family_of(self.target) is Family.IPV4 else b"nodes6": b""}
            )
            await self.send(datagrams.reply({b"id": asker.node_id, **empty}, tid), asker=asker)

    def close(self) -> None:
        for asker in self._askers:
            asker.port.close()


@asynccontextmanager
async def open_probe(
    target: Endpoint, *, sources: Sequence[str] = (), pace: Pace | None = None
) -> AsyncIterator[ConformanceProbe]:
    """Without ``sources``: for a target on IPv4 loopback eight addresses of as many networks and 56
    of one more, for any other the one that the system would choose. Raises NoAnswer where there is
    no way to the target, BindError for a source that this machine does not have.
    """
    probe = ConformanceProbe(target, sources or usual_sources(target), pace or Pace())
    try:
        async with open_flat_nursery() as nursery:
            probe.nursery = nursery
            yield probe
            nursery.cancel_scope.cancel()
    finally:
        # Not before those who listen have ended: they would wait on sockets that are gone.
        probe.close()


def usual_sources(target: Endpoint) -> tuple[str, ...]:
    if scope_of(target) is Scope.LOOPBACK and family_of(target) is Family.IPV4:
        mine = (
            *(f"127.{place}.7.1" for place in range(1, 9)),
            *(f"127.9.7.{place}" for place in range(1, 57)),
        )
        return mine if _is_ours(mine[0]) else ("127.0.0.1",)
    return (_way_out(target),)


def _is_ours(host: str) -> bool:
    """Only Linux has all of 127/8."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((host, 0))
        except OSError:
            return False
    return True


def _way_out(target: Endpoint) -> str:
    """The address that the system would send from; nothing is sent for it."""
    family = socket.AF_INET if family_of(target) is Family.IPV4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.connect((host_of(target), port_of(target)))
            return str(trial.getsockname()[0])
        except OSError:
            raise NoAnswer(f"there is no way to {format_endpoint(target)}") from None
