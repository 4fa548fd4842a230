"""The probe: the sockets of a run, its queries and their answers, the rate, and the counts.

The probe does no harm. libtorrent bans an address for 5 minutes after 50 messages in 10 seconds,
and other clients have limits too: each source address stays below that rate. Ordinary queries are
marked read-only (BEP 43), so that no node keeps their sender in its table.
"""

from __future__ import annotations

import secrets
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
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
NODE_ID_BYTES = 20
SOCKET_BUFFER_BYTES = 1 << 18
MAX_STRAYS = 256
"""The limit of kept datagrams that answer no query, and of kept queries by the node under test."""
MAX_CHANGES = 40
"""Answers of an asker whose ID changes: enough to see whether there is an end to the queries."""
BATCH = 32
"""Datagrams read from a socket at a time."""


@dataclass(frozen=True, slots=True)
class Pace:
    per_s: float = 4.0
    """Datagrams per second from one source address. libtorrent's limit is 5."""
    timeout_s: float = 2.0
    """How long an answer is waited for before the query is repeated."""
    tries: int = 2
    """How often a query is sent in all."""
    settle_s: float = 3.0
    """How long a case waits for what the node under test does unasked."""


@dataclass(frozen=True, slots=True)
class Flood:
    """Datagrams sent at a rate that no honest node reaches."""

    batches: int = 60
    batch: int = 10
    per_s: float = 300.0
    settle_s: float = 0.5
    """How long answers are waited for after the last datagram."""

    @property
    def datagrams(self) -> int:
        return self.batches * self.batch


@dataclass(frozen=True, slots=True)
class Answered:
    """What a flood got back."""

    datagrams: int
    size: int


@dataclass(slots=True)
class DatagramCount:
    sent: int = 0
    sent_bytes: int = 0
    received: int = 0
    received_bytes: int = 0


class ProbeAnswer:
    """A reply or an error in answer to a query. ``raw``: the datagram; ``asked_bytes``: the length
    of the query.
    """

    def __init__(self, raw: bytes, envelope: Fields, asked_bytes: int) -> None:
        self.raw = raw
        self.envelope = envelope
        self.asked_bytes = asked_bytes

    @property
    def body(self) -> Fields | None:
        """The ``r`` of a reply; None for an error, even if it has one, as libtorrent's do."""
        body = self.envelope.get(b"r")
        return body if self.envelope.get(b"y") == b"r" and type(body) is dict else None

    @property
    def code(self) -> int | None:
        error = self.envelope.get(b"e")
        return error[0] if type(error) is list and error and type(error[0]) is int else None

    def words(self) -> str:
        """The kind of the answer, for the evidence."""
        if self.body is not None:
            keys = ", ".join(key.decode("latin-1") for key in self.body if key.isalnum())
            return f"a reply with {keys or 'nothing in it'}"
        return f"error {self.code}" if self.code is not None else f"y = {self.envelope.get(b'y')!r}"


class Asker:
    """One socket and one node ID. It answers queries only if ``answers`` is true; with
    ``changes_id`` every answer but the first has another ID, and there are `MAX_CHANGES` of them.
    """

    def __init__(
        self, port: UdpPort, node_id: bytes, gate: Gate, *, answers: bool, changes_id: bool = False
    ) -> None:
        self.port = port
        self.node_id = node_id
        self.gate = gate
        self.answers = answers
        self.changes_id = changes_id
        self.opened_at = trio.current_time()
        self.asked_at: deque[float] = deque(maxlen=MAX_STRAYS)
        """When the node under test queried it, in seconds of trio's clock."""
        self.answered = 0
        """Replies and errors that came to it, and their bytes."""
        self.answered_bytes = 0
        self.waiting: dict[bytes, trio.MemorySendChannel[tuple[bytes, Fields]]] = {}
        self.strays: list[tuple[bytes, Fields | None]] = []

    @property
    def endpoint(self) -> Endpoint:
        return self.port.local_endpoint


@dataclass(slots=True)
class Gate:
    """Limits the rate of one source address."""

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
class ReceivedQuery:
    """A query that the node under test sent to one of the askers."""

    method: bytes
    tid: bytes
    asker: Asker


class ConformanceProbe:
    def __init__(self, target: Endpoint, sources: Sequence[str], pace: Pace) -> None:
        self.target, self.pace = target, pace
        self.sources = tuple(sources)
        self.count = DatagramCount()
        self.queries: list[ReceivedQuery] = []
        self.nursery: trio.Nursery | None = None
        self._gates = {source: Gate(1 / pace.per_s) for source in self.sources}
        self._askers: list[Asker] = []
        self.node_id = b""
        self._last_id = b""
        """What it called itself in its last reply: it may have learned its address meanwhile."""
        self.version: bytes | None = None

    # --- Sources ----------------------------------------------------------------------------------

    def open(
        self,
        place: int = 0,
        node_id: bytes | None = None,
        *,
        answers: bool = False,
        changes_id: bool = False,
    ) -> Asker:
        """A new socket at source address number ``place`` (modulo the number of sources)."""
        source = self.sources[place % len(self.sources)]
        host = f"[{source}]:0" if ":" in source else f"{source}:0"
        port = bind_udp(
            host, max_datagram_bytes=MAX_DATAGRAM_BYTES, socket_buffer_bytes=SOCKET_BUFFER_BYTES
        )
        own_id = node_id or secrets.token_bytes(20)
        asker = Asker(port, own_id, self._gates[source], answers=answers, changes_id=changes_id)
        self._askers.append(asker)
        assert self.nursery is not None  # set by open_probe
        self.nursery.start_soon(self._listen, asker)
        return asker

    @property
    def askers(self) -> Sequence[Asker]:
        """All that were opened."""
        return self._askers

    @property
    def asker(self) -> Asker:
        """The asker of cases that need no particular one."""
        return self._askers[0] if self._askers else self.open()

    def near(self, bits: int = 10) -> bytes:
        """A random ID that shares ``bits`` leading bits with that of the node under test: buckets
        near its ID have free places.
        """
        keep = (1 << 160) - (1 << (160 - bits))
        own = int.from_bytes(self._last_id or self.node_id, "big")
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
        """Sends a query with the asker's id and these arguments; returns the answer, or None."""
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
        """Like `ask`, but raises Failed for anything other than a reply."""
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
                    answer = ProbeAnswer(raw, envelope, len(payload))
                    node_id = (answer.body or {}).get(b"id")
                    if type(node_id) is bytes and len(node_id) == NODE_ID_BYTES:
                        self._last_id = node_id
                    return answer
        finally:
            del who.waiting[tid]
            with suppress(trio.WouldBlock):  # a second answer came together with the first
                self._keep(who, *receive_channel.receive_nowait())
        return None

    async def send(self, payload: bytes, *, asker: Asker | None = None) -> None:
        who = asker or self.asker
        await who.gate.pass_through()
        who.port.send((payload, self.target))
        self.count.sent += 1
        self.count.sent_bytes += len(payload)

    async def flood(self, make: Callable[[], bytes], flood: Flood, asker: Asker) -> Answered:
        """Sends datagrams without regard to the rate of a source; only for cases that are
        destructive. Returns how many were answered, and with how many bytes.
        """
        before, before_bytes = asker.answered, asker.answered_bytes
        for _ in range(flood.batches):
            for _ in range(flood.batch):
                payload = make()
                asker.port.send((payload, self.target))
                self.count.sent += 1
                self.count.sent_bytes += len(payload)
            await trio.sleep(flood.batch / flood.per_s)
        await trio.sleep(flood.settle_s)
        return Answered(asker.answered - before, asker.answered_bytes - before_bytes)

    async def alive(self, *, after: str) -> None:
        """Sends a ping that must be answered. By then the node has read what was sent before."""
        answer = await self.ask("ping")
        if answer is None:
            raise Failed(f"no answer to ping after {after}")

    async def meet(self) -> None:
        """The first ping: learns ID and version of the node. Raises NoAnswer."""
        answer = await self.ask("ping")
        if answer is None:
            raise NoAnswer(f"{format_endpoint(self.target)} does not answer a ping")
        node_id, version = (answer.body or {}).get(b"id"), answer.envelope.get(b"v")
        self.node_id = node_id if type(node_id) is bytes else b""
        self.version = version if type(version) is bytes else None

    # --- Receiving --------------------------------------------------------------------------------

    async def _listen(self, asker: Asker) -> None:
        while True:
            await asker.port.wait_readable()
            for payload, source in asker.port.drain(BATCH):
                if source == self.target:
                    self.count.received += 1
                    self.count.received_bytes += len(payload)
                    await self._received(asker, payload)

    async def _received(self, asker: Asker, payload: bytes) -> None:
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
            return
        asker.answered += 1
        asker.answered_bytes += len(payload)
        if type(tid) is bytes and (channel := asker.waiting.get(tid)) is not None:
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
        if len(self.queries) < MAX_STRAYS:
            self.queries.append(ReceivedQuery(method, tid, asker))
        asker.asked_at.append(trio.current_time())
        if asker.answers:
            empty = {} if method == b"ping" else {self._nodes_key(): b""}
            await self.send(datagrams.reply({b"id": asker.node_id, **empty}, tid), asker=asker)
            if asker.changes_id:
                asker.node_id = self.near(2)
                asker.answers = len(asker.asked_at) < MAX_CHANGES

    def _nodes_key(self) -> bytes:
        return b"nodes" if family_of(self.target) is Family.IPV4 else b"nodes6"

    def close(self) -> None:
        for asker in self._askers:
            asker.port.close()


@asynccontextmanager
async def open_probe(
    target: Endpoint, *, sources: Sequence[str] = (), pace: Pace | None = None
) -> AsyncIterator[ConformanceProbe]:
    """A probe for ``target``. ``sources``: the addresses that it sends from; by default
    `usual_sources`. Raises NoAnswer if there is no route to the target, BindError for a source that
    this machine does not have.
    """
    probe = ConformanceProbe(target, sources or usual_sources(target), pace or Pace())
    try:
        async with open_flat_nursery() as nursery:
            probe.nursery = nursery
            yield probe
            nursery.cancel_scope.cancel()
    finally:
        # After the listening tasks have ended, which would otherwise wait on closed sockets.
        probe.close()


def usual_sources(target: Endpoint) -> tuple[str, ...]:
    """For a target on IPv4 loopback, eight addresses in as many networks, 40 in as many subnets of
    one more, and 56 in one subnet; for any other target the address that the system would choose.
    """
    if scope_of(target) is Scope.LOOPBACK and family_of(target) is Family.IPV4:
        scattered = tuple(f"127.{place}.7.1" for place in range(1, 9))
        neighbours = tuple(f"127.10.{place}.1" for place in range(1, 41))
        together = tuple(f"127.9.7.{place}" for place in range(1, 57))
        return (*scattered, *neighbours, *together) if _can_bind(scattered[0]) else ("127.0.0.1",)
    return (_outbound_address(target),)


def _can_bind(host: str) -> bool:
    """Whether this machine has the address; only Linux has all of 127/8."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((host, 0))
        except OSError:
            return False
    return True


def _outbound_address(target: Endpoint) -> str:
    """The address that the system would send from. No datagram is sent to find it."""
    family = socket.AF_INET if family_of(target) is Family.IPV4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as trial:
        try:
            trial.connect((host_of(target), port_of(target)))
            return str(trial.getsockname()[0])
        except OSError:
            raise NoAnswer(f"there is no route to {format_endpoint(target)}") from None
