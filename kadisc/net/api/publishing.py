"""Items that this node stores on the DHT again and again (BEP 44): other nodes forget an item after
two hours, so each is put every hour. The node's own peer record is one of them, unless the
configuration says otherwise: a node that has the key finds the record by it.
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
    """An item that is stored again and again. ``item`` is None until the first put, and from then
    on the same version: a later version of another node is not overruled, and each refusal counts
    as a failure.
    """

    def __init__(
        self,
        draft: Draft,
        put_in: PutIn,
        interval_s: float,
        rng: Random,
        item: Item | None = None,
        *,
        persistent: bool = False,
    ) -> None:
        """``persistent``: the next run of the node goes on with it."""
        super().__init__(self._put, interval_s, rng)
        self.item = item
        self.persistent = persistent
        self.target: NodeId = draft.target
        self._draft = draft
        self._put_in = put_in
        self._scope = trio.CancelScope()

    async def run(self, families: Sequence[Family], joined: Joined, delay_s: float) -> None:
        """Puts it in every family, until `end`."""
        try:
            with self._scope, suppress(Closed):
                await trio.sleep(delay_s)
                async with open_flat_nursery() as nursery:
                    for family in families:
                        nursery.start_soon(self.keep_up, family, joined)
        finally:
            self.close()

    def end(self) -> None:
        """Puts it no more."""
        self.close()
        self._scope.cancel()

    async def _put(self, family: Family) -> StoredItem:
        draft = self._draft
        if self.item is not None:
            draft = replace(draft, sequence=self.item.sequence, cas=None)
        stored = await self._put_in(family, draft)
        self.item = self.item or stored.item
        return stored


class Publisher:
    """The publications of one node, at most ``config.max_published``."""

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
        """Publications run in this nursery; before, `keep` raises Closed."""
        self._nursery = nursery

    def close(self) -> None:
        """Takes no more publications; the nursery ends those that run."""
        self._nursery = None
        for publication in self._kept.values():
            publication.close()

    def __contains__(self, target: NodeId) -> bool:
        """Whether a publication has this target."""
        return target in self._kept

    def keep(
        self,
        draft: Draft,
        *,
        delay_s: float = 0.0,
        item: Item | None = None,
        persistent: bool = False,
    ) -> Publication:
        """Publishes a draft until it is dropped or the node is closed, in place of the publication
        that has its target. ``item``: what an earlier put made of the draft. ``persistent``: the
        next run goes on with it, where the state is kept. Raises Busy and Closed.
        """
        if self._nursery is None:
            raise Closed("the node is closed")
        publication = Publication(
            draft,
            self._put_in,
            self._config.publish_interval_s,
            self._rng,
            item,
            persistent=persistent,
        )
        limit = self._config.max_published
        if publication.target not in self._kept and len(self._kept) >= limit:
            raise Busy(f"{limit} items are published already: drop some first")
        self.drop(self._kept.get(publication.target))
        self._kept[publication.target] = publication
        self._nursery.start_soon(publication.run, self._families, self._joined, delay_s)
        return publication

    def drop(self, publication: Publication | None) -> None:
        """Ends a publication. Other nodes keep its item for up to two hours."""
        if publication is not None:
            publication.end()
            if self._kept.get(publication.target) is publication:
                del self._kept[publication.target]

    def drop_persistent(self, target: NodeId) -> None:
        """Ends a persistent publication: its owner has put another version under this target that
        is not to be kept.
        """
        publication = self._kept.get(target)
        if publication is not None and publication.persistent:
            self.drop(publication)

    def persistent_items(self) -> tuple[Item, ...]:
        """The items that the next run publishes."""
        return tuple(
            each.item for each in self._kept.values() if each.persistent and each.item is not None
        )

    def resume(self, items: Iterable[Item], identity: Identity) -> None:
        """Publishes the items of the last run, in the same versions. An item of another key cannot
        be signed any more and is left out.
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
                    persistent=True,
                )


class PublishedRecord:
    """The node's own peer record as a mutable item: its salt is the tag of the network, its
    sequence that of the record.
    """

    def __init__(
        self, publisher: Publisher, identity: Identity, tag: bytes, delay_s: float, rng: Random
    ) -> None:
        """``delay_s``: the mean pause before a new record is put, so that changes which follow each
        other closely are put once.
        """
        self._publisher = publisher
        self._identity = identity
        self._tag = tag
        self._delay_s = delay_s
        self._rng = rng
        self._started = False

    def start(self, record: bytes) -> None:
        """Publishes this record, and from now on each later one."""
        self._started = True
        self._publish(record)

    def note(self, event: object) -> None:
        """Takes every event of the node."""
        if isinstance(event, RecordChanged) and self._started:
            self._publish(event.record)

    def close(self) -> None:
        self._started = False

    def _publish(self, record: bytes) -> None:
        draft = Draft(record, self._identity, self._tag, sequence=decode_record(record).sequence)
        # Called for an event too, in the middle of a flush: an error would end the node.
        with suppress(Busy, Closed):
            self._publisher.keep(draft, delay_s=self._delay_s * self._rng.uniform(0.5, 1.5))
