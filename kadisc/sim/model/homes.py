"""Homes: which NAT a host that is not reachable directly stands behind, and which box it has in
common with others.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from ...endpoints import Endpoint
from ..options import NatOptions
from .nat import FIRST_PORT, Nat, NatKind, draw_kind, draw_nat, nat_of
from .population import Population, Residence
from .router import RoutedNat, Router

HOSTS_A_BOX: Final = 3


@dataclass(slots=True)
class _SharedBox:
    residence: Residence
    router: Router
    kind: NatKind
    ports: set[bytes]


class Homes:
    """Options that are 0 take no random draw, so that the others stay what they are."""

    def __init__(self, options: NatOptions, population: Population, rng: Random) -> None:
        self._options = options
        self._population = population
        self._rng = rng
        self._open: _SharedBox | None = None  # the box that the next host moves into

    def settle(self, residence: Residence) -> tuple[Residence, Nat]:
        """A home for a host that was to live at ``residence``: there, or in a box with others."""
        options, rng = self._options, self._rng
        if not options.several_hosts and not options.mapping_routers:
            return residence, draw_nat(residence.endpoint, options, rng)
        if options.several_hosts and rng.random() < options.several_hosts:
            return self._in_shared_box(residence)
        nat = draw_nat(residence.endpoint, options, rng)
        return residence, RoutedNat(nat, self.new_router())

    def new_router(self) -> Router:
        options, rng = self._options, self._rng
        maps = bool(options.mapping_routers) and rng.random() < options.mapping_routers
        has_second = maps and bool(options.second_nat) and rng.random() < options.second_nat
        return Router(maps=maps, has_second=has_second, hairpin=options.hairpin)

    def _in_shared_box(self, residence: Residence) -> tuple[Residence, Nat]:
        options, rng, box = self._options, self._rng, self._open
        if box is None or not self._population.is_taken(box.residence.endpoint):
            kind = draw_kind(options, rng)
            self._open = _SharedBox(residence, self.new_router(), kind, {residence.endpoint[-2:]})
            nat = nat_of(kind, residence.endpoint, options, rng)
            return residence, RoutedNat(nat, self._open.router)
        self._population.move_out(residence.endpoint)
        while True:
            port = rng.randrange(FIRST_PORT, 65_536).to_bytes(2, "big")
            if port not in box.ports:
                break
        box.ports.add(port)
        shared = box.residence._replace(endpoint=Endpoint(box.residence.endpoint[:-2] + port))
        if len(box.ports) == HOSTS_A_BOX:
            self._open = None
        return shared, RoutedNat(nat_of(box.kind, shared.endpoint, options, rng), box.router)
