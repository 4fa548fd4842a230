"""What the shell around a core does in a hunt: it joins again when the core is offline or has no
contacts left, and the application asks for all kinds of things.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

from ...core.contract.events import (
    AddressChanged,
    ContactRemoved,
    Datagram,
    Event,
    LookupKind,
    WentOffline,
)
from ...core.lookup.put import Draft
from ...endpoints import Endpoint
from ...errors import KadiscError
from ...wire import bencode
from ..lab import BOOTSTRAP_HOSTS, DRAWS_PER_CONTACT, Lab
from ..model.host import Host

REJOIN_S: Final = 15.0
"""The pause between two attempts to join again."""
ACT_S: Final = 3.0
"""The time between two operations of applications, in the whole network."""
TARGETS: Final = 12
"""Info-hashes that are announced, and looked for."""


class Shells:
    """A watcher."""

    def __init__(self, lab: Lab, rng: Random) -> None:
        self._lab = lab
        self._rng = rng
        self._rejoining: set[int] = set()
        self._targets = [rng.getrandbits(160) for _ in range(TARGETS)]
        self.operations = 0
        self.refused = 0
        """Operations that the core did not begin."""
        self.stopped = False
        lab.world.watchers.append(self)

    def start(self) -> None:
        self._lab.world.at(self._lab.world.now + ACT_S, self._act)

    # --- as a watcher -----------------------------------------------------------------------------

    def sent(self, host: Host, outbox: Sequence[Datagram], now: float) -> None:
        pass

    def received(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None:
        pass

    def happened(self, host: Host, events: Sequence[Event], now: float) -> None:
        if not host.honest:
            return
        for event in events:
            if isinstance(event, AddressChanged):
                self._lab.oracle.changed_id(host)
            elif isinstance(event, WentOffline) or (
                isinstance(event, ContactRemoved) and not len(host.dht.table)
            ):
                self._rejoins(host)

    # --- inside -----------------------------------------------------------------------------------

    def _rejoins(self, host: Host) -> None:
        if host.number not in self._rejoining and host.up:
            self._rejoining.add(host.number)
            self._lab.world.at(self._lab.world.now, self._join, host)

    def _join(self, host: Host) -> None:
        lab = self._lab
        if not host.up or (host.dht.parts.link.online and len(host.dht.table)):
            self._rejoining.discard(host.number)
            return
        drawn = [lab.any_host() for _ in range(DRAWS_PER_CONTACT)]
        acceptors = [
            other
            for other in dict.fromkeys(drawn)
            if other is not None and other.accepts_unsolicited and other is not host
        ]
        endpoints = [other.outside for other in acceptors[:BOOTSTRAP_HOSTS]]
        lab.world.do(host, host.node.join, endpoints, family=lab.family)
        lab.world.at(lab.world.now + REJOIN_S, self._join, host)

    def _act(self) -> None:
        if self.stopped:
            return
        lab, rng = self._lab, self._rng
        lab.world.at(lab.world.now + ACT_S, self._act)
        hosts = list(lab.world.hosts.values())
        if not hosts:
            return
        host = rng.choice(hosts)
        self.operations += 1
        try:
            self._operate(host, rng)
        except KadiscError:
            self.refused += 1

    def _operate(self, host: Host, rng: Random) -> None:
        lab, world = self._lab, self._lab.world
        which, target = rng.random(), rng.choice(self._targets)
        if which < 0.3:
            world.do(
                host,
                host.node.start_lookup,
                rng.getrandbits(160),
                family=lab.family,
                paths=rng.choice((1, 1, 4)),
            )
        elif which < 0.5:
            world.do(
                host, host.node.start_lookup, target, family=lab.family, kind=LookupKind.GET_PEERS
            )
        elif which < 0.8:
            world.do(host, host.node.announce, target, rng.randrange(1, 65_536), family=lab.family)
        elif which < 0.9:
            draft = Draft(bencode.encode(rng.randbytes(40)), host.identity)
            world.do(host, host.node.put, draft, family=lab.family)
        else:
            other = rng.choice(list(world.hosts.values()))
            world.do(host, host.node.ping, other.outside)
