"""The address book as it is kept between runs, and what may be believed of what was kept.

The attack: a file that was torn, edited or planted. So every entry is looked at as if a stranger
had sent it, and a bad one costs itself alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from ...endpoints import IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES
from ...ids import ID_SPACE
from ..contract.saved_state import SavedBook, SavedPeer
from ..contract.verified_peer import VerifiedPeer
from .entry import NEVER, BookPeer

MAX_AGE_S: Final = 100 * 365 * 86_400.0
MAX_RECORD_BYTES: Final = 300
MAX_SOURCE_WORD: Final = 64
MAX_SEQUENCE: Final = 1 << 63
MAX_COUNT: Final = 1 << 31
KEY_BYTES: Final = 32


def saved_book(entries: Iterable[BookPeer], now: float) -> SavedBook:
    return SavedBook(tuple(_saved(entry, now) for entry in entries))


def _saved(entry: BookPeer, now: float) -> SavedPeer:
    verified = entry.peer is not None
    return SavedPeer(
        endpoint=entry.endpoint,
        source=entry.source,
        tried=entry.tried,
        first_seen_s_ago=now - entry.first_seen_at,
        heard_s_ago=now - entry.heard_at,
        heard_times=entry.heard_times,
        failures=entry.failures,
        peer=entry.peer,
        first_verified_s_ago=now - entry.first_verified_at if verified else None,
        verified_s_ago=now - entry.verified_at if verified else None,
        rtt_s=entry.rtt_s,
    )


def book_peer_of(saved: SavedPeer, now: float) -> BookPeer | str:
    """The entry, without a place; or why it is refused."""
    fault = _fault(saved)
    if fault is not None:
        return fault
    entry = BookPeer(
        saved.endpoint,
        b"",
        saved.source,
        now - saved.first_seen_s_ago,
        now - saved.heard_s_ago,
        saved.heard_times,
    )
    entry.failures, entry.rtt_s, entry.tried, entry.peer = (
        saved.failures,
        saved.rtt_s,
        saved.tried,
        saved.peer,
    )
    if saved.first_verified_s_ago is not None and saved.verified_s_ago is not None:
        entry.first_verified_at, entry.verified_at = (
            now - saved.first_verified_s_ago,
            now - saved.verified_s_ago,
        )
    if entry.failures:
        entry.failed_at = NEVER  # when was not kept: the next failure counts at once
    return entry


def _fault(saved: SavedPeer) -> str | None:
    sizes = (IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES)
    if len(saved.endpoint) not in sizes:
        return "saved-endpoint"
    if len(saved.source) not in (
        range(1, MAX_SOURCE_WORD + 1) if isinstance(saved.source, str) else sizes
    ):
        return "saved-source"
    if not (_is_age(saved.first_seen_s_ago) and _is_age(saved.heard_s_ago)):
        return "saved-age"
    if not (0 <= saved.failures < MAX_COUNT and 0 <= saved.heard_times < MAX_COUNT):
        return "saved-count"
    if saved.rtt_s is not None and not _is_age(saved.rtt_s):
        return "saved-rtt"
    if saved.peer is None:
        return (
            "saved-unproved"
            if saved.tried
            or saved.verified_s_ago is not None
            or saved.first_verified_s_ago is not None
            else None
        )
    if saved.verified_s_ago is None or saved.first_verified_s_ago is None:
        return "saved-unproved"
    if not (_is_age(saved.verified_s_ago) and _is_age(saved.first_verified_s_ago)):
        return "saved-age"
    return None if saved.peer.endpoint == saved.endpoint and _is_sound(saved.peer) else "saved-peer"


def _is_age(value: float) -> bool:
    return math.isfinite(value) and 0 <= value <= MAX_AGE_S


def _is_sound(peer: VerifiedPeer) -> bool:
    return (
        len(peer.key) == KEY_BYTES
        and 0 <= peer.node_id < ID_SPACE
        and 0 <= peer.sequence < MAX_SEQUENCE
        and len(peer.record or b"") <= MAX_RECORD_BYTES
        and sum(
            len(name) + (len(value) if isinstance(value, bytes) else 8)
            for name, value in peer.services.items()
        )
        <= MAX_RECORD_BYTES
    )
