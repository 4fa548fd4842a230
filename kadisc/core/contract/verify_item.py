"""Whether an item is what it says (BEP 44), and how one is made."""

from __future__ import annotations

from ...wire.items import Item
from .identity import Identity, is_signed_by


def verify_item(item: Item) -> bool:
    """Whether the owner of its key signed it; an immutable one proves itself by its target. Takes
    50 to 100 us.
    """
    return item.key is None or is_signed_by(item.key, item.signed, item.signature)


def signed_item(identity: Identity, value: bytes, sequence: int, salt: bytes = b"") -> Item:
    """A version of the mutable item of this key and salt. ``value``: canonical bencode."""
    unsigned = Item(value, identity.public_key, salt, sequence)
    return Item(value, identity.public_key, salt, sequence, identity.sign(unsigned.signed))
