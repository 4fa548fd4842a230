"""What addresses, their networks and all of them together may cost, at O(1) a datagram and in
bounded memory, whoever floods.

The attack on a limiter is to make it forget or to make it grow: a million forged sources fill a
table of sources, and either it takes the memory or it throws out whoever is to be held back. Here
nothing is thrown out before its time. Budgets live in a fixed number of cells, found by a secret
hash of the prefix. Prefixes that fall into one cell share its budget, so a collision can only lower
what one of them gets; who does not know the secret cannot aim at another's cell.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Final

from ...endpoints import IPV4_ENDPOINT_BYTES, PUBLIC_EIGHTS, Endpoint
from ..addressing.policy import AddressPolicy

ADDRESS_BYTES: Final = 4
"""Of a public IPv4 endpoint, as nearly all are."""
NEVER: Final = -inf


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_s`` units a second, sustained, and ``burst`` at once after a pause. The unit is the
    caller's: datagrams, or bytes.
    """

    per_s: float
    burst: float


class CellHash:
    """Tabulation hashing (Zobrist 1970): the XOR of a secret random number for each byte at its
    place; two different prefixes share a cell with a chance of 1 in the number of cells. A salted
    CRC would not do: whether two inputs collide under it does not depend on the salt. Python's own
    hash of bytes would make runs of a simulation differ.
    """

    __slots__ = ("_bits", "_numbers", "_scopes", "_secret")

    def __init__(self, secret: bytes, bits: int, scopes: AddressPolicy) -> None:
        """2 ** ``bits`` cells, 16 at most."""
        self._secret = secret
        self._bits = bits
        self._scopes = scopes
        self._numbers: tuple[array[int], ...] = self._drawn(ADDRESS_BYTES)

    def _drawn(self, places: int) -> tuple[array[int], ...]:
        """Half a kilobyte for each place of a byte. The first are the same however many there are."""
        drop = max(0, 16 - self._bits)
        drawn = memoryview(hashlib.shake_128(self._secret).digest(2 * 256 * places)).cast("H")
        return tuple(
            array("H", [each >> drop for each in drawn[256 * at : 256 * (at + 1)]])
            for at in range(places)
        )

    def cells(self, endpoint: Endpoint) -> tuple[int, int]:
        """Those of its address (IPv6 /64) and of its network (/24, IPv6 /48); addresses that are
        not public count by endpoint, as with `AddressPolicy`.
        """
        numbers = self._numbers
        if (
            len(endpoint) == IPV4_ENDPOINT_BYTES and endpoint[0] in PUBLIC_EIGHTS
        ):  # nearly all: by hand, without a slice or a loop
            a, b, c, d, _, _ = endpoint
            network = numbers[0][a] ^ numbers[1][b] ^ numbers[2][c]
            return network ^ numbers[3][d], network
        return self._hash(self._scopes.host(endpoint)), self._hash(self._scopes.subnet(endpoint))

    def _hash(self, prefix: bytes) -> int:
        if len(prefix) > len(
            self._numbers
        ):  # the first of the other family, or that is not public: at most three times
            self._numbers = self._drawn(len(prefix))
        cell = 0
        for byte, numbers in zip(prefix, self._numbers, strict=False):
            cell ^= numbers[byte]
        return cell


@dataclass(frozen=True, slots=True)
class Paces:
    """What the rates of a `Budget` come to: the seconds that a unit takes to come back, and those
    that a whole burst takes.
    """

    address_s: float
    network_s: float
    total_s: float
    address_burst_s: float
    network_burst_s: float
    total_burst_s: float
    turn_s: float
    """A burst of any of them has come back by then."""


@lru_cache(maxsize=64)
def _paces_of(address: Rate, network: Rate, total: Rate) -> Paces:
    """One object for all nodes of a process that have the same limits."""
    address_burst_s, network_burst_s, total_burst_s = (
        rate.burst / rate.per_s for rate in (address, network, total)
    )
    return Paces(
        *(1.0 / address.per_s, 1.0 / network.per_s, 1.0 / total.per_s),
        *(address_burst_s, network_burst_s, total_burst_s),
        max(address_burst_s, network_burst_s, total_burst_s),
    )


class Budget:
    """Three levels, all or nothing: what the address lacks is not taken from its network or from
    the total either.

    A cell holds one number: when what was taken from it will have come back. An empty cell and one
    whose time lies a whole burst back are the same, so after so long cells are forgotten without
    any effect: there are two generations of them, and the older is dropped as a whole.
    """

    __slots__ = (
        "_addresses",
        "_networks",
        "_old_addresses",
        "_old_networks",
        "_paces",
        "_total_at",
        "_turn_at",
    )

    def __init__(self, address: Rate, network: Rate, total: Rate) -> None:
        self._paces = _paces_of(address, network, total)
        self._turn_at = NEVER
        self._total_at = NEVER
        self._addresses: dict[int, float] = {}
        self._networks: dict[int, float] = {}
        self._old_addresses: dict[int, float] = {}
        self._old_networks: dict[int, float] = {}

    def __len__(self) -> int:
        """Cells that hold a number."""
        return (
            len(self._addresses)
            + len(self._networks)
            + len(self._old_addresses)
            + len(self._old_networks)
        )

    def lacking(self, address: int, network: int, amount: float, now: float) -> int:
        """0: the amount was taken. Otherwise nothing was, because 1 the address, 2 its network, or
        3 all together have too little left.
        """
        if now >= self._turn_at:
            self._turn(now)
        # By hand, level for level: this runs up to twice for every datagram.
        paces = self._paces
        address_at = self._addresses.get(address)
        if address_at is None:
            address_at = self._old_addresses.get(address, NEVER)
        if address_at < (full_at := now - paces.address_burst_s):
            address_at = full_at
        address_at += amount * paces.address_s
        if address_at > now:
            return 1
        network_at = self._networks.get(network)
        if network_at is None:
            network_at = self._old_networks.get(network, NEVER)
        if network_at < (full_at := now - paces.network_burst_s):
            network_at = full_at
        network_at += amount * paces.network_s
        if network_at > now:
            return 2
        total_at = self._total_at
        if total_at < (full_at := now - paces.total_burst_s):
            total_at = full_at
        total_at += amount * paces.total_s
        if total_at > now:
            return 3
        self._addresses[address] = address_at
        self._networks[network] = network_at
        self._total_at = total_at
        return 0

    def _turn(self, now: float) -> None:
        # What is two turns old has come back long ago. After a longer silence both generations are
        # that old.
        turn_s = self._paces.turn_s
        late = now >= self._turn_at + turn_s
        self._old_addresses, self._addresses = {} if late else self._addresses, {}
        self._old_networks, self._networks = {} if late else self._networks, {}
        self._turn_at = now + turn_s
