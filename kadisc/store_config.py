"""The numbers of the item store (BEP 44) and of info-hash samples (BEP 51). The code knows them as
``kadisc.config.StoreConfig``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """What is kept for others, and served to them."""

    max_items: int = 2000
    """Items kept for others..."""
    max_bytes: int = 2 << 20
    """...and the bytes that they take, 400 of them beside each value and salt. At a bound the one
    worth least goes: far from our ID, put by few networks...
    """
    items_per_subnet: int = 64
    """...and what one /24 (IPv6 /48) put first takes at most so many places..."""
    items_per_netgroup: int = 256
    """...and one /16 (IPv6 /32) so many, so that nobody can fill the store from a few networks."""
    announcers_counted: int = 16
    """Networks (/16, IPv6 /32) that put the same item, counted up to here: each doubling weighs as
    much as one bit of closeness.
    """
    item_lifetime_s: float = 7200.0
    """An item is forgotten unless put again within 2 hours (BEP 44)."""
    max_answer_bytes: int = 1232
    """A reply with a value may be longer than others: what fits into the smallest IPv6 packet.
    Nodes that don't fit are left out.
    """
    signatures_per_s: float = 2.0
    """Signatures checked for one /24 (IPv6 /48), sustained..."""
    signature_burst: float = 32.0
    """...and so many at once after a pause..."""
    all_signatures_per_s: float = 200.0
    """...and for all together, so that puts never take more than some 2 % of a processor."""
    all_signatures_burst: float = 400.0
    """...and so many at once after a pause."""
    sample_interval_s: float = 3600.0
    """The sample of info-hashes stays the same for so long, for whoever asks (BEP 51: at most 6
    hours)...
    """
    sample_size: int = 20
    """...and has at most so many."""
