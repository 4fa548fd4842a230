"""``get``: an item of the DHT (BEP 44). See ``kadisc get``."""

from __future__ import annotations

from typing import Any

import msgspec

from ...ids import format_id
from ...net.api.arguments import salt_from
from ...net.oneshot.item_search import ItemSearch
from ...observe.contents import bytes_from_text, bytes_words, content_document
from ..call import Call, Method, ProgressNews
from ..units import seconds
from .find import target_from


class GetParams(msgspec.Struct, forbid_unknown_fields=True):
    """``target``: 40 hex digits; ``salt``: that of a mutable item, a text or ``0xHEX``.
    ``partial``: send ``{"progress": ...}`` as `find` does.
    """

    target: str
    salt: str = ""
    partial: bool = False


class ItemDocument(msgspec.Struct):
    """``value``: bytes in it are texts, or ``0xHEX``. ``bencoded``: the same value, exact, in hex.
    ``key``, ``seq`` and ``sig`` are null for an immutable item. If no node has the item, ``found``
    is false and all five are null.
    """

    target: str
    found: bool
    value: Any
    bencoded: str | None
    key: str | None
    salt: str
    seq: int | None
    sig: str | None
    elapsed_s: float
    queries: int


async def _get(params: GetParams, call: Call) -> ItemDocument:
    salt = salt_from(bytes_from_text(params.salt))
    search = ItemSearch(call.node, target_from(params.target), salt)
    await call.carry_out(search)
    item = search.item
    is_mutable = item is not None and item.key is not None
    return ItemDocument(
        format_id(search.target),
        item is not None,
        content_document(item.content) if item is not None else None,
        item.value.hex() if item is not None else None,
        item.key.hex() if item is not None and item.key is not None else None,
        bytes_words(salt),
        item.sequence if item is not None and is_mutable else None,
        item.signature.hex() if item is not None and is_mutable else None,
        seconds(search.elapsed_s),
        search.queries,
    )


GET = Method("get", GetParams, ItemDocument, _get, partial=(ProgressNews,))
