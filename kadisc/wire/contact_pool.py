"""One object for each contact, however many tables, queues and answers name it.

The same few thousand contacts come again and again, 8 in each answer: looking one up by its bytes costs a third of making it anew. And where many
nodes live in one process, as in a simulation, a contact that each of them held for itself would take most of the memory.
"""

from __future__ import annotations

from typing import NamedTuple

from ..contacts import Contact
from ..endpoints import Endpoint, Family
from ..errors import DecodeError
from ..ids import ID_BYTES
from .compact import IPV4_CONTACT_BYTES, IPV6_CONTACT_BYTES, pack_contact

MAX_CONTACTS = 4096
MAX_CLIENTS = 256
_SIZES = {Family.IPV4: IPV4_CONTACT_BYTES, Family.IPV6: IPV6_CONTACT_BYTES}


class Pooled(NamedTuple):
    contact: Contact
    packed: bytes
    """Its compact form, as it goes into answers."""


class ContactPool:
    """Keeps at most ``max_contacts`` in two generations: O(1) each, whatever is sent. What is forgotten is made anew, and is equal."""

    __slots__ = ("_clients", "_current", "_max_current", "_previous")

    def __init__(self, max_contacts: int = MAX_CONTACTS) -> None:
        self._max_current = max(1, max_contacts // 2)
        self._current: dict[bytes, Pooled] = {}
        self._previous: dict[bytes, Pooled] = {}
        self._clients: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._current) + len(self._previous)

    def contacts_from(self, raw: bytes, family: Family) -> list[Contact]:
        """The contacts in ``nodes`` (IPv4) or ``nodes6`` (IPv6), in their order; raises DecodeError if the length is not a multiple.

        They are what the sender says. Whether an address may be contacted at all (port 0, multicast, private) is for `scope_of`.
        """
        size = _SIZES[family]
        if len(raw) % size:
            raise DecodeError("bad-nodes")
        current, found = self._current, []
        for start in range(0, len(raw), size):
            packed = raw[start : start + size]
            pooled = current.get(packed)
            if pooled is None:
                pooled = self._recall(packed)
                current = self._current
            found.append(pooled[0])
        return found

    def pooled(self, contact: Contact) -> Pooled:
        packed = pack_contact(contact)
        return self._current.get(packed) or self._recall(packed)

    def client(self, version: bytes | None) -> bytes | None:
        """One object for each client version."""
        if version is None:
            return None
        if len(self._clients) >= MAX_CLIENTS:
            self._clients.clear()
        return self._clients.setdefault(version, version)

    def _recall(self, packed: bytes) -> Pooled:
        """From the generation before, or made anew; it belongs to the current one now."""
        pooled = self._previous.get(packed)
        if pooled is None:
            pooled = Pooled(Contact(int.from_bytes(packed[:ID_BYTES], "big"), Endpoint(packed[ID_BYTES:])), packed)
        if len(self._current) >= self._max_current:
            self._previous, self._current = self._current, {}
        self._current[packed] = pooled
        return pooled
