"""What entries of many tables have in common, each held once: contacts, client versions, times,
round-trip times.

The same few thousand contacts come again and again, 8 in each answer: looking one up by its bytes
costs a third of making it anew. And where many nodes live in one process, as in a simulation, each
contact stands in a hundred tables: what each of them held for itself would take most of the memory.
Numbers too: a float of its own takes 32 bytes, so those that need not be exact are rounded, and
equal ones are one object.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ...contacts import Contact
from ...endpoints import Endpoint, Family, Scope, scope_of
from ...errors import DecodeError
from ...ids import ID_BYTES
from ...wire.compact import CONTACT_BYTES, pack_contact

MAX_CONTACTS: Final = 4096
MAX_CLIENTS: Final = 256
GRAIN_S: Final = 0.25
"""Of the times at which entries were verified; they count in minutes."""
SHORT_RTT_S: Final = 0.01
LONG_RTT_S: Final = 2.0
"""Round-trip times between these are rounded to 0.1 ms; others are rare, or need to be exact."""


class PooledContact(NamedTuple):
    contact: Contact
    packed: bytes
    """Its compact form, as it goes into answers."""
    scope: Scope
    """Of its address, whatever a node makes of that."""


class ContactPool:
    """Keeps at most ``max_contacts`` in two generations: O(1) each, whatever is sent. What is
    forgotten is made anew, and is equal.
    """

    __slots__ = ("_clients", "_current", "_max_current", "_moment", "_previous", "_rtts")

    def __init__(self, max_contacts: int = MAX_CONTACTS) -> None:
        self._max_current = max(1, max_contacts // 2)
        self._current: dict[bytes, PooledContact] = {}
        self._previous: dict[bytes, PooledContact] = {}
        self._clients: dict[bytes, bytes] = {}
        self._moment = 0.0
        self._rtts: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._current) + len(self._previous)

    def named_in(self, raw: bytes, family: Family) -> list[PooledContact]:
        """The contacts in ``nodes`` (IPv4) or ``nodes6`` (IPv6), in their order, each once; raises
        DecodeError if the length is not a multiple.

        They are what the sender says. Whether an address may be contacted at all (port 0,
        multicast, private) is for `AddressPolicy`.
        """
        size = CONTACT_BYTES[family]
        if len(raw) % size:
            raise DecodeError("bad-nodes")
        packed = dict.fromkeys([raw[start : start + size] for start in range(0, len(raw), size)])
        current = self._current
        try:
            return [current[each] for each in packed]
        except KeyError:
            return [current.get(each) or self._recall(each) for each in packed]

    def pooled(self, contact: Contact) -> PooledContact:
        packed = pack_contact(contact)
        return self._current.get(packed) or self._recall(packed)

    def client(self, version: bytes | None) -> bytes | None:
        """One object for each client version."""
        if version is None:
            return None
        if len(self._clients) >= MAX_CLIENTS:
            self._clients.clear()
        return self._clients.setdefault(version, version)

    def moment(self, now: float) -> float:
        """``now`` or up to `GRAIN_S` before it, the same object for all who ask at that time."""
        if not self._moment <= now < self._moment + GRAIN_S:
            self._moment = now // GRAIN_S * GRAIN_S
        return self._moment

    def rtt(self, rtt_s: float) -> float:
        if not SHORT_RTT_S < rtt_s < LONG_RTT_S:
            return rtt_s
        grains = round(rtt_s * 10_000)
        return self._rtts.setdefault(grains, grains / 10_000)

    def _recall(self, packed: bytes) -> PooledContact:
        """From the generation before, or made anew; it belongs to the current one now."""
        pooled = self._previous.get(packed)
        if pooled is None:
            endpoint = Endpoint(packed[ID_BYTES:])
            pooled = PooledContact(
                Contact(int.from_bytes(packed[:ID_BYTES], "big"), endpoint),
                packed,
                scope_of(endpoint),
            )
        if len(self._current) >= self._max_current:
            self._previous, self._current = self._current, {}
        self._current[packed] = pooled
        return pooled
