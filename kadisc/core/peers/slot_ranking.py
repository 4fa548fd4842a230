"""How addresses rank for a slot: by a secret number that looks random, is always the same for one
slot, and differs from slot to slot.

A slot is held by the address that ranks lowest of all that were ever offered. How often an address
is offered changes nothing, no other node can compute which address would win, and keys play no
part: they are free, addresses are not.

An address has four *positions*: secret numbers of its /8, its /16, its /24 and itself. In IPv6 they
are of its /32 (twice), its /48, and its share of the /32 (`AddressPolicy.share`), which is followed
by the /48 and the /64: an IPv6 address costs nothing, and a /48 hardly more, so flat slots rank the
shares first. With the operator's map of autonomous systems, the system takes the place of
the /16 or /32. An address that is not public counts for itself alone. A slot multiplies a position
with its seed (multiply-shift hashing, Dietzfelbinger et al. 1997; an odd seed makes this a
permutation, so two ranks are equal only if the prefixes are). Each kind of slot begins with one
position, and goes on to the next where that is the same. This takes one BLAKE2b for each position
and one product for each slot: a rank costs an eighth of a hash of seed and address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, TypeAlias

from ...endpoints import IPV4_BYTES, Endpoint
from ..addressing.netgroup_sampling import PrefixOf
from ..addressing.policy import AddressPolicy

Positions: TypeAlias = tuple[int, ...]
"""Four numbers; six of an IPv6 address."""

FROM_8, FROM_16, FROM_24, FLAT = range(4)
"""Where the ranking of a slot begins: an index into `Positions`."""
SEED_BITS: Final = 128
_MASK: Final = (1 << SEED_BITS) - 1
_VACANT: Final = _MASK + 1
"""The rank of a vacant slot, behind every address."""


class Standing:
    """Positions of addresses, under one secret."""

    __slots__ = ("_scopes", "_secret", "_share_of")

    def __init__(
        self, secret: bytes, scopes: AddressPolicy, share_of: PrefixOf | None = None
    ) -> None:
        """``share_of``: what flat slots rank first in IPv6; `AddressPolicy.share` if None."""
        self._secret = secret
        self._scopes = scopes
        self._share_of: PrefixOf = scopes.share if share_of is None else share_of

    def of(self, endpoint: Endpoint) -> Positions:
        scopes = self._scopes
        if scopes.counts_alone(endpoint):
            itself = self._number(endpoint)
            return itself, itself, itself, itself
        netgroup = self._number(scopes.netgroup(endpoint))
        subnet = self._number(scopes.subnet(endpoint))
        prefix = scopes.host(endpoint)
        host = self._number(prefix)
        if len(prefix) == IPV4_BYTES:  # also the one in the address of a tunnel
            return self._number(prefix[:1]), netgroup, subnet, host
        return netgroup, netgroup, subnet, self._number(self._share_of(endpoint)), subnet, host

    def _number(self, prefix: bytes) -> int:
        return int.from_bytes(
            blake2b(prefix, key=self._secret, digest_size=SEED_BITS // 8).digest(), "big"
        )


@dataclass(slots=True, eq=False)
class Seat:
    """The seed of one slot, where its ranking begins (``FROM_8`` ... ``FLAT``), and the positions
    of its holder, None while it is vacant.
    """

    begins: int
    seed: int
    held_by: Positions | None = None
    _rank: int = _VACANT
    """The rank of the holder, by the prefix that the ranking begins with."""

    def __post_init__(self) -> None:
        self.hold(self.held_by)

    def hold(self, positions: Positions | None) -> None:
        self.held_by = positions
        self._rank = _VACANT if positions is None else self.seed * positions[self.begins] & _MASK

    def prefers(self, positions: Positions) -> bool:
        """Whether an address with these positions ranks before the one that holds the slot."""
        rank = self.seed * positions[self.begins] & _MASK
        return rank < self._rank or (rank == self._rank and self._prefers_within(positions))

    def _prefers_within(self, positions: Positions) -> bool:
        """Both have the same first prefix: the first position that differs decides."""
        assert self.held_by is not None
        pairs = zip(self.held_by[self.begins :], positions[self.begins :], strict=True)
        for holder, other in pairs:
            if holder != other:
                return self.seed * other & _MASK < self.seed * holder & _MASK
        return False


class Challenge:
    """Compares addresses, a few at a time, with the holders that some slots have now."""

    def __init__(
        self, seats: Iterable[Seat], standing: Standing, is_held: Callable[[Endpoint], bool]
    ) -> None:
        """``is_held``: whether the address holds a slot already."""
        self._best: list[tuple[Seat, Endpoint | None]] = [
            (Seat(seat.begins, seat.seed, seat.held_by), None) for seat in seats
        ]
        self._standing = standing
        self._is_held = is_held

    def offer(self, known: Iterable[Endpoint]) -> None:
        best = self._best
        for endpoint in known:
            if self._is_held(endpoint):
                continue
            positions = self._standing.of(endpoint)
            for at, (seat, _) in enumerate(best):
                if seat.prefers(positions):
                    seat.hold(positions)
                    best[at] = seat, endpoint

    def winners(self) -> list[Endpoint]:
        """Those that rank first for one of the slots, each once: they are worth a check."""
        return list(dict.fromkeys(endpoint for _, endpoint in self._best if endpoint is not None))
