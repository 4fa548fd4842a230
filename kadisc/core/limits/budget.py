"""Budgets for hosts, for their subnets and for all of them together, at O(1) a datagram and in
bounded memory during any flood. They limit all traffic of unproven sources.

Attack on a limiter: make it forget or make it grow. A million forged sources fill a table of
sources, which then either takes the memory or evicts the sources that it must hold back, as
`PrefixLimiter` does. Defence: nothing is evicted before its time. Budgets are in a fixed number of
cells, found by a secret hash of the prefix. Prefixes with the same cell share its budget, so that a
collision only lowers what one of them gets, and an attacker that does not know the secret cannot
aim at the cell of another prefix.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ...endpoints import IPV4_ENDPOINT_BYTES, PUBLIC_EIGHTS, Endpoint
from ..addressing.policy import AddressPolicy
from ..contract.times import NEVER

ADDRESS_BYTES: Final = 4
"""Bytes of the address of a public IPv4 endpoint, as nearly all are."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_s`` units a second, sustained, and ``burst`` at once after a pause. The unit is the
    caller's: datagrams, or bytes.
    """

    per_s: float
    burst: float


class CellHash:
    """Tabulation hashing (Zobrist 1970): the XOR of a secret random number for each byte at its
    position; two different prefixes share a cell with a chance of 1 in the number of cells. A
    salted CRC is not enough: whether two inputs collide under it does not depend on the salt. The
    hash of bytes in Python would make runs of a simulation differ.
    """

    __slots__ = ("_bits", "_numbers", "_policy", "_secret")

    def __init__(self, secret: bytes, bits: int, policy: AddressPolicy) -> None:
        """For 2 ** ``bits`` cells; ``bits`` is 16 at most."""
        self._secret = secret
        self._bits = bits
        self._policy = policy
        self._numbers: tuple[array[int], ...] = self._drawn(ADDRESS_BYTES)

    def _drawn(self, positions: int) -> tuple[array[int], ...]:
        """The random numbers: half a kilobyte for each position of a byte. Those of a position do
        not depend on the number of positions.
        """
        drop = max(0, 16 - self._bits)
        drawn = memoryview(hashlib.shake_128(self._secret).digest(2 * 256 * positions)).cast("H")
        return tuple(
            array("H", [each >> drop for each in drawn[256 * at : 256 * (at + 1)]])
            for at in range(positions)
        )

    def cells(self, endpoint: Endpoint) -> tuple[int, int]:
        """The cells of its host (IPv6 /64) and of its subnet (/24, IPv6 /48); addresses that are
        not public count by endpoint, as with `AddressPolicy`.
        """
        numbers = self._numbers
        if len(endpoint) == IPV4_ENDPOINT_BYTES and endpoint[0] in PUBLIC_EIGHTS:
            # Nearly all endpoints: written out, without a slice or a loop.
            a, b, c, d, _, _ = endpoint
            subnet = numbers[0][a] ^ numbers[1][b] ^ numbers[2][c]
            return subnet ^ numbers[3][d], subnet
        return self._hash(self._policy.host(endpoint)), self._hash(self._policy.subnet(endpoint))

    def _hash(self, prefix: bytes) -> int:
        if len(prefix) > len(self._numbers):
            # The first prefix of the other family, or of a not public address: three times at most.
            self._numbers = self._drawn(len(prefix))
        cell = 0
        for byte, numbers in zip(prefix, self._numbers, strict=False):
            cell ^= numbers[byte]
        return cell


@dataclass(frozen=True, slots=True)
class Paces:
    """The rates of a `Budget` as times: the seconds until a unit is repaid, and those until a whole
    burst is.
    """

    host_s: float
    subnet_s: float
    total_s: float
    host_burst_s: float
    subnet_burst_s: float
    total_burst_s: float
    turn_s: float
    """The longest of the three times of a burst: by then every burst is repaid."""


@lru_cache(maxsize=64)
def _paces_of(host: Rate, subnet: Rate, total: Rate) -> Paces:
    """One object for all nodes of a process that have the same limits."""
    host_burst_s = host.burst / host.per_s
    subnet_burst_s = subnet.burst / subnet.per_s
    total_burst_s = total.burst / total.per_s
    return Paces(
        host_s=1.0 / host.per_s,
        subnet_s=1.0 / subnet.per_s,
        total_s=1.0 / total.per_s,
        host_burst_s=host_burst_s,
        subnet_burst_s=subnet_burst_s,
        total_burst_s=total_burst_s,
        turn_s=max(host_burst_s, subnet_burst_s, total_burst_s),
    )


class Budget:
    """Three levels, all or nothing: an amount that one level cannot give is not taken from the
    other levels either.

    A cell holds one number: the time when everything taken from it is repaid. An empty cell and one
    whose time is a whole burst ago are equivalent, so that cells can be forgotten after that time
    without any effect: there are two generations of cells, and the older one is dropped as a whole.
    """

    __slots__ = (
        "_hosts",
        "_old_hosts",
        "_old_subnets",
        "_paces",
        "_subnets",
        "_total_at",
        "_turn_at",
    )

    def __init__(self, host: Rate, subnet: Rate, total: Rate) -> None:
        self._paces = _paces_of(host, subnet, total)
        self._turn_at = NEVER
        self._total_at = NEVER
        self._hosts: dict[int, float] = {}
        self._subnets: dict[int, float] = {}
        self._old_hosts: dict[int, float] = {}
        self._old_subnets: dict[int, float] = {}

    def __len__(self) -> int:
        """Cells that hold a number."""
        current = len(self._hosts) + len(self._subnets)
        return current + len(self._old_hosts) + len(self._old_subnets)

    def lacking(self, host: int, subnet: int, amount: float, now: float) -> int:
        """Takes ``amount``, if all levels have it. ``host`` and ``subnet``: cells. Returns 0 if it
        was taken; otherwise the level that has too little left: 1 the host, 2 its subnet, 3 the
        total.
        """
        if now >= self._turn_at:
            self._turn(now)
        # Written out for each level: this runs up to twice for every datagram.
        paces = self._paces
        host_at = self._hosts.get(host)
        if host_at is None:
            host_at = self._old_hosts.get(host, NEVER)
        if host_at < (full_at := now - paces.host_burst_s):
            host_at = full_at
        host_at += amount * paces.host_s
        if host_at > now:
            return 1
        subnet_at = self._subnets.get(subnet)
        if subnet_at is None:
            subnet_at = self._old_subnets.get(subnet, NEVER)
        if subnet_at < (full_at := now - paces.subnet_burst_s):
            subnet_at = full_at
        subnet_at += amount * paces.subnet_s
        if subnet_at > now:
            return 2
        total_at = self._total_at
        if total_at < (full_at := now - paces.total_burst_s):
            total_at = full_at
        total_at += amount * paces.total_s
        if total_at > now:
            return 3
        self._hosts[host] = host_at
        self._subnets[subnet] = subnet_at
        self._total_at = total_at
        return 0

    def _turn(self, now: float) -> None:
        """Starts a new generation of cells. Amounts that are two turns old are repaid; after a
        longer silence both generations are that old.
        """
        turn_s = self._paces.turn_s
        both_old = now >= self._turn_at + turn_s
        self._old_hosts = {} if both_old else self._hosts
        self._old_subnets = {} if both_old else self._subnets
        self._hosts = {}
        self._subnets = {}
        self._turn_at = now + turn_s
