"""A running node, as a program uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from random import Random
from typing import Any, TypeVar, overload

import trio

from ...config import Config
from ...core.book.entry import Provenance, Verdict
from ...core.contract.events import (
    AnnounceFinished,
    Event,
    FoundNode,
    Joined,
    LookupFinished,
    LookupKind,
    LookupResult,
    OperationId,
    Outcome,
    PingFinished,
)
from ...core.contract.identity import Identity
from ...core.contract.saved_state import SavedState
from ...core.snapshot import OperationSnapshot, Snapshot
from ...endpoints import Endpoint, Family, family_of, format_endpoint
from ...errors import Busy, ErrorAnswer, NoAnswer, UsageError
from ...ids import NodeId
from ...observe.shell_events import ShellEvent
from ...wire.items import Item
from ...wire.records import PeerRecord
from ..join.bootstrap import Bootstrap, sources_of
from ..join.own_address import own_addresses
from ..join.static_peers import KeptPeers
from ..state.keeper import Keeper
from ..transport.clock import Clock
from ..transport.dispatch import Findings, Subscription
from ..transport.nurseries import open_flat_nursery
from ..transport.ports import Port
from ..transport.pump import Pump
from .announcing import Announced, Announcement
from .arguments import Content, IdLike, endpoint_from, key_from, parse_target, salt_from
from .calls import Calls
from .core_for import core_for
from .items import Items, StoredItem
from .peer_network import OwnNetwork
from .peer_stream import PeerStream
from .publishing import OwnRecord, Publication, Publisher
from .results import Answers, FoundPeers, Pong

EventT = TypeVar("EventT")
KEY_BYTES = 32
NOTHING_SAVED = SavedState(())


class Node:
    """A node with sockets and a clock. Made by `open_node`; every method may be called from any
    task of the same trio run.

    Cancelling a call ends the operation behind it at once. Operations raise NoAnswer, ErrorAnswer,
    Busy (too many in flight), Closed and UsageError.
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
        join_network: bool = True,
    ) -> None:
        """``bootstrap`` are the hosts that were asked for; without any, those of ``config`` follow
        one another. ``keeper`` says who we are and whom we knew, and keeps both; without one,
        ``saved`` says whom we knew. One that is not ``join_network`` is of no network. Raises
        UsageError.
        """
        saved = keeper.saved if keeper is not None else saved
        identity = keeper.identity if keeper is not None else Identity.new(rng)
        self.config = config
        self.identity = identity
        self.public_key = identity.public_key
        """Who it is: 32 bytes (Ed25519). Its node IDs say only where it is."""
        addresses = own_addresses(config, ports, saved)
        core = core_for(config, identity, addresses, rng, clock, join_network=join_network)
        core.restore(saved, clock.now())
        self._core = core
        self._rng = rng
        self._pump = Pump(core, ports, clock)
        self._calls = Calls(self._pump)
        self.own_network = OwnNetwork(self._pump, config.network)
        self.items = Items(self._calls, self._pump, clock, self._look_up)
        self.publisher = Publisher(
            self.items.put_in, self._calls.families, self.joined, config, rng
        )
        self._own_record = OwnRecord(self.publisher, identity, config, rng)
        self._keeper = keeper
        self._bootstrap = Bootstrap(self._pump, config, sources_of(config, bootstrap, saved), rng)
        self._kept_peers = KeptPeers(self._pump, config, rng)
        self._opened_at = self._pump.now()
        self._joined = {family: trio.Event() for family in addresses}
        self._any_joined = trio.Event()
        self._pump.dispatch.tap(self._note)
        self._pump.dispatch.tap(self._own_record.note)

    def start(self, nursery: trio.Nursery, *, joins: bool = True) -> None:
        """Without ``joins`` it does only what it is asked to do."""
        self._pump.start(nursery)
        self.publisher.start(nursery)
        if self._keeper is not None:
            self._keeper.start(nursery, self._pump, self.publisher.lasting)
            self.publisher.resume(self._keeper.saved.published, self.identity)
        if joins:
            self._kept_peers.start(nursery)
            self._bootstrap.start(nursery)
            if (
                self.config.publish_record
                and not self.config.core.read_only
                and self._core.peer_network is not None
            ):
                self._own_record.start(self.record)

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
        """What is in flight, the node's own lookups included: the part of a snapshot that costs
        little.
        """
        return self._core.operations()

    def stored_peers(self, info_hash: IdLike) -> list[Endpoint]:
        """The peers that others have announced at this very node (BEP 5): a lookup asks everybody
        but oneself.
        """
        return self._core.stored_peers(parse_target(info_hash), self._pump.now())

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
        return self._core.has_contacts(self._calls.served(family))

    def counters(self) -> dict[str, int]:
        """What happened so far, by name: the core's counters and those of the shell."""
        return self._core.counters.as_dict() | self._pump.counters()

    @overload
    def subscribe(self) -> Subscription[Event | ShellEvent]: ...

    @overload
    def subscribe(self, *types: type[EventT]) -> Subscription[EventT]: ...

    def subscribe(self, *types: type[Any]) -> Subscription[Any]:
        """A stream of the events of these types, or of all events: ``async with
        node.subscribe(LookupFinished) as events``.
        """
        return Subscription(self._pump.dispatch, types, self.config.subscriber_queue)

    async def joined(self, family: Family | None = None) -> None:
        """Returns once the node has joined, in this family or in any: the own ID was looked up, and
        k contacts, or all there are, are verified.
        """
        event = self._any_joined if family is None else self._joined[self._calls.served(family)]
        await event.wait()

    async def ping(self, endpoint: str | Endpoint) -> float:
        """The round-trip time to an endpoint, or to a numeric ``HOST:PORT``, in seconds."""
        return (await self.ping_details(endpoint)).rtt_s

    async def ping_details(self, endpoint: str | Endpoint) -> Pong:
        """One ping, and all that its answer tells."""
        destination = endpoint_from(endpoint)
        self._calls.served(family_of(destination))
        started = self._pump.now()
        finished = await self._calls.finish(lambda now: self._core.ping(destination, now))
        assert isinstance(finished, PingFinished)
        if finished.outcome is Outcome.ERROR_ANSWER:
            raise ErrorAnswer(finished.code, finished.text)
        if finished.contact is None:
            raise NoAnswer(
                f"no answer from {format_endpoint(destination)} within {self.config.core.query.timeout_s:g} s"
            )
        rtt_s = finished.rtt_s if finished.rtt_s is not None else self._pump.now() - started
        return Pong(finished.contact, rtt_s, finished.client, finished.seen_as)

    async def find_node(
        self,
        target: IdLike,
        *,
        k: int | None = None,
        paths: int = 1,
        family: Family | None = None,
        seeds: Sequence[str | Endpoint] = (),
    ) -> LookupResult:
        """The k nodes closest to an ID that answer, closest first. ``family`` is the first of the
        node's where not given; ``seeds`` are endpoints to begin with, beside the node's own
        contacts. Raises NoAnswer if there is nobody to ask, or nobody answers.
        """
        return await self._look_up(target, LookupKind.FIND_NODE, k, paths, family, seeds)

    async def get_peers(
        self,
        info_hash: IdLike,
        *,
        k: int | None = None,
        paths: int = 1,
        family: Family | None = None,
        seeds: Sequence[str | Endpoint] = (),
    ) -> LookupResult:
        """As `find_node`; the result also has the ``peers`` that were announced under the info-hash
        (BEP 5).
        """
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
        salt: bytes = b"",
        seeds: Sequence[str | Endpoint] = (),
    ) -> AsyncIterator[Answers]:
        """A lookup to watch: ``async with node.lookup(target) as answers: async for responder in
        answers: ...``, then ``answers.result``. ``salt``: of the mutable item that is looked up.
        Leaving the block early ends the lookup.
        """
        start = self._lookup_start(target, kind, k, paths, family, seeds, salt)
        findings = Findings[FoundNode](self.config.subscriber_queue)
        with self._pump.operation(start, answers=findings) as waiter:
            yield Answers(findings, waiter)

    @asynccontextmanager
    async def find_peers(
        self,
        info_hash: IdLike,
        *,
        family: Family | None = None,
        paths: int = 1,
        seeds: Sequence[str | Endpoint] = (),
    ) -> AsyncIterator[FoundPeers]:
        """The peers announced under an info-hash (BEP 5), as they are found: ``async with
        node.find_peers(info_hash) as peers: async for endpoint in peers: ...``. In every family of
        the node where none is given. Leaving the block early ends the search.
        """
        findings = Findings[Endpoint](self.config.core.lookup.max_peers)
        families = list(self._core.own_ids) if family is None else [family]
        starts = [
            self._lookup_start(
                info_hash, LookupKind.GET_PEERS, None, paths, each, seeds, for_peers=paths == 1
            )
            for each in families
        ]
        with ExitStack() as stack:
            findings.feeds()  # or the first lookup, ending at once, would end it before the second has begun
            waiters = [
                stack.enter_context(self._pump.operation(start, peers=findings)) for start in starts
            ]
            findings.feeder_ended()
            yield FoundPeers(findings, waiters)

    def peers(
        self,
        *,
        service: str | None = None,
        count: int | None = None,
        verified_within_s: float = 120.0,
        again_after_s: float = 3600.0,
    ) -> PeerStream:
        """Peers of our own network, without end unless ``count`` says where: ``async for peer in
        node.peers(service="eth")``. Each exchanged records with us itself, or answered since, at
        most ``verified_within_s`` ago, and is not given again for ``again_after_s``.
        """
        return PeerStream(
            self.own_network,
            self.search_tags,
            service=service,
            count=count,
            verified_within_s=verified_within_s,
            again_after_s=again_after_s,
        )

    async def search_tags(self) -> None:
        """Looks up who announced itself as being of our network, once, in every family; they are
        checked by and by.
        """

        async def look_up(number: int, info_hash: NodeId) -> None:
            with suppress(Busy):
                async with self.find_peers(
                    info_hash, paths=self.config.core.rendezvous.paths
                ) as found:
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
        """Where a peer came from and why it is trusted, by its key (32 bytes) or its endpoint; None
        for one that is not known.
        """
        return self.own_network.why(
            who if isinstance(who, bytes) and len(who) == KEY_BYTES else endpoint_from(who)
        )

    def feedback(self, key: bytes, verdict: Verdict) -> bool:
        """What the application says of a peer that it was given: good, bad, busy or wrong-network.
        False if that peer is not known (any more).
        """
        return self.own_network.feedback(key, verdict)

    async def announce(
        self,
        info_hash: IdLike,
        port: int,
        *,
        implied_port: bool = False,
        family: Family | None = None,
        seeds: Sequence[str | Endpoint] = (),
    ) -> Announced:
        """Announces, once, that the peer at our address and ``port`` belongs to an info-hash (BEP
        5). With ``implied_port`` the port of our own socket counts, as others see it. Raises
        NoAnswer if nobody stored it.
        """
        target = parse_target(info_hash)
        if not 0 < port < 65536:
            raise UsageError(f"a port is 1 to 65535, not {port}")
        chosen = self._calls.chosen(family)
        endpoints = [endpoint_from(seed) for seed in seeds]
        finished = await self._calls.finish(
            lambda now: self._core.announce(
                target, port, now, family=chosen, implied_port=implied_port, seeds=endpoints
            )
        )
        assert isinstance(finished, AnnounceFinished)
        if not finished.stored:
            nobody = finished.outcome is Outcome.NO_CONTACTS
            raise NoAnswer(
                "there is nobody to ask: the node knows no other node yet"
                if nobody
                else "no node has stored the announce"
            )
        return Announced(finished.stored, finished.peers, finished.queries)

    @asynccontextmanager
    async def announce_peer(
        self, info_hash: IdLike, port: int, *, implied_port: bool = False
    ) -> AsyncIterator[Announcement]:
        """Announces for as long as the block is open, in every family of the node: when it has
        joined there, and then every ``config.announce_interval_s``, jittered. What goes wrong is
        counted, and tried again sooner.
        """
        target = parse_target(info_hash)

        async def announce(family: Family) -> Announced:
            return await self.announce(target, port, implied_port=implied_port, family=family)

        announcement = Announcement(announce, self.config.announce_interval_s, self._rng)
        async with open_flat_nursery() as nursery:
            for family in self._core.own_ids:
                nursery.start_soon(announcement.keep_up, family, self.joined)
            yield announcement
            nursery.cancel_scope.cancel()

    async def get(self, target: IdLike, *, salt: bytes | str = b"") -> Item | None:
        """The item under a target (BEP 44), looked up in every family of the node; None if nobody
        has it. ``salt``: of a mutable item, of which the latest version counts. Its signature has
        been checked. Raises NoAnswer if there is nobody to ask, or nobody answers.
        """
        return await self.items.get(parse_target(target), salt_from(salt))

    async def put(
        self,
        value: Content,
        *,
        mutable: bool = False,
        salt: bytes | str = b"",
        sequence: int | None = None,
        cas: int | None = None,
    ) -> StoredItem:
        """Stores a value at the nodes closest to its target (BEP 44), once, in every family of the
        node; they keep it for two hours. A ``mutable`` one is signed by the node's own key;
        ``sequence`` is the next one where not given, ``cas`` what it must be there before. Raises
        ErrorAnswer if it was refused (301: another ``cas``; 302: a later version is there),
        NoAnswer if nobody stored it.
        """
        return await self.items.put(
            self.items.draft(
                value, self.identity if mutable else None, salt=salt, sequence=sequence, cas=cas
            )
        )

    @asynccontextmanager
    async def publish(
        self, value: Content, *, mutable: bool = False, salt: bytes | str = b""
    ) -> AsyncIterator[Publication]:
        """As `put`, again every ``config.publish_interval_s`` for as long as the block is open.
        Raises Busy where too many are published already.
        """
        publication = self.publisher.keep(
            self.items.draft(value, self.identity if mutable else None, salt=salt)
        )
        try:
            yield publication
        finally:
            self.publisher.drop(publication)

    async def resolve(self, key: bytes | str, *, network: str | None = None) -> PeerRecord | None:
        """The peer record that the owner of a key (32 bytes, or 64 hex digits) has published for a
        network, our own where none is given. None if there is none, or none that is signed by that
        key and of that network.
        """
        return await self.items.resolve(key_from(key), network or self.config.network)

    async def _look_up(
        self,
        target: IdLike,
        kind: LookupKind,
        k: int | None = None,
        paths: int = 1,
        family: Family | None = None,
        seeds: Sequence[str | Endpoint] = (),
        salt: bytes = b"",
    ) -> LookupResult:
        finished = await self._calls.finish(
            self._lookup_start(target, kind, k, paths, family, seeds, salt)
        )
        assert isinstance(finished, LookupFinished)
        if finished.outcome is Outcome.NO_CONTACTS and finished.result.item is None:
            raise NoAnswer("there is nobody to ask: the node knows no other node yet")
        if finished.outcome is Outcome.NO_ANSWER and finished.result.item is None:
            raise NoAnswer(
                f"none of the nodes asked answered ({finished.result.queries} datagrams sent)"
            )
        return finished.result

    def _lookup_start(
        self,
        target: IdLike,
        kind: LookupKind,
        k: int | None,
        paths: int,
        family: Family | None,
        seeds: Sequence[str | Endpoint],
        salt: bytes = b"",
        *,
        for_peers: bool = False,
    ) -> Callable[[float], OperationId]:
        target_id = parse_target(target)
        if (k is not None and k < 1) or paths < 1:
            raise UsageError("k and paths are at least 1")
        chosen = self._calls.chosen(family)
        endpoints = [
            endpoint for seed in seeds if family_of(endpoint := endpoint_from(seed)) is chosen
        ]
        return lambda now: self._core.start_lookup(
            *(target_id, now),
            family=chosen,
            kind=kind,
            k=k,
            paths=paths,
            for_peers=for_peers,
            salt=salt,
            seeds=endpoints,
        )

    def _note(self, event: object) -> None:
        if isinstance(event, Joined):
            self._joined[event.family].set()
            self._any_joined.set()

    def close(self) -> None:
        self._own_record.close()
        self.publisher.close()
        self._pump.close()
        self.own_network.wake()
