"""Budgets for hosts, for their subnets and netgroups and for all of them together, at O(1) a
datagram and in bounded memory during any flood. Every limit of this node by address is such a
budget: traffic, slow decoding, checks of signatures, gossip.

Attack on a limiter: make it forget or make it grow. A million forged sources fill a table of
sources, which then either takes the memory or evicts the sources that it must hold back. Defence:
nothing is evicted before its time. Budgets are in a fixed number of cells, found by a secret hash
of the prefix. Prefixes with the same cell share its budget, so that a collision only lowers what
one of them gets, and an attacker that does not know the secret cannot aim at the cell of another
prefix.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass
from functools import lru_cache
from sys import byteorder
from typing import Final

from ...endpoints import (
    IPV4_ENDPOINT_BYTES,
    PUBLIC_EIGHTS,
    Endpoint,
    host_prefix,
    netgroup_prefix,
    subnet_prefix,
)
from ..addressing.policy import AddressPolicy
from ..contract.times import NEVER

ADDRESS_BYTES: Final = 4
"""Bytes of the address of a public IPv4 endpoint, as nearly all are."""
MAX_CELL_BITS: Final = 16
POSITION_BYTES: Final = 512
"""256 random numbers of two bytes, for one position of a byte."""
SUBNET_CELLS: Final = 1 << MAX_CELL_BITS
"""Added to the cell of a subnet, so that it differs from the cells of hosts."""
NETGROUP_CELLS: Final = 2 << MAX_CELL_BITS
"""Added to the cell of a netgroup."""

Cells = tuple[int, int, int]
"""The cells of the host, the subnet and the netgroup of an endpoint."""

ROUNDING_S: Final = 1e-6
"""Sums of times are rounded: without this, a full budget would refuse the last unit of its burst at
some times.
"""

GRANTED: Final = 0
HOST: Final = 1
SUBNET: Final = 2
NETGROUP: Final = 3
TOTAL: Final = 4
"""What `Budget.lacking` returns: the level that has too little left."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_s`` units a second, sustained, and ``burst`` at once after a pause. The unit is the
    caller's: datagrams, bytes, or seconds of processor time.
    """

    per_s: float
    burst: float


class CellHash:
    """Tabulation hashing (Zobrist 1970): the XOR of a secret random number for each byte at its
    position; two different prefixes share a cell with a chance of 1 in the number of cells. A
    salted CRC is not enough: whether two inputs collide under it does not depend on the salt. The
    hash of bytes in Python would make runs of a simulation differ. One object serves all budgets of
    a node.
    """

    __slots__ = ("_bits", "_last", "_last_cells", "_numbers", "_policy", "_secret")

    def __init__(self, secret: bytes, bits: int, policy: AddressPolicy) -> None:
        """For 2 ** ``bits`` cells at each level; ``bits`` is 16 at most."""
        self._secret = secret
        self._bits = bits
        self._policy = policy
        self._numbers: tuple[array[int], ...] = ()  # drawn when they are needed
        self._last: Endpoint | None = None
        self._last_cells: Cells = (0, SUBNET_CELLS, NETGROUP_CELLS)

    def _drawn(self, positions: int) -> tuple[array[int], ...]:
        """The random numbers: half a kilobyte for each position of a byte. Those of a position do
        not depend on the number of positions.
        """
        drawn = hashlib.shake_128(self._secret).digest(POSITION_BYTES * positions)
        if self._bits < MAX_CELL_BITS:
            # All numbers are shifted at once: as one, of which what came from the next is cut off.
            number = ((1 << self._bits) - 1).to_bytes(2, byteorder)
            mask = int.from_bytes(number * (len(drawn) // 2), byteorder)
            shifted = int.from_bytes(drawn, byteorder) >> MAX_CELL_BITS - self._bits & mask
            drawn = shifted.to_bytes(len(drawn), byteorder)
        return tuple(
            array("H", drawn[at : at + POSITION_BYTES])
            for at in range(0, len(drawn), POSITION_BYTES)
        )

    def cells(self, endpoint: Endpoint) -> Cells:
        """The cells of its host (IPv6 /64), of its subnet (/24, IPv6 /48) and of its netgroup (/16,
        IPv6 /32, whatever a map of autonomous systems says); addresses that are not public count by
        endpoint at each level, unless they count as public (`AddressPolicy.is_budgeted_alone`).
        """
        if endpoint == self._last:  # an answer goes to the source of the query just read
            return self._last_cells
        if not self._numbers:
            self._numbers = self._drawn(ADDRESS_BYTES)
        numbers = self._numbers
        if len(endpoint) == IPV4_ENDPOINT_BYTES and (
            endpoint[0] in PUBLIC_EIGHTS or not self._policy.is_budgeted_alone(endpoint)
        ):
            # Nearly all endpoints: written out, without a slice or a loop.
            a, b, c, d, _, _ = endpoint
            netgroup = numbers[0][a] ^ numbers[1][b]
            subnet = netgroup ^ numbers[2][c]
            cells = subnet ^ numbers[3][d], subnet | SUBNET_CELLS, netgroup | NETGROUP_CELLS
        elif self._policy.is_budgeted_alone(endpoint):
            cells = self.cells_of_one(endpoint)
        else:
            cells = (
                self._hash(host_prefix(endpoint)),
                self._hash(subnet_prefix(endpoint)) | SUBNET_CELLS,
                self._hash(netgroup_prefix(endpoint)) | NETGROUP_CELLS,
            )
        self._last, self._last_cells = endpoint, cells
        return cells

    def cells_asked(self, endpoint: Endpoint) -> Cells:
        """Those for what this node sends of its own accord to nodes that have answered it: where
        endpoints count alone, as with caps, each has its own. Twenty nodes on one host are a
        network, and no third party.
        """
        if self._policy.counts_alone(endpoint):
            return self.cells_of_one(endpoint)
        return self.cells(endpoint)

    def cells_of_one(self, endpoint: Endpoint) -> Cells:
        """Cells at each level for an endpoint that is counted alone."""
        cell = self._hash(endpoint)
        return cell, cell | SUBNET_CELLS, cell | NETGROUP_CELLS

    def endpoint_cell(self, endpoint: Endpoint) -> int:
        """The cell of the endpoint itself, with its port."""
        return self._hash(endpoint)

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
    burst is. Both are 0 for a level that the budget does not have.
    """

    host_s: float
    subnet_s: float
    netgroup_s: float
    total_s: float
    host_burst_s: float
    subnet_burst_s: float
    netgroup_burst_s: float
    total_burst_s: float
    turn_s: float
    """The longest of the times of a burst: by then every burst is repaid."""


def _times_of(rate: Rate | None) -> tuple[float, float]:
    return (1.0 / rate.per_s, rate.burst / rate.per_s) if rate is not None else (0.0, 0.0)


@lru_cache(maxsize=256)
def _paces_of(
    host: Rate | None, subnet: Rate | None, netgroup: Rate | None, total: Rate | None
) -> Paces:
    """One object for all nodes of a process that have the same limits."""
    host_s, host_burst_s = _times_of(host)
    subnet_s, subnet_burst_s = _times_of(subnet)
    netgroup_s, netgroup_burst_s = _times_of(netgroup)
    total_s, total_burst_s = _times_of(total)
    return Paces(
        host_s,
        subnet_s,
        netgroup_s,
        total_s,
        host_burst_s,
        subnet_burst_s,
        netgroup_burst_s,
        total_burst_s,
        turn_s=max(host_burst_s, subnet_burst_s, netgroup_burst_s, total_burst_s),
    )


_NO_CELLS: Final[dict[int, float]] = {}
"""Stays empty: most budgets of a node at rest hold nothing."""


class Budget:
    """Up to four levels, all or nothing: an amount that one level cannot give is not taken from the
    other levels either.

    A cell holds one number: the time when everything taken from it is repaid. An empty cell and one
    whose time is a whole burst ago are equivalent, so that cells can be forgotten after that time
    without any effect: there are two generations of cells, and the older one is dropped as a whole.
    """

    __slots__ = ("_cells", "_old", "_paces", "_total_at", "_turn_at")

    def __init__(
        self,
        *,
        host: Rate | None = None,
        subnet: Rate | None = None,
        netgroup: Rate | None = None,
        total: Rate | None = None,
    ) -> None:
        self._paces = _paces_of(host, subnet, netgroup, total)
        self._turn_at = NEVER
        self._total_at = NEVER
        self._cells: dict[int, float] = _NO_CELLS  # until the first turn, at the first use
        self._old: dict[int, float] = _NO_CELLS

    def __len__(self) -> int:
        """Cells that hold a number."""
        return len(self._cells) + len(self._old)

    def lacking(self, cells: Cells, amount: float, now: float) -> int:
        """Takes ``amount``, if all levels have it. Returns GRANTED if it was taken; otherwise the
        level that has too little left.
        """
        if now >= self._turn_at:
            self._turn(now)
        # Written out for each level: this runs up to twice for every datagram.
        paces, current, old = self._paces, self._cells, self._old
        latest = now + ROUNDING_S
        host, subnet, netgroup = cells
        host_at = subnet_at = netgroup_at = NEVER
        if paces.host_s:
            found = current.get(host)
            host_at = old.get(host, NEVER) if found is None else found
            if host_at < (full_at := now - paces.host_burst_s):
                host_at = full_at
            host_at += amount * paces.host_s
            if host_at > latest:
                return HOST
        if paces.subnet_s:
            found = current.get(subnet)
            subnet_at = old.get(subnet, NEVER) if found is None else found
            if subnet_at < (full_at := now - paces.subnet_burst_s):
                subnet_at = full_at
            subnet_at += amount * paces.subnet_s
            if subnet_at > latest:
                return SUBNET
        if paces.netgroup_s:
            found = current.get(netgroup)
            netgroup_at = old.get(netgroup, NEVER) if found is None else found
            if netgroup_at < (full_at := now - paces.netgroup_burst_s):
                netgroup_at = full_at
            netgroup_at += amount * paces.netgroup_s
            if netgroup_at > latest:
                return NETGROUP
        if paces.total_s:
            total_at = self._total_at
            if total_at < (full_at := now - paces.total_burst_s):
                total_at = full_at
            total_at += amount * paces.total_s
            if total_at > latest:
                return TOTAL
            self._total_at = total_at
        if paces.host_s:
            current[host] = host_at
        if paces.subnet_s:
            current[subnet] = subnet_at
        if paces.netgroup_s:
            current[netgroup] = netgroup_at
        return GRANTED

    def _turn(self, now: float) -> None:
        """Starts a new generation of cells. Amounts that are two turns old are repaid; after a
        longer silence both generations are that old.
        """
        turn_s = self._paces.turn_s
        self._old = _NO_CELLS if now >= self._turn_at + turn_s else self._cells
        self._cells = {}
        self._turn_at = now + turn_s
