"""Items on the DHT (BEP 44) as a program gets and puts them, in every address family of the node:
each family is a DHT of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from ...contacts import Contact
from ...core.contract.events import LookupKind, Outcome, PutFinished, StoreRefusal
from ...core.contract.identity import Identity, is_signed_by
from ...core.lookup.put import Draft, sequence_there
from ...core.peers.network_keys import NetworkKeys
from ...endpoints import Endpoint, Family
from ...errors import Conflict, DecodeError, ErrorAnswer, NoAnswer, QueryFailed, UsageError
from ...ids import NodeId
from ...wire.bencode import MAX_INT
from ...wire.items import Item
from ...wire.records import PeerRecord, decode_record
from ..transport.nurseries import open_flat_nursery
from ..transport.pump import Pump
from .arguments import Content, salt_from, value_from
from .lookups import NO_CONTACTS, Lookups
from .storing import Follow, finish_storing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredItem:
    """One put. ``stored``: the nodes that confirmed it; ``queries``: datagrams sent; ``refused``:
    the nodes that answered with an error; ``unanswered``: those that did not answer when they were
    asked to store it.
    """

    item: Item
    stored: tuple[Contact, ...]
    queries: int
    refused: tuple[StoreRefusal, ...] = ()
    unanswered: tuple[Contact, ...] = ()


class Items:
    """Gets and puts. Each call raises Busy and Closed."""

    def __init__(self, pump: Pump, lookups: Lookups) -> None:
        self._pump = pump
        self._lookups = lookups

    def draft(
        self,
        value: Content,
        identity: Identity | None,
        *,
        salt: bytes | str = b"",
        sequence: int | None = None,
        cas: int | None = None,
    ) -> Draft:
        """What is to be put; mutable with an ``identity``. Raises UsageError.

        The sequence, where it is not given, is the larger of the stored one + 1 and the wall clock
        in milliseconds. So it still grows when other nodes have forgotten the item, or when only
        one of two families has.
        """
        raw_salt = salt_from(salt)
        if identity is None and (raw_salt or sequence is not None or cas is not None):
            raise UsageError("salt, sequence and cas are of mutable items")
        for name, number in (("sequence", sequence), ("cas", cas)):
            if number is not None and not 0 <= number <= MAX_INT:
                raise UsageError(f"{name} is a whole number from 0 to 2^63 - 1, not {number}")
        wall_ms = int(self._pump.wall_s() * 1000)
        return Draft(value_from(value), identity, raw_salt, sequence, wall_ms, cas)

    async def get(self, target: NodeId, salt: bytes) -> Item | None:
        """The latest version of all families; None where no node has it. Raises NoAnswer where no
        node answered in any family.
        """
        results = await self._in_each(
            lambda family: self._lookups.look_up(target, LookupKind.GET, family=family, salt=salt)
        )
        return latest(result.item for result in results)

    async def put(self, draft: Draft) -> StoredItem:
        """Stores it once in every family. Raises Conflict where a family has another version;
        otherwise, where no family stored it, what `put_in` raised: ErrorAnswer rather than
        NoAnswer.
        """
        if draft.is_bound and len(self._lookups.families) > 1:
            # What one family has decides for the other as well, before anything is stored.
            with suppress(NoAnswer):
                there = await self.get(draft.target, draft.salt)
                if (conflict := conflict_with(draft, there)) is not None:
                    raise conflict
        conflicts: list[Conflict] = []

        async def put_in(family: Family) -> StoredItem | None:
            try:
                return await self.put_in(family, draft)
            except Conflict as conflict:
                conflicts.append(conflict)
                return None

        done = [each for each in await self._in_each(put_in) if each is not None]
        stored = tuple(contact for each in done for contact in each.stored)
        if conflicts:
            raise merged_conflict(conflicts, stored)
        item = latest(each.item for each in done)
        assert item is not None
        return StoredItem(
            item,
            stored,
            sum(each.queries for each in done),
            tuple(refusal for each in done for refusal in each.refused),
            tuple(contact for each in done for contact in each.unanswered),
        )

    async def put_in(
        self,
        family: Family,
        draft: Draft,
        seeds: Sequence[Endpoint] = (),
        follow: Follow | None = None,
    ) -> StoredItem:
        """Stores it once in one family. Raises Conflict where another version is there, ErrorAnswer
        where all nodes that answered refused it, else NoAnswer where no node stored it.
        """
        finished = await finish_storing(
            self._pump,
            lambda now: self._pump.core.put(draft, now, family=family, seeds=seeds),
            follow,
        )
        assert isinstance(finished, PutFinished)
        if finished.conflict is not None:
            raise Conflict(
                finished.code, finished.text, finished.conflict.sequence, finished.stored
            )
        if finished.item is not None and finished.stored:
            return StoredItem(
                finished.item,
                finished.stored,
                finished.queries,
                finished.refused,
                finished.unanswered,
            )
        if finished.outcome is Outcome.ERROR_ANSWER:
            raise ErrorAnswer(finished.code, finished.text)
        no_contacts = finished.outcome is Outcome.NO_CONTACTS
        raise NoAnswer(NO_CONTACTS if no_contacts else "no node has stored the item")

    async def resolve(self, key: bytes, network: str) -> PeerRecord | None:
        """The peer record that the owner of a key (32 bytes) has published for a network; None
        where no valid one was found.
        """
        keys = NetworkKeys(network)
        item = await self.get(keys.record_target(key), keys.tag)
        return record_in(item, key, keys.tag)

    async def _in_each(self, call: Callable[[Family], Awaitable[T]]) -> list[T]:
        """The results of the families in which the call succeeded."""
        done: list[T] = []
        failures: list[QueryFailed] = []

        async def carry_out(family: Family) -> None:
            try:
                done.append(await call(family))
            except QueryFailed as error:
                failures.append(error)

        async with open_flat_nursery() as nursery:
            for family in self._lookups.families:
                nursery.start_soon(carry_out, family)
        if not done:
            refusals = [error for error in failures if isinstance(error, ErrorAnswer)]
            raise refusals[0] if refusals else failures[-1]
        return done


def conflict_with(draft: Draft, there: Item | None) -> Conflict | None:
    """The conflict that a put of the draft is where that version is stored; None if it is none."""
    if there is None or (code := draft.conflict(draft.item(there), there)) is None:
        return None
    return Conflict(code, sequence_there(there), there.sequence)


def merged_conflict(conflicts: Sequence[Conflict], stored: Sequence[Contact]) -> Conflict:
    """The conflict with the highest sequence; ``stored``: the nodes of other families that have
    stored the put.
    """
    first = max(conflicts, key=lambda conflict: conflict.sequence)
    there = (contact for conflict in conflicts for contact in conflict.stored)
    return Conflict(first.code, first.text, first.sequence, (*stored, *there))


def latest(items: Iterable[Item | None]) -> Item | None:
    """The item with the highest sequence; None where there is no item."""
    return max(
        (item for item in items if item is not None), key=lambda item: item.sequence, default=None
    )


def record_in(item: Item | None, key: bytes, tag: bytes) -> PeerRecord | None:
    """The peer record in an item, where it is of that key and network tag and its own signature is
    valid. The signature of the item does not prove that: the record has one of its own, because it
    is also passed on without the item.
    """
    if item is None:
        return None
    try:
        record = decode_record(item.value)
    except DecodeError:
        return None
    is_valid = (
        record.key == key == item.key
        and record.network == tag
        and is_signed_by(key, record.signed, record.signature)
    )
    return record if is_valid else None
