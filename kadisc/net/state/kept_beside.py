"""What a state folder holds beside the part that one node saves: other networks, and the contacts
of an address family that the node has no socket for.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...core.contract.saved_state import SavedContact, SavedState
from .state_file import KeptState


def copy_of(kept: KeptState) -> KeptState:
    return KeptState(
        kept.seed,
        dict(kept.addresses),
        dict(kept.contacts),
        dict(kept.peer_networks),
        dict(kept.published),
        kept.nonces,
        kept.runs,
    )


def without(kept: KeptState, network: str, saved: SavedState) -> KeptState:
    """What the next save of the same node does not replace."""
    beside = copy_of(kept)
    beside.contacts[network] = (*other_families(kept, network, saved),)
    beside.published.pop(network, None)
    if saved.peer_network is not None:
        beside.peer_networks.pop(network, None)
    return beside


def other_families(kept: KeptState, network: str, saved: SavedState) -> Sequence[SavedContact]:
    """The contacts of families that this run has no socket for: they stay in the file."""
    families = [dht.family for dht in saved.dhts]
    return [
        contact
        for contact in kept.contacts.get(network, ())
        if contact.contact.family not in families
    ]
