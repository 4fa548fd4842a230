"""Items that this node keeps on the DHT (BEP 44): others forget them after two hours, so each is
put again every hour. Its own peer record is one of them, unless it is not to be: whoever knows our
key finds us by that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random

import trio

from ...config import Config
from ...core.contract.events import RecordChanged
from ...core.contract.identity import Identity
from ...core.lookup.put import Draft
from ...core.peers.rendezvous import network_tag
from ...endpoints import Family
from ...errors import Busy, Closed
from ...ids import NodeId
from ...wire.items import Item
from ...wire.records import decode_record
from ..transport.nurseries import open_flat_nursery
from .announcing import Announcement
from .items import StoredItem

PutIn = Callable[[Family, Draft], Awaitable[StoredItem]]
Joined = Callable[[Family], Awaitable[None]]


class Publication(Announcement):
    """An item that is kept on the DHT. ``item`` is None until it was put for the first time, and
    from then on the same: whoever puts a later version is not overruled, and each refusal counts as
    a failure.
    """

    def __init__(
        self,
        draft: Draft,
        put_in: PutIn,
        interval_s: float,
        rng: Random,
        item: Item | None = None,
        *,
        lasting: bool = False,
    ) -> None:
        """``lasting``: beyond this run of the node."""
        super().__init__(self._put, interval_s, rng)
        self.item = item
        self.lasting = lasting
        self.target: NodeId = draft.target
        self._draft = draft
        self._put_in = put_in
        self._scope = trio.CancelScope()

    async def run(self, families: Sequence[Family], joined: Joined, delay_s: float) -> None:
        with self._scope, suppress(Closed):
            await trio.sleep(delay_s)
            async with open_flat_nursery() as nursery:
                for family in families:
                    nursery.start_soon(self.keep_up, family, joined)

    def end(self) -> None:
        self._scope.cancel()

    async def _put(self, family: Family) -> StoredItem:
        again = (
            self._draft
            if self.item is None
            else replace(self._draft, sequence=self.item.sequence, cas=None)
        )
        stored = await self._put_in(family, again)
        self.item = self.item or stored.item
        return stored


class Publisher:
    """Bounded: one item too many is refused."""

    def __init__(
        self, put_in: PutIn, families: Sequence[Family], joined: Joined, config: Config, rng: Random
    ) -> None:
        self._put_in = put_in
        self._families = families
        self._joined = joined
        self._config = config
        self._rng = rng
        self._kept: dict[NodeId, Publication] = {}
        self._nursery: trio.Nursery | None = None

    def start(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery

    def close(self) -> None:
        self._nursery = None

    def keep(
        self, draft: Draft, *, delay_s: float = 0.0, item: Item | None = None, lasting: bool = False
    ) -> Publication:
        """Until it is dropped, or the node is closed; in place of what has its target. ``item``:
        what the draft became when it was put a moment ago. ``lasting``: also in the next run, where
        the state is kept. Raises Busy and Closed.
        """
        if self._nursery is None:
            raise Closed("the node is closed")
        publication = Publication(
            draft, self._put_in, self._config.publish_interval_s, self._rng, item, lasting=lasting
        )
        if publication.target not in self._kept and len(self._kept) >= self._config.max_published:
            raise Busy(
                f"{self._config.max_published} items are kept published already: drop some first"
            )
        self.drop(self._kept.get(publication.target))
        self._kept[publication.target] = publication
        self._nursery.start_soon(publication.run, self._families, self._joined, delay_s)
        return publication

    def drop(self, publication: Publication | None) -> None:
        """What was put stays for up to two hours."""
        if publication is not None:
            publication.end()
            if self._kept.get(publication.target) is publication:
                del self._kept[publication.target]

    def forget(self, target: NodeId) -> None:
        """Drops what was to last: its owner has put something there without asking for that again."""
        publication = self._kept.get(target)
        if publication is not None and publication.lasting:
            self.drop(publication)

    def lasting(self) -> tuple[Item, ...]:
        """What the next run is to go on with."""
        return tuple(
            each.item for each in self._kept.values() if each.lasting and each.item is not None
        )

    def resume(self, items: Iterable[Item], identity: Identity) -> None:
        """Goes on with what the last run was to keep, in the same versions. What is of another key
        than ours now cannot be signed, and ends.
        """
        for item in items:
            if item.key is None:
                draft = Draft(item.value)
            elif item.key == identity.public_key:
                draft = Draft(item.value, identity, item.salt, item.sequence)
            else:
                continue
            with suppress(Busy):
                self.keep(
                    draft,
                    delay_s=self._config.publish_delay_s * self._rng.uniform(0.5, 1.5),
                    item=item,
                    lasting=True,
                )


class OwnRecord:
    """Our own peer record as a mutable item: salt is the network's tag, sequence that of the
    record.
    """

    def __init__(
        self, publisher: Publisher, identity: Identity, config: Config, rng: Random
    ) -> None:
        self._publisher = publisher
        self._identity = identity
        self._tag = network_tag(config.network)
        self._delay_s = config.publish_delay_s
        self._rng = rng
        self._started = False

    def start(self, record: bytes) -> None:
        self._started = True
        self._keep(record)

    def note(self, event: object) -> None:
        """For the shell's events."""
        if isinstance(event, RecordChanged) and self._started:
            self._keep(event.record)

    def close(self) -> None:
        self._started = False

    def _keep(self, record: bytes) -> None:
        draft = Draft(record, self._identity, self._tag, sequence=decode_record(record).sequence)
        self._publisher.keep(draft, delay_s=self._delay_s * self._rng.uniform(0.5, 1.5))
