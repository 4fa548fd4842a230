"""What is asked of a peer on the LAN: see `addressing/lan_contacts.py`."""

from __future__ import annotations

from collections.abc import Iterable

from ...endpoints import Endpoint
from ...wire.records import PeerRecord
from ..addressing.lan_contacts import LanContacts
from .known_peers import KnownPeers
from .proof import Proof
from .record_policy import Refused


class LanRule:
    def __init__(self, known: KnownPeers, contacts: LanContacts) -> None:
        self._known = known
        self._contacts = contacts

    @property
    def own(self) -> Iterable[Endpoint]:
        """The endpoints of this node on its links."""
        return self._contacts.own

    def admits(self, record: PeerRecord, endpoint: Endpoint, proof: Proof) -> bool:
        """Whether the peer that answered is on the LAN. It must prove its key then, since its
        record may name another address; and one that answers at an address of its record stays
        there. Raises Refused.
        """
        if endpoint not in self._contacts.guarded:
            return False
        if proof is Proof.NONE:
            raise Refused("lan-unproven")
        elsewhere = self._known.of_key(record.key, endpoint)
        if (
            elsewhere is not None
            and elsewhere.endpoint != endpoint
            and not (elsewhere.on_lan or elsewhere.failures)
        ):
            raise Refused("lan-known-elsewhere")
        return True
