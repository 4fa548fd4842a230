"""The state of a node for the next run, taken in slices.

A full address book has 5,000 entries, and to copy them all takes longer than datagrams should wait.
So a caller takes one slice after the other and lets the node work between two of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..endpoints import Family
from .contract.saved_state import SavedDht, SavedState
from .dht import Dht
from .peers.network import PeerNetwork
from .table.saved_contacts import ContactsExport


class StateExport:
    """The state is consistent: what left the book, or moved in it, since its slice was taken is not
    in it. Ages are those when the slice was taken.
    """

    __slots__ = ("_book", "_contacts", "_dhts", "_exported", "_peer_network", "_waiting")

    def __init__(self, dhts: Mapping[Family, Dht], peer_network: PeerNetwork | None) -> None:
        self._dhts = dhts
        self._waiting = list(dhts)
        self._contacts: ContactsExport | None = None
        self._exported: list[SavedDht] = []
        self._peer_network = peer_network
        self._book = peer_network.begin_book_export() if peer_network is not None else None

    def step(self, now: float) -> SavedState | None:
        """Takes one slice; returns the state after the last one."""
        if self._contacts is not None:
            exported = self._contacts.step(now)
            if exported is not None:
                self._exported.append(exported)
                self._contacts = None
            return None
        if self._waiting:
            self._contacts = self._dhts[self._waiting.pop(0)].begin_export(now)
            return None
        if self._book is not None and not self._book.step(now):
            return None
        saved = None
        if self._peer_network is not None and self._book is not None:
            saved = self._peer_network.saved(self._book, now)
        return SavedState(tuple(self._exported), saved)
