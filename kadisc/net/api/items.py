"""Items on the DHT (BEP 44) as a program gets and puts them, in every address family of the node:
each is a DHT of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ...contacts import Contact
from ...core.contract.events import LookupKind, LookupResult, Outcome, PutFinished
from ...core.contract.identity import Identity, is_signed_by
from ...core.lookup.put import Draft
from ...core.peers.rendezvous import network_tag
from ...endpoints import Endpoint, Family
from ...errors import DecodeError, ErrorAnswer, NoAnswer, QueryFailed, UsageError
from ...ids import NodeId
from ...wire.bencode import MAX_INT
from ...wire.items import Item, target_of_key
from ...wire.records import PeerRecord, decode_record
from ..transport.clock import Clock
from ..transport.nurseries import open_flat_nursery
from ..transport.pump import Pump
from .arguments import Content, salt_from, value_from
from .calls import Calls

T = TypeVar("T")


class LookUp(Protocol):
    async def __call__(
        self, target: NodeId, kind: LookupKind, *, family: Family, salt: bytes
    ) -> LookupResult: ...


@dataclass(frozen=True, slots=True)
class StoredItem:
    """One put. ``stored``: the nodes that confirmed to keep it; ``queries``: datagrams sent."""

    item: Item
    stored: tuple[Contact, ...]
    queries: int


class Items:
    def __init__(self, calls: Calls, pump: Pump, clock: Clock, look_up: LookUp) -> None:
        self._calls = calls
        self._pump = pump
        self._clock = clock
        self._look_up = look_up

    def draft(
        self,
        value: Content,
        identity: Identity | None,
        *,
        salt: bytes | str = b"",
        sequence: int | None = None,
        cas: int | None = None,
    ) -> Draft:
        """What is to be put; mutable with an ``identity``. Its sequence, where not given, is the
        larger of one more than what is there and the wall clock in milliseconds: that survives that
        the others have forgotten it, and that one of two families has. Raises UsageError.
        """
        raw_salt = salt_from(salt)
        if identity is None and (raw_salt or sequence is not None or cas is not None):
            raise UsageError("salt, sequence and cas are of mutable items")
        for name, number in (("sequence", sequence), ("cas", cas)):
            if number is not None and not 0 <= number <= MAX_INT:
                raise UsageError(f"{name} is a whole number from 0 to 2^63 - 1, not {number}")
        return Draft(
            value_from(value), identity, raw_salt, sequence, int(self._clock.wall_s() * 1000), cas
        )

    async def get(self, target: NodeId, salt: bytes) -> Item | None:
        """The latest of all families; None if nobody has it. Raises NoAnswer if nobody was there in
        any.
        """
        results = await self._in_each(
            lambda family: self._look_up(target, LookupKind.GET, family=family, salt=salt)
        )
        return latest(result.item for result in results)

    async def put(self, draft: Draft) -> StoredItem:
        """Raises what the last family raised if none stored it."""
        done = await self._in_each(lambda family: self.put_in(family, draft))
        item = latest(each.item for each in done)
        assert item is not None
        return StoredItem(
            item,
            tuple(contact for each in done for contact in each.stored),
            sum(each.queries for each in done),
        )

    async def put_in(
        self, family: Family, draft: Draft, seeds: Sequence[Endpoint] = ()
    ) -> StoredItem:
        """In one family, once. Raises NoAnswer and, where all who answered refuse, ErrorAnswer."""
        finished = await self._calls.finish(
            lambda now: self._pump.core.put(draft, now, family=family, seeds=seeds)
        )
        assert isinstance(finished, PutFinished)
        if finished.item is not None and finished.stored:
            return StoredItem(finished.item, finished.stored, finished.queries)
        if finished.outcome is Outcome.ERROR_ANSWER:
            raise ErrorAnswer(finished.code, finished.text)
        nobody = finished.outcome is Outcome.NO_CONTACTS
        raise NoAnswer(
            "there is nobody to ask: the node knows no other node yet"
            if nobody
            else "no node has stored the item"
        )

    async def resolve(self, key: bytes, network: str) -> PeerRecord | None:
        """The peer record that the owner of a key has published for a network; None if there is
        none that holds.
        """
        tag = network_tag(network)
        item = await self.get(target_of_key(key, tag), tag)
        return record_in(item, key, tag) if item is not None else None

    async def _in_each(self, call: Callable[[Family], Awaitable[T]]) -> list[T]:
        done: list[T] = []
        failures: list[QueryFailed] = []

        async def carry_out(family: Family) -> None:
            try:
                done.append(await call(family))
            except QueryFailed as error:
                failures.append(error)

        async with open_flat_nursery() as nursery:
            for family in self._calls.families:
                nursery.start_soon(carry_out, family)
        if not done:
            raise next(
                (error for error in failures if isinstance(error, ErrorAnswer)), failures[-1]
            )
        return done


def latest(items: Iterable[Item | None]) -> Item | None:
    return max(
        (item for item in items if item is not None), key=lambda item: item.sequence, default=None
    )


def record_in(item: Item, key: bytes, tag: bytes) -> PeerRecord | None:
    """The record in an item, if it is of that key and network and its own signature holds: it may
    go round without the item.
    """
    try:
        record = decode_record(item.value)
    except DecodeError:
        return None
    holds = (
        record.key == key == item.key
        and record.network == tag
        and is_signed_by(key, record.signed, record.signature)
    )
    return record if holds else None
