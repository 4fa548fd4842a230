"""A running node, as a program uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias, TypeVar, overload

import trio

from ..config import Config
from ..contacts import Contact
from ..core.book_peer import Provenance, Verdict
from ..core.events import (
    AnnounceFinished,
    Event,
    Finished,
    FoundNode,
    Joined,
    LookupFinished,
    LookupKind,
    LookupResult,
    OperationId,
    Outcome,
    PingFinished,
)
from ..core.identity import Identity
from ..core.node import Node as Core
from ..core.own_record import Membership
from ..core.secure_ids import locator
from ..core.snapshot import OperationSnapshot, Snapshot
from ..core.state import SavedState
from ..endpoints import Endpoint, Family, family_of, format_endpoint, parse_endpoint
from ..errors import Busy, Closed, ErrorAnswer, NoAnswer, UsageError
from ..ids import ID_SPACE, NodeId, id_from_bytes, parse_id
from ..observe.shell_events import ShellEvent
from .announcing import Announced, Announcement
from .bootstrap import Bootstrap
from .clock import Clock
from .dispatch import Findings, Subscription
from .findings import Answers, FoundPeers
from .kept_peers import KeptPeers
from .nurseries import open_flat_nursery
from .own_network import OwnNetwork
from .peer_stream import PeerStream
from .ports import Port
from .pump import Pump
from .state import Keeper
from .whereabouts import own_addresses

EventT = TypeVar("EventT")
IdLike: TypeAlias = int | str | bytes
"""An ID as a number, as 40 hex digits, or as 20 bytes."""
KEY_BYTES = 32
NOTHING_SAVED = SavedState(())


@dataclass(frozen=True, slots=True)
class Pong:
    """One answered ping. ``rtt_s`` is at most so long where the answer came to a retransmission. ``client`` is the raw ``v`` of the
    other (BEP 5), ``seen_as`` our endpoint in its eyes (BEP 42); both are None where it did not say."""

    contact: Contact
    rtt_s: float
    client: bytes | None
    seen_as: Endpoint | None


class LiveNode:
    """A node with sockets and a clock. Made by `open_node`; every method may be called from any task of the same trio run.

    Cancelling a call ends the operation behind it at once. Operations raise NoAnswer, ErrorAnswer, Busy (too many in flight), Closed and
    UsageError.
    """

    def __init__(
        self,
        config: Config,
        ports: Sequence[Port],
        bootstrap: Sequence[str],
        clock: Clock,
        rng: Random,
        *,
        keeper: Keeper | None = None,
        saved: SavedState = NOTHING_SAVED,
        sociable: bool = True,
    ) -> None:
        """``bootstrap`` are the hosts that were asked for; without any, those of ``config`` follow one another. ``keeper`` says who we are and whom
        we knew, and keeps both; without one, ``saved`` says whom we knew. One that is not ``sociable`` is of no network. Raises UsageError."""
        saved = keeper.saved if keeper is not None else saved
        identity = keeper.identity if keeper is not None else Identity.new(rng)
        self.config = config
        self.public_key = identity.public_key
        """Who it is: 32 bytes (Ed25519). Its node IDs say only where it is."""
        addresses = own_addresses(config, ports, saved)
        own_ids = {family: locator(self.public_key, address.ip) for family, address in addresses.items()}
        membership = Membership(identity, config.network, config.services, clock.wall_s()) if sociable else None
        try:
            core = Core(config.core, rng, own_ids, clock.now(), public_key=self.public_key, addresses=addresses, membership=membership)
        except ValueError as error:  # a network in CIDR notation
            raise UsageError(str(error)) from None
        core.restore(saved, clock.now())
        self._core = core
        self._rng = rng
        self._pump = Pump(core, ports, clock)
        self.own_network = OwnNetwork(self._pump, config.network)
        self._keeper = keeper
        self._bootstrap = Bootstrap(self._pump, config, _sources(config, bootstrap, saved), rng)
        self._kept_peers = KeptPeers(self._pump, config, rng)
        self._opened_at = self._pump.now()
        self._joined = {family: trio.Event() for family in own_ids}
        self._any_joined = trio.Event()
        self._pump.dispatch.tap(self._note)

    def start(self, nursery: trio.Nursery, *, joins: bool = True) -> None:
        """Without ``joins`` it does only what it is asked to do."""
        self._pump.start(nursery)
        if self._keeper is not None:
            self._keeper.start(nursery, self._pump)
        if joins:
            self._kept_peers.start(nursery)
            self._bootstrap.start(nursery)

    @property
    def own_ids(self) -> dict[Family, NodeId]:
        return dict(self._core.own_ids)

    @property
    def local_endpoints(self) -> dict[Family, Endpoint]:
        """Where it listens; the address of one that listens everywhere is the unspecified one."""
        return {port.family: port.local_endpoint for port in self._pump.ports}

    def snapshot(self) -> Snapshot:
        """Everything there is to see, at this moment."""
        return self._core.snapshot(self._pump.now())

    def operations(self) -> tuple[OperationSnapshot, ...]:
        """What is in flight, the node's own lookups included: the part of a snapshot that costs little."""
        return self._core.operations()

    def stored_peers(self, info_hash: IdLike) -> list[Endpoint]:
        """The peers that others have announced at this very node (BEP 5): a lookup asks everybody but oneself."""
        return self._core.stored_peers(_parse_target(info_hash), self._pump.now())

    @property
    def uptime_s(self) -> float:
        """Since it was made, suspends included."""
        return self._pump.now() - self._opened_at

    @property
    def keeps_state(self) -> bool:
        """Whether a state folder is this node's own, and no other process's."""
        return self._keeper is not None and self._keeper.has_folder

    def knows_anyone(self, family: Family) -> bool:
        """Whether a lookup there has somebody to begin with, in the table or from the last run."""
        return self._core.overlays[self._served(family)].reunion.knows_anyone

    def counters(self) -> dict[str, int]:
        """What happened so far, by name: the core's counters and those of the shell."""
        pump = self._pump
        shell = {
            "send_dropped": pump.send_dropped,
            "send_refused": pump.send_refused,
            "events_dropped": pump.dispatch.dropped,
        }
        return self._core.counters.as_dict() | shell

    @overload
    def subscribe(self) -> Subscription[Event | ShellEvent]: ...

    @overload
    def subscribe(self, *types: type[EventT]) -> Subscription[EventT]: ...

    def subscribe(self, *types: type[Any]) -> Subscription[Any]:
        """A stream of the events of these types, or of all events: ``async with node.subscribe(LookupFinished) as events``."""
        return Subscription(self._pump.dispatch, types, self.config.subscriber_queue)

    async def joined(self, family: Family | None = None) -> None:
        """Returns once the node has joined, in this family or in any: the own ID was looked up, and k contacts, or all there are, are verified."""
        event = self._any_joined if family is None else self._joined[self._served(family)]
        await event.wait()

    async def ping(self, endpoint: str | Endpoint) -> float:
        """The round-trip time to an endpoint, or to a numeric ``HOST:PORT``, in seconds."""
        return (await self.ping_details(endpoint)).rtt_s

    async def ping_details(self, endpoint: str | Endpoint) -> Pong:
        """One ping, and all that its answer tells."""
        destination = _parse_endpoint(endpoint)
        self._served(family_of(destination))
        started = self._pump.now()
        finished = await self._finish(lambda now: self._core.ping(destination, now))
        assert isinstance(finished, PingFinished)
        if finished.outcome is Outcome.ERROR_ANSWER:
            raise ErrorAnswer(finished.code, finished.text)
        if finished.contact is None:
            raise NoAnswer(f"no answer from {format_endpoint(destination)} within {self.config.core.query.timeout_s:g} s")
        rtt_s = finished.rtt_s if finished.rtt_s is not None else self._pump.now() - started
        return Pong(finished.contact, rtt_s, finished.client, finished.seen_as)

    async def find_node(
        self, target: IdLike, *, k: int | None = None, paths: int = 1, family: Family | None = None, seeds: Sequence[str | Endpoint] = ()
    ) -> LookupResult:
        """The k nodes closest to an ID that answer, closest first. ``family`` is the first of the node's where not given; ``seeds`` are
        endpoints to begin with, beside the node's own contacts. Raises NoAnswer if there is nobody to ask, or nobody answers."""
        return await self._look_up(target, LookupKind.FIND_NODE, k, paths, family, seeds)

    async def get_peers(
        self, info_hash: IdLike, *, k: int | None = None, paths: int = 1, family: Family | None = None, seeds: Sequence[str | Endpoint] = ()
    ) -> LookupResult:
        """As `find_node`; the result also has the ``peers`` that were announced under the info-hash (BEP 5)."""
        return await self._look_up(info_hash, LookupKind.GET_PEERS, k, paths, family, seeds)

    @asynccontextmanager
    async def lookup(
        self,
        target: IdLike,
        *,
        kind: LookupKind = LookupKind.FIND_NODE,
        k: int | None = None,
        paths: int = 1,
        family: Family | None = None,
        seeds: Sequence[str | Endpoint] = (),
    ) -> AsyncIterator[Answers]:
        """A lookup to watch: ``async with node.lookup(target) as answers: async for responder in answers: ...``, then ``answers.result``.
        Leaving the block early ends the lookup."""
        start = self._lookup_start(target, kind, k, paths, family, seeds)
        findings = Findings[FoundNode](self.config.subscriber_queue)
        with self._pump.operation(start, answers=findings) as waiter:
            yield Answers(findings, waiter)

    @asynccontextmanager
    async def find_peers(
        self, info_hash: IdLike, *, family: Family | None = None, paths: int = 1, seeds: Sequence[str | Endpoint] = ()
    ) -> AsyncIterator[FoundPeers]:
        """The peers announced under an info-hash (BEP 5), as they are found: ``async with node.find_peers(info_hash) as peers: async for endpoint
        in peers: ...``. In every family of the node where none is given. Leaving the block early ends the search."""
        findings = Findings[Endpoint](self.config.core.lookup.max_peers)
        families = list(self._core.own_ids) if family is None else [family]
        starts = [self._lookup_start(info_hash, LookupKind.GET_PEERS, None, paths, each, seeds) for each in families]
        with ExitStack() as stack:
            findings.feeds()  # or the first lookup, ending at once, would end it before the second has begun
            waiters = [stack.enter_context(self._pump.operation(start, peers=findings)) for start in starts]
            findings.feeder_ended()
            yield FoundPeers(findings, waiters)

    def peers(
        self, *, service: str | None = None, count: int | None = None, verified_within_s: float = 120.0, again_after_s: float = 3600.0
    ) -> PeerStream:
        """Peers of our own network, without end unless ``count`` says where: ``async for peer in node.peers(service="eth")``. Each exchanged records
        with us itself, or answered since, at most ``verified_within_s`` ago, and is not given again for ``again_after_s``."""
        return PeerStream(
            self.own_network,
            self.search_tags,
            service=service,
            count=count,
            verified_within_s=verified_within_s,
            again_after_s=again_after_s,
        )

    async def search_tags(self) -> None:
        """Looks up who announced itself as being of our network, once, in every family; they are checked by and by."""

        async def look_up(number: int, info_hash: NodeId) -> None:
            with suppress(Busy):
                async with self.find_peers(info_hash, paths=self.config.core.tags.paths) as found:
                    async for endpoint in found:
                        self.own_network.hear_of([endpoint], f"tag{number}")

        async with open_flat_nursery() as nursery:
            for number, info_hash in enumerate(self.own_network.tags):
                nursery.start_soon(look_up, number, info_hash)

    @property
    def record(self) -> bytes:
        """Our own peer record, as others get it: canonical bencode, signed."""
        return self.own_network.record

    def why(self, who: bytes | str | Endpoint) -> Provenance | None:
        """Where a peer came from and why it is trusted, by its key (32 bytes) or its endpoint; None for one that is not known."""
        return self.own_network.why(who if isinstance(who, bytes) and len(who) == KEY_BYTES else _parse_endpoint(who))

    def feedback(self, key: bytes, verdict: Verdict) -> bool:
        """What the application says of a peer that it was given: good, bad, busy or wrong-network. False if that peer is not known (any more)."""
        return self.own_network.feedback(key, verdict)

    async def announce(
        self, info_hash: IdLike, port: int, *, implied_port: bool = False, family: Family | None = None, seeds: Sequence[str | Endpoint] = ()
    ) -> Announced:
        """Announces, once, that the peer at our address and ``port`` belongs to an info-hash (BEP 5). With ``implied_port`` the port of our
        own socket counts, as others see it. Raises NoAnswer if nobody stored it."""
        target = _parse_target(info_hash)
        if not 0 < port < 65536:
            raise UsageError(f"a port is 1 to 65535, not {port}")
        chosen = self._served(family) if family is not None else next(iter(self._core.own_ids))
        endpoints = [_parse_endpoint(seed) for seed in seeds]
        finished = await self._finish(lambda now: self._core.announce(target, port, now, family=chosen, implied_port=implied_port, seeds=endpoints))
        assert isinstance(finished, AnnounceFinished)
        if not finished.stored:
            nobody = finished.outcome is Outcome.NO_CONTACTS
            raise NoAnswer("there is nobody to ask: the node knows no other node yet" if nobody else "no node has stored the announce")
        return Announced(finished.stored, finished.peers, finished.queries)

    @asynccontextmanager
    async def announce_peer(self, info_hash: IdLike, port: int, *, implied_port: bool = False) -> AsyncIterator[Announcement]:
        """Announces for as long as the block is open, in every family of the node: when it has joined there, and then every
        ``config.announce_interval_s``, jittered. What goes wrong is counted, and tried again sooner."""
        target = _parse_target(info_hash)

        async def announce(family: Family) -> Announced:
            return await self.announce(target, port, implied_port=implied_port, family=family)

        announcement = Announcement(announce, self.config.announce_interval_s, self._rng)
        async with open_flat_nursery() as nursery:
            for family in self._core.own_ids:
                nursery.start_soon(announcement.keep_up, family, self.joined)
            yield announcement
            nursery.cancel_scope.cancel()

    async def _look_up(
        self, target: IdLike, kind: LookupKind, k: int | None, paths: int, family: Family | None, seeds: Sequence[str | Endpoint]
    ) -> LookupResult:
        finished = await self._finish(self._lookup_start(target, kind, k, paths, family, seeds))
        assert isinstance(finished, LookupFinished)
        if finished.outcome is Outcome.NO_CONTACTS:
            raise NoAnswer("there is nobody to ask: the node knows no other node yet")
        if finished.outcome is Outcome.NO_ANSWER:
            raise NoAnswer(f"none of the nodes asked answered ({finished.result.queries} datagrams sent)")
        return finished.result

    def _lookup_start(
        self, target: IdLike, kind: LookupKind, k: int | None, paths: int, family: Family | None, seeds: Sequence[str | Endpoint]
    ) -> Callable[[float], OperationId]:
        target_id = _parse_target(target)
        if (k is not None and k < 1) or paths < 1:
            raise UsageError("k and paths are at least 1")
        chosen = self._served(family) if family is not None else next(iter(self._core.own_ids))
        endpoints = [endpoint for seed in seeds if family_of(endpoint := _parse_endpoint(seed)) is chosen]
        return lambda now: self._core.start_lookup(target_id, now, family=chosen, kind=kind, k=k, paths=paths, seeds=endpoints)

    async def _finish(self, start: Callable[[float], OperationId]) -> Finished:
        with self._pump.operation(start) as waiter:
            finished = await waiter.wait()
        if finished.outcome in (Outcome.CLOSED, Outcome.CANCELLED):
            raise Closed("the node was closed before the operation could end")
        return finished

    def _note(self, event: object) -> None:
        if isinstance(event, Joined):
            self._joined[event.family].set()
            self._any_joined.set()

    def _served(self, family: Family) -> Family:
        if family not in self._core.own_ids:
            raise UsageError(f"this node has no {family.value} socket; give one with bind")
        return family

    def close(self) -> None:
        self._pump.close()
        self.own_network.wake()


def _sources(config: Config, given: Sequence[str], saved: SavedState) -> list[Sequence[str]]:
    """Where to join, by source: each is tried a second after the one before. What was typed for this run is for whoever wants that and no other."""
    if given:
        return [[*config.peers, *given]]
    others = [hosts for hosts in (config.bootstrap, config.routers) if hosts]
    if config.peers or any(overlay.contacts for overlay in saved.overlays):
        return [config.peers, *others]
    return list(others)


def _parse_target(target: IdLike) -> NodeId:
    try:
        if isinstance(target, bytes):
            return id_from_bytes(target)
        if isinstance(target, str):
            return parse_id(target)
        if not 0 <= target < ID_SPACE:
            raise ValueError("an ID has 160 bits")
    except ValueError as error:
        raise UsageError(str(error)) from None
    return target


def _parse_endpoint(endpoint: str | bytes) -> Endpoint:
    if isinstance(endpoint, bytes):
        return Endpoint(endpoint)
    try:
        return parse_endpoint(endpoint)
    except ValueError as error:
        raise UsageError(f"not an endpoint: {error}") from None
