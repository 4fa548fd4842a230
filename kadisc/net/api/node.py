"""A running node, as a program uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random
from typing import Any, TypeVar, overload

import trio

from ...config import Config
from ...core.contract.events import Event, LookupKind, LookupResult
from ...core.contract.identity import Identity
from ...endpoints import Family
from ...observe.shell_events import ShellEvent
from ...wire.items import Item
from ...wire.records import PeerRecord
from ..admin.administration import Administration
from ..admin.bans import Bans
from ..join.bootstrap import Bootstrap
from ..join.static_peers import StaticPeerResolver
from ..lan.lan import Lan
from ..link.tcp_dials import TcpDials
from ..link.watcher import watcher_of
from ..mapping.port_mapper import PortMapper
from ..state.keeper import Keeper
from ..transport.dispatch import Subscription
from ..transport.pump import Pump
from .announcing import Announced, Announcement, announce_once, kept_up
from .arguments import Content, EndpointLike, IdLike, key_from, parse_target, salt_from
from .items import Items, StoredItem
from .joins import Joins
from .lookups import Lookups
from .member import NetworkMember
from .peer_network import OwnNetwork
from .publishing import Publication, PublishedRecord, Publisher
from .results import Answers, FoundPeers, Pong

EventT = TypeVar("EventT")


class Node(NetworkMember):
    """A node with sockets and a clock. `open_node` makes it; every method may be called from any
    task of the same trio run. Cancelling a call ends the operation behind it at once.

    An ID is an int, 40 hex digits or 20 bytes. An endpoint is a numeric ``HOST:PORT``, its compact
    form (BEP 5, BEP 32), or a peer or contact that was returned. ``family`` is the first of the
    node's where it is not given; ``seeds`` are endpoints of unknown ID to begin a lookup with,
    beside the node's own contacts; ``paths`` is the number of disjoint paths of a lookup
    (S/Kademlia); ``k`` is the number of closest nodes wanted.

    Raises:
        UsageError: an argument cannot be read, or the node has no socket of that family.
        NoAnswer: the node has no contacts, or no node answered.
        ErrorAnswer: the other node answered with a KRPC error.
        Busy: too many operations are in flight.
        Closed: the node was closed before the operation could end.
    """

    def __init__(
        self,
        config: Config,
        identity: Identity,
        pump: Pump,
        sources: Sequence[Sequence[str]],
        rng: Random,
        keeper: Keeper | None = None,
        bans: Bans | None = None,
    ) -> None:
        """`open_node` and `make_node` make nodes.

        Args:
            config: The configuration.
            identity: The key pair.
            pump: The core, with the ports and the clock that drive it.
            sources: ``HOST:PORT`` of nodes to join by; one source a second.
            rng: The source of all random choices.
            keeper: Saves what the node is to know in its next run.
            bans: What is banned from the start, as the core knows already.

        Raises:
            UsageError: a host or a peer of ``config`` cannot be read.
        """
        nonces = keeper.saved_nonces if keeper is not None else ()
        mapper = PortMapper(pump, config, rng, nonces)
        watcher = watcher_of(pump, config, mapper)
        lan = Lan(pump, config, sources, rng)
        super().__init__(OwnNetwork(pump, config), pump, keeper, mapper, watcher, lan, config)
        self.identity = identity
        """The key pair (Ed25519)."""
        self.public_key = identity.public_key
        """32 bytes that identify the node for good; its node IDs follow from its addresses."""
        self._rng = rng
        self._lookups = Lookups(pump, config)
        self._joins = Joins(pump, self._lookups)
        self.items = Items(pump, self._lookups)
        """Items on the DHT, one family at a time."""
        self.publisher = Publisher(
            self.items.put_in, self._lookups.families, self.joined, config, rng
        )
        """The items that the node stores again every hour."""
        self._published_record = PublishedRecord(
            self.publisher, identity, self.own_network.keys.tag, config.publish_delay_s, rng
        )
        self.hosts = tuple(dict.fromkeys(host for hosts in sources for host in hosts))
        """``HOST:PORT`` of the nodes to join by, without the contacts of the last run."""
        self._bootstrap = Bootstrap(pump, config, sources, rng)
        self._static_peers = StaticPeerResolver(pump, config, rng)
        self.administration = Administration(
            pump,
            config,
            bans or Bans(config, {}),
            self._static_peers,
            lan,
            keeper,
            self._configure_services,
        )
        """What an operator changes while the node runs."""
        self._tcp_dials = TcpDials(pump)
        pump.dispatch.tap(self._published_record.note)

    def start(self, nursery: trio.Nursery, *, joins: bool = True) -> None:
        """Starts the node's tasks. Without ``joins`` it sends only what calls make it send."""
        self.pump.start(nursery)
        self.publisher.start(nursery)
        nursery.start_soon(self.administration.run, name="kadisc administration")
        if joins:
            self._static_peers.start(nursery)
            self._bootstrap.start(nursery)
            nursery.start_soon(self.port_mapper.run, name="kadisc port mapper")
            nursery.start_soon(self._tcp_dials.run, name="kadisc tcp dials")
            if self.own_network.is_joined:
                nursery.start_soon(self._lan.run, name="kadisc lan")
            if self.link_watcher.is_wanted:
                nursery.start_soon(self.link_watcher.run, name="kadisc link watcher")
            if (
                self.config.publish_record
                and not self.config.core.read_only
                and self.own_network.is_joined
            ):
                self._published_record.start(self.record)
        if self.keeper is not None:
            self.keeper.keep_nonces(self.port_mapper.nonces)
            self.keeper.start(nursery, self.pump, self.publisher.persistent_items)
            # After the own record, which always has a place among what is published.
            self.publisher.resume(self.keeper.saved.published, self.identity)

    @property
    def waits_for_contact(self) -> bool:
        """Whether the node knows no node to join by: the first of a network is right to wait."""
        return self._bootstrap.waits_for_contact

    def has_contacts(self, family: Family) -> bool:
        """Whether a lookup has contacts to begin with, from the table or from the last run."""
        return self._core.has_contacts(self._lookups.served(family))

    @overload
    def subscribe(self) -> Subscription[Event | ShellEvent]: ...

    @overload
    def subscribe(self, *types: type[EventT]) -> Subscription[EventT]: ...

    def subscribe(self, *types: type[Any]) -> Subscription[Any]:
        """A stream of the events of these types, or of all events: ``async with
        node.subscribe(LookupFinished) as events: async for event in events: ...``. A subscriber
        that falls ``config.subscriber_queue`` events behind loses the newest.
        """
        return Subscription(self.pump.dispatch, types, self.config.subscriber_queue)

    async def joined(self, family: Family | None = None) -> None:
        """Returns once the node has joined the DHT, in this family or in any: a lookup of the own
        ID has ended, and k contacts, or all that there are, are verified.

        Raises:
            Closed: the node was closed before it joined.
        """
        await self._joins.wait(family)

    # --- lookups ----------------------------------------------------------------------------------

    async def ping(self, endpoint: EndpointLike) -> float:
        """The round-trip time to an endpoint, in seconds."""
        return (await self.ping_details(endpoint)).rtt_s

    async def ping_details(self, endpoint: EndpointLike) -> Pong:
        """One ping, and all that its answer tells."""
        return await self._lookups.ping(endpoint)

    async def find_node(
        self,
        target: IdLike,
        *,
        k: int | None = None,
        paths: int = 1,
        family: Family | None = None,
        seeds: Sequence[EndpointLike] = (),
    ) -> LookupResult:
        """Looks up the k nodes closest to an ID that answer, closest first (BEP 5 ``find_node``).

        Raises:
            NoAnswer: the node has no contacts, or no node answered.
        """
        return await self._lookups.look_up(
            target, LookupKind.FIND_NODE, k=k, paths=paths, family=family, seeds=seeds
        )

    async def get_peers(
        self,
        info_hash: IdLike,
        *,
        k: int | None = None,
        paths: int = 1,
        family: Family | None = None,
        seeds: Sequence[EndpointLike] = (),
    ) -> LookupResult:
        """As `find_node`, with the ``peers`` that were announced under the info-hash (BEP 5)."""
        return await self._lookups.look_up(
            info_hash, LookupKind.GET_PEERS, k=k, paths=paths, family=family, seeds=seeds
        )

    def lookup(
        self,
        target: IdLike,
        *,
        kind: LookupKind = LookupKind.FIND_NODE,
        k: int | None = None,
        paths: int = 1,
        family: Family | None = None,
        salt: bytes = b"",
        seeds: Sequence[EndpointLike] = (),
    ) -> AbstractAsyncContextManager[Answers]:
        """A lookup to watch: ``async with node.lookup(target) as answers: async for responder in
        answers: ...``, then ``answers.result``. ``salt`` is that of the mutable item looked up.
        Leaving the block early ends the lookup.
        """
        return self._lookups.watch(
            target, kind, k=k, paths=paths, family=family, seeds=seeds, salt=salt
        )

    def find_peers(
        self,
        info_hash: IdLike,
        *,
        family: Family | None = None,
        paths: int = 1,
        seeds: Sequence[EndpointLike] = (),
    ) -> AbstractAsyncContextManager[FoundPeers]:
        """The peers announced under an info-hash (BEP 5), as they are found: ``async with
        node.find_peers(info_hash) as peers: async for peer in peers: ...``. Without ``family``
        every family of the node is searched. Leaving the block early ends the lookups.
        """
        return self._lookups.find_peers(info_hash, family=family, paths=paths, seeds=seeds)

    # --- announcing and storing -------------------------------------------------------------------

    async def announce(
        self,
        info_hash: IdLike,
        port: int,
        *,
        implied_port: bool = False,
        family: Family | None = None,
        seeds: Sequence[EndpointLike] = (),
    ) -> Announced:
        """Announces once, in one family, that the peer at this node's address and ``port`` belongs
        to an info-hash (BEP 5 ``announce_peer``). With ``implied_port`` the others store the UDP
        port that they see instead.

        Raises:
            ErrorAnswer: no node stored it, and at least one refused.
            NoAnswer: no node stored it.
        """
        return await announce_once(
            self.pump,
            info_hash,
            port,
            family=self._lookups.chosen(family),
            implied_port=implied_port,
            seeds=seeds,
        )

    @asynccontextmanager
    async def announce_peer(
        self, info_hash: IdLike, port: int, *, implied_port: bool = False
    ) -> AsyncIterator[Announcement]:
        """Announces for as long as the block is open, in every family of the node: when the node
        has joined there, then every ``config.announce_interval_s`` +- 10 %. A failure is counted
        and tried again sooner.
        """
        target = parse_target(info_hash)

        async def announce(family: Family) -> Announced:
            return await self.announce(target, port, implied_port=implied_port, family=family)

        announcement = Announcement(announce, self.config.announce_interval_s, self._rng)
        async with kept_up(announcement, self._lookups.families, self.joined):
            yield announcement

    async def get(self, target: IdLike, *, salt: bytes | str = b"") -> Item | None:
        """The item under a target (BEP 44), looked up in every family; None where no node has it.
        ``salt`` is that of a mutable item, of which the latest version counts. Its hash or its
        signature has been checked.

        Raises:
            NoAnswer: the node has no contacts, or no node answered.
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
        """Stores a value once, at the nodes closest to its target in every family (BEP 44). They
        keep it for two hours.

        Args:
            value: At most 1,000 bytes as bencode.
            mutable: Signed by the node's key, so that it can have later versions.
            salt: At most 64 bytes; tells mutable items of one key apart.
            sequence: Of this version; where not given, the next one.
            cas: The sequence that the version stored now must have.

        Raises:
            UsageError: the value or the salt is too long, or no item can hold it.
            Conflict: another version is there (301: not that of ``cas``; 302: a later one).
            ErrorAnswer: no node stored it, and at least one refused.
            NoAnswer: no node stored it.
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
        """As `put`, again every ``config.publish_interval_s`` +- 10 % for as long as the block is
        open.

        Raises:
            Busy: ``config.max_published`` items are published already.
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
        network, ``config.network`` where none is given. None where no node has one that is signed
        by that key and of that network.
        """
        return await self.items.resolve(key_from(key), network or self.config.network)

    def close(self) -> None:
        """Ends every operation, stream and subscription; the ports are the caller's to close."""
        self._published_record.close()
        self.publisher.close()
        self._joins.close()
        self.pump.close()
        self.own_network.wake()
