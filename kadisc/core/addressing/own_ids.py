"""The IDs of this node itself: those that it has, those that it had, and the one that it would have
at a given address. The routing table, saved contacts, candidates, replacements and lookups ask here
whether a contact bears one of them.

Attack: the ID of a node follows from its public key and its address (BEP 42), and gossip tells the
public key to everybody. So a contact can bear the ID that this node will have at its next address,
and be saved before the move. A node that takes itself for a contact has no bucket for it: all 160
bits are shared. Defence: contacts are compared when they are used and not when they arrive, so an
own ID that is learned later excludes what was taken up before.
"""

from __future__ import annotations

from typing import Final

from ...contacts import Contact
from ...endpoints import Family, ip_of
from ...ids import NodeId
from ..contract.bounded import put_newest
from .bep42 import derive_node_id, is_derived

MAX_PAST: Final = 32
"""How many IDs that this node no longer has are remembered."""


class OwnIds:
    """One object for all address families of a node."""

    __slots__ = ("_past", "_present", "_public_key", "known")

    def __init__(self, public_key: bytes | None = None) -> None:
        """``public_key``: that the IDs are derived from; None where they are given."""
        self._public_key = public_key
        self._present: dict[Family, NodeId] = {}
        self._past: dict[NodeId, None] = {}
        self.known: set[NodeId] = set()
        """The present and the past IDs; always the same set, for those who ask often."""

    def __contains__(self, node_id: NodeId) -> bool:
        return node_id in self.known

    def becomes(self, family: Family, node_id: NodeId) -> None:
        """The node has this ID in that family from now on."""
        before = self._present.get(family)
        self._present[family] = node_id
        if before is not None and before != node_id:
            self._had(before)
        self._collect()

    def had_at(self, ip: bytes) -> None:
        """An earlier run had the address ``ip``, and the ID that follows from it."""
        if self._public_key is not None:
            self._had(derive_node_id(self._public_key, ip))
            self._collect()

    def bears(self, contact: Contact) -> bool:
        """Whether the contact has an ID of this node, or the one that this node would have at the
        address of the contact.
        """
        return contact.id in self.known or (
            self._public_key is not None
            and is_derived(contact.id, self._public_key, ip_of(contact.endpoint))
        )

    def _had(self, node_id: NodeId) -> None:
        put_newest(self._past, node_id, None, MAX_PAST)

    def _collect(self) -> None:
        self.known.clear()
        self.known.update(self._past)
        self.known.update(self._present.values())
