"""What asks the boxes for port mappings on behalf of their hosts, as the shell of a real node does:
at its start, and again when the box announces that it has restarted.
"""

from __future__ import annotations

from random import Random
from typing import Final

from ...endpoints import Endpoint, Family, family_of
from .host import Host
from .router import RoutedNat
from .world import World

NOTICE_S: Final = 1.0
"""The longest time until a box that has restarted is asked again."""


SHARED_IP: Final = bytes((100, 64, 0, 1))
"""The external address of a box behind a carrier's NAT (RFC 6598), which it names in its answers.
"""


class MappingRequests:
    def __init__(self, world: World, grant_s: float, rng: Random) -> None:
        self._world = world
        self._grant_s = grant_s
        self._rng = rng

    def start(self, host: Host) -> None:
        """Asks the box of the host, if it stands behind one that may grant mappings."""
        if isinstance(host.nat, RoutedNat) and host.nat.router.maps:
            self._world.at(self._world.now + self._grant_s, self._granted, host)

    def restart_box(self, host: Host) -> None:
        """The box loses all it knew, and announces that it is back."""
        nat = host.nat
        if not isinstance(nat, RoutedNat):
            return
        for each in list(nat.router.hosts):
            if each.nat is not None:
                each.nat.rebind(each.endpoint[:-2], self._rng)
            self._world.at(self._world.now + NOTICE_S * self._rng.random(), self.start, each)

    def _granted(self, host: Host) -> None:
        nat = host.nat
        if not host.up or not isinstance(nat, RoutedNat):
            return
        external = nat.router.grant(nat, host.endpoint)
        if external is not None:
            family = family_of(host.endpoint)
            if nat.router.has_second and family is Family.IPV4:
                external = Endpoint(SHARED_IP + external[-2:])
            self._world.do(host, host.node.mapped, family, external)
