"""A pool of shared objects (interning): contacts, client versions, times and round-trip times that
many table entries have in common.

The same few thousand contacts are reported again and again, 8 in each answer; a look-up by the
bytes of a contact takes a third of the time of making a new one. With many nodes in one process, as
in a simulation, each contact is in a hundred tables, and copies in each table would take most of
the memory. Numbers as well: a float takes 32 bytes, so numbers that need not be exact are rounded,
and equal ones are one object.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from ...contacts import Contact
from ...endpoints import Endpoint, Family, Scope, scope_of
from ...errors import DecodeError
from ...ids import ID_BYTES
from ...wire.compact import CONTACT_BYTES, pack_contact

MAX_CONTACTS: Final = 4096
"""The most contacts that a pool keeps."""
MAX_CLIENTS: Final = 256
"""The most client versions that a pool keeps."""
GRAIN_S: Final = 0.25
"""The precision of the times at which entries were verified, which are used as minutes."""
SHORT_RTT_S: Final = 0.01
"""Shorter round-trip times stay exact."""
LONG_RTT_S: Final = 2.0
"""Longer round-trip times stay exact; they are rare. Those between `SHORT_RTT_S` and this are
rounded to 0.1 ms.
"""


class PooledContact(NamedTuple):
    contact: Contact
    packed: bytes
    """The compact form of the contact, as in answers."""
    scope: Scope
    """The scope of its address, without regard to the policy of a node."""


def packed_in(raw: bytes, family: Family) -> list[bytes]:
    """The single contacts in ``nodes`` (IPv4) or ``nodes6`` (IPv6), in compact form; raises
    DecodeError if the length is not a multiple.
    """
    size = CONTACT_BYTES[family]
    if len(raw) % size:
        raise DecodeError("bad-nodes")
    return [raw[start : start + size] for start in range(0, len(raw), size)]


class ContactPool:
    """Keeps at most ``max_contacts`` in two generations; each call is O(1) for every input. A
    contact that was evicted is made again, and is equal.
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

    def named(self, packed: Iterable[bytes]) -> list[PooledContact]:
        """The contacts that an answer names (`packed_in`), in their order, each once.

        They are unchecked claims of the sender. Whether an address may be contacted at all (port 0,
        multicast, private) is decided by `AddressPolicy`.
        """
        each_once = dict.fromkeys(packed)
        current = self._current
        try:
            return [current[each] for each in each_once]
        except KeyError:
            return [current.get(each) or self._recall(each) for each in each_once]

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
        """``now``, rounded down to a multiple of `GRAIN_S`; the same object for all callers at that
        time.
        """
        if not self._moment <= now < self._moment + GRAIN_S:
            self._moment = now // GRAIN_S * GRAIN_S
        return self._moment

    def rtt(self, rtt_s: float) -> float:
        if not SHORT_RTT_S < rtt_s < LONG_RTT_S:
            return rtt_s
        grains = round(rtt_s * 10_000)
        return self._rtts.setdefault(grains, grains / 10_000)

    def _recall(self, packed: bytes) -> PooledContact:
        """The contact from the previous generation, or a new one, put into the current
        generation.
        """
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
