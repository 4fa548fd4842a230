"""Nodes whose ID is derived from their address: they join without knowing the address, learn it by
votes, and must notice when it changes.

The address changes without notice, as when a provider changes it: nothing on the machine changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...core.addressing.bep42 import derive_node_id
from ...core.contract.events import AddressChanged, ContactRemoved
from ...endpoints import ip_of
from ..lab import Lab
from ..measure.statistics import Metrics, share, spread
from ..model.host import Host

JOIN_EVERY_S = 0.5
"""The time between two joins."""
MOVE_EVERY_S = 1.0
"""The time between two changes of address."""
FOLLOWED_S = 60.0
"""How soon a node should know its new address."""


@dataclass(slots=True)
class Mover:
    """One node. Times are counted from its join, or from the change of its address. ``flips``:
    decisions for a wrong address after the first decision.
    """

    host: Host
    since: float
    decided_s: float | None = None
    first_was_right: bool = False
    flips: int = 0
    moved: bool = False
    followed_s: float | None = None
    contacts: int = 0
    contacts_lost: int = 0


@dataclass(slots=True)
class Movers:
    lab: Lab
    movers: list[Mover] = field(default_factory=list)

    def join(self, number: int, *, reachable: bool | None = None) -> None:
        """``number`` new nodes join one after the other by honest nodes. ``reachable``: drawn by
        its share if not given.
        """
        lab = self.lab
        for _ in range(number):
            key = lab.rng.randbytes(32)
            host = lab.new_host(
                reachable=reachable, public_key=key, own_id=derive_node_id(key, None)
            )
            if host.nat is not None and host.nat.outbound(host.endpoint, lab.world.now) is None:
                continue  # a node without UDP can neither join nor get votes
            mover = Mover(host, lab.world.now)
            self.movers.append(mover)
            host.on_event = lambda now, event, mover=mover: self._happened(mover, now, event)
            lab.join(host)
            lab.run(JOIN_EVERY_S)

    def move(self) -> None:
        """Gives each node an address in another network."""
        for mover in self.movers:
            mover.since, mover.moved = self.lab.world.now, True
            mover.contacts = len(mover.host.dht.table)
            self.lab.move(mover.host)
            self.lab.run(MOVE_EVERY_S)

    def first_decisions(self) -> Metrics:
        decided = [mover for mover in self.movers if mover.decided_s is not None]
        return {
            "new_nodes": len(self.movers),
            "decided": share(len(decided), len(self.movers)),
            "first_wrong": sum(not mover.first_was_right for mover in decided),
            "first_wrong_share": share(
                sum(not mover.first_was_right for mover in decided), len(decided)
            ),
            "settled_wrong": sum(mover.flips for mover in self.movers),
            **spread(
                "decided_s",
                [mover.decided_s for mover in decided if mover.decided_s is not None],
                1,
            ),
        }

    def changes(self) -> Metrics:
        moved = [mover for mover in self.movers if mover.moved]
        times = [mover.followed_s for mover in moved if mover.followed_s is not None]
        return {
            "moved": len(moved),
            "followed": share(len(times), len(moved)),
            "followed_within_60_s": share(
                sum(seconds <= FOLLOWED_S for seconds in times), len(moved)
            ),
            "contacts_kept": share(
                sum(mover.contacts - mover.contacts_lost for mover in moved),
                sum(mover.contacts for mover in moved),
            ),
            **spread("followed_s", times, 1),
        }

    def _happened(self, mover: Mover, now: float, event: object) -> None:
        if isinstance(event, ContactRemoved):
            mover.contacts_lost += mover.moved and event.reason == "moved"
        if not isinstance(event, AddressChanged):
            return
        host, right = mover.host, event.ip == ip_of(mover.host.endpoint)
        self.lab.oracle.changed_id(host)
        if mover.decided_s is None:
            mover.decided_s, mover.first_was_right = now - mover.since, right
        elif mover.moved and right and mover.followed_s is None:
            mover.followed_s = now - mover.since
        elif not right:
            mover.flips += 1
