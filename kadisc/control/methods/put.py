"""``put``: stores an item on the DHT (BEP 44). See ``kadisc put``."""

from __future__ import annotations

from typing import Any

import msgspec

from ...errors import UsageError
from ...ids import format_id
from ...net.oneshot.item_search import PutSearch
from ...observe.contents import bytes_from_text, bytes_words, content_from
from ..call import Call, Method, ProgressNews
from ..units import seconds
from .announce import RefusingNode, StoringNode, refusing_nodes, storing_nodes


class PutParams(msgspec.Struct, forbid_unknown_fields=True):
    """``value``: a text or ``0xHEX``, a whole number, a list or an object of those. ``mutable``:
    signed by the node's key, with ``salt`` (a text or ``0xHEX``), ``seq`` (null: the next sequence)
    and ``cas`` (the sequence that the stored version must have). ``keep``: the running node puts
    the item again every hour, in later runs too, until a put to the same target without ``keep``.
    ``partial``: send ``{"progress": ...}`` as `find` does.
    """

    value: Any
    mutable: bool = False
    salt: str = ""
    seq: int | None = None
    cas: int | None = None
    keep: bool = False
    partial: bool = False


class PutDocument(msgspec.Struct):
    """``stored``: the nodes that confirmed the put, closest first; ``stored_on``: their number.
    ``key`` and ``seq`` are null for an immutable item. ``refused`` and ``unanswered``: as of an
    announce.
    """

    target: str
    key: str | None
    salt: str
    seq: int | None
    stored_on: int
    stored: list[StoringNode]
    kept: bool
    elapsed_s: float
    queries: int
    refused: list[RefusingNode]
    unanswered: list[StoringNode]


async def _put(params: PutParams, call: Call) -> PutDocument:
    if params.keep and not call.stays:
        raise UsageError("only a running node can keep an item stored: start kadisc run")
    identity = call.identity() if params.mutable else None
    content = content_from(params.value)
    draft = call.node.items.draft(
        content,  # type: ignore[arg-type]
        identity,
        salt=bytes_from_text(params.salt),
        sequence=params.seq,
        cas=params.cas,
    )
    search = PutSearch(call.node, draft)
    await call.carry_out(search)
    if (failure := search.failure()) is not None:
        raise failure
    item = search.item
    assert item is not None  # it was stored
    if params.keep:
        call.node.publisher.keep(
            draft, delay_s=call.node.config.publish_interval_s, item=item, persistent=True
        )
    else:
        call.node.publisher.drop_persistent(search.target)
    return PutDocument(
        format_id(search.target),
        item.key.hex() if item.key is not None else None,
        bytes_words(item.salt),
        item.sequence if item.key is not None else None,
        len(search.stored),
        storing_nodes(search.stored),
        params.keep,
        seconds(search.elapsed_s),
        search.queries,
        refusing_nodes(search.refused),
        storing_nodes(search.unanswered),
    )


PUT = Method("put", PutParams, PutDocument, _put, partial=(ProgressNews,), writes=True)
