"""What a start does not take up of the saved state, because the starts before it ended uncleanly
(`start_mark.py`), and how it stays in the file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ...core.contract.saved_state import SavedBook, SavedContact, SavedPeer, SavedState

WITHOUT_CONTACTS: Final = 2
WITHOUT_BOOK: Final = 3
"""After so many unclean starts in a row the contacts, and the address book too, are kept back."""


@dataclass(frozen=True, slots=True)
class KeptBack:
    """What a start without the saved contacts leaves alone."""

    contacts: tuple[SavedContact, ...] = ()
    peers: tuple[SavedPeer, ...] = ()

    @property
    def is_any(self) -> bool:
        return bool(self.contacts or self.peers)

    def added_to(self, state: SavedState, elapsed_s: float) -> SavedState:
        """The state to save: what this run has verified, and then what was kept back and is not
        known anew. ``elapsed_s``: since the start of this run.
        """
        dhts = []
        for dht in state.dhts:
            known = {saved.contact for saved in dht.contacts}
            others = [
                replace(saved, verified_s_ago=saved.verified_s_ago + elapsed_s)
                for saved in self.contacts
                if saved.contact.family is dht.family and saved.contact not in known
            ]
            dhts.append(replace(dht, contacts=(*dht.contacts, *others)))
        network = state.peer_network
        if network is not None and self.peers:
            met = {peer.endpoint for peer in network.book.peers}
            others_of_book = [peer for peer in self.peers if peer.endpoint not in met]
            network = replace(network, book=SavedBook((*network.book.peers, *others_of_book)))
        return replace(state, dhts=tuple(dhts), peer_network=network)


def split(saved: SavedState, unclean_starts: int) -> tuple[SavedState, KeptBack]:
    """What a start takes up after so many unclean ones, and what it keeps back. The own address,
    the sequence of the own record and the published items are this node's own, and always taken up.
    """
    if unclean_starts < WITHOUT_CONTACTS:
        return saved, KeptBack()
    contacts = tuple(contact for dht in saved.dhts for contact in dht.contacts)
    peers: tuple[SavedPeer, ...] = ()
    network = saved.peer_network
    if network is not None and unclean_starts >= WITHOUT_BOOK:
        peers = tuple(network.book.peers)
        network = replace(network, book=SavedBook())
    dhts = tuple(replace(dht, contacts=()) for dht in saved.dhts)
    return replace(saved, dhts=dhts, peer_network=network), KeptBack(contacts, peers)
