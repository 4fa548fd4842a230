"""The address book as it is saved between runs, and the checks of what is restored.

Attack: a file that was torn, edited or planted. Defence: every entry is checked as if it came from
the network, and a bad one is refused alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

from ...endpoints import Endpoint
from ...ids import ID_SPACE
from ...service_values import ServiceAddress
from ...wire.compact import ENDPOINT_SIZES
from ...wire.items import KEY_BYTES
from ...wire.records import MAX_RECORD_BYTES
from ..contract.peer_status import PeerStatus
from ..contract.saved_state import PackedPeers, SavedBook, SavedPeer
from ..contract.verified_peer import VerifiedPeer
from .entry import BookEntry

MAX_AGE_S: Final = 100 * 365 * 86_400.0
"""The greatest age that is believed: 100 years."""
MAX_SOURCE_WORD: Final = 64
"""The longest word that stands for a source."""
MAX_SEQUENCE: Final = 1 << 63
"""The sequence of a record is below this."""
EXPORTED_AT_ONCE: Final = 128
"""Entries that are copied at once: less than 1 ms."""
MAX_COUNT: Final = 1 << 31
"""Failures and reports are below this."""


class BookExport:
    """Copies the entries of a book, some at a time. What leaves its place meanwhile is left out: no
    two of the copied entries have one place, key or host.
    """

    __slots__ = ("_copied", "_peers", "_places", "_waiting")

    def __init__(self, entries: Iterable[BookEntry]) -> None:
        self._waiting = list(entries)
        self._waiting.reverse()
        self._copied: list[BookEntry] = []
        self._places: list[tuple[int, int]] = []
        self._peers = PackedPeers()

    def step(self, now: float, count: int = EXPORTED_AT_ONCE) -> bool:
        """Copies ``count`` entries. Returns whether all are copied."""
        waiting = self._waiting
        for entry in waiting[: -count - 1 : -1]:
            if entry.place is not None:
                self._copied.append(entry)
                self._places.append(entry.place)
                self._peers.append(_saved(entry, now))
        del waiting[-count:]
        return not waiting

    def book(self) -> SavedBook:
        places = self._places
        stayed = [
            number for number, entry in enumerate(self._copied) if entry.place is places[number]
        ]
        if len(stayed) == len(places):
            return SavedBook(self._peers)
        return SavedBook(self._peers.only(stayed))


def _saved(entry: BookEntry, now: float) -> SavedPeer:
    verified = entry.peer is not None
    # Ages are at least 0: a line with a negative one is not read again.
    return SavedPeer(
        endpoint=entry.endpoint,
        source=entry.source,
        tried=entry.tried,
        first_seen_s_ago=max(0.0, now - entry.first_seen_at),
        reported_s_ago=max(0.0, now - entry.reported_at),
        times_reported=entry.times_reported,
        failures=entry.failures,
        peer=entry.peer,
        first_verified_s_ago=max(0.0, now - entry.first_verified_at) if verified else None,
        verified_s_ago=max(0.0, now - entry.verified_at) if verified else None,
        rtt_s=entry.rtt_s,
    )


def entry_of(saved: SavedPeer, now: float) -> BookEntry | str:
    """The entry, without a place; or the reason why it is refused."""
    fault = _fault(saved)
    if fault is not None:
        return fault
    entry = BookEntry(
        saved.endpoint,
        b"",
        saved.source,
        now - saved.first_seen_s_ago,
        now - saved.reported_s_ago,
        saved.times_reported,
    )
    entry.tried = saved.tried
    if saved.peer is not None or saved.failures:
        # `failed_at` is not saved and stays `NEVER`, so the next failure counts at once.
        entry.status = PeerStatus(saved.peer, failures=saved.failures, rtt_s=saved.rtt_s)
        if saved.first_verified_s_ago is not None and saved.verified_s_ago is not None:
            entry.first_verified_at = now - saved.first_verified_s_ago
            entry.status.verified_at = now - saved.verified_s_ago
    return entry


def _fault(saved: SavedPeer) -> str | None:
    """Why an entry is refused; None for a sound one."""
    if len(saved.endpoint) not in ENDPOINT_SIZES:
        return "saved-endpoint"
    if not _is_source(saved.source):
        return "saved-source"
    if not (_is_age(saved.first_seen_s_ago) and _is_age(saved.reported_s_ago)):
        return "saved-age"
    if not (0 <= saved.failures < MAX_COUNT and 0 <= saved.times_reported < MAX_COUNT):
        return "saved-count"
    if saved.rtt_s is not None and not _is_age(saved.rtt_s):
        return "saved-rtt"
    ages = (saved.first_verified_s_ago, saved.verified_s_ago)
    if saved.peer is None:
        return None if ages == (None, None) and not saved.tried else "saved-unproved"
    if saved.verified_s_ago is None or saved.first_verified_s_ago is None:
        return "saved-unproved"
    if not (_is_age(saved.verified_s_ago) and _is_age(saved.first_verified_s_ago)):
        return "saved-age"
    return None if saved.peer.endpoint == saved.endpoint and _is_sound(saved.peer) else "saved-peer"


def _is_source(source: Endpoint | str) -> bool:
    if isinstance(source, str):
        return 1 <= len(source) <= MAX_SOURCE_WORD
    return len(source) in ENDPOINT_SIZES


def _is_age(value: float) -> bool:
    return math.isfinite(value) and 0 <= value <= MAX_AGE_S


def _is_sound(peer: VerifiedPeer) -> bool:
    service_bytes = 0
    for name, value in peer.services.items():
        service_bytes += len(name) + (len(value) if isinstance(value, bytes) else 8)
        if isinstance(value, ServiceAddress) and not value.is_near(peer.endpoint):
            return False
    return (
        len(peer.key) == KEY_BYTES
        and 0 <= peer.node_id < ID_SPACE
        and 0 <= peer.sequence < MAX_SEQUENCE
        and len(peer.record or b"") <= MAX_RECORD_BYTES
        and service_bytes <= MAX_RECORD_BYTES
    )
