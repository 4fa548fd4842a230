"""How often one endpoint is asked for the sake of maintenance.

Promise: first transmissions of separate checks and gossip exchanges to one endpoint begin at least
10 s apart, whatever the answers are. The later queries of one exchange belong to its first one;
lookups, and what an application waits for, do not count. A contact that answers with another ID
each time was once asked at the speed of the round trip.
"""

from __future__ import annotations

from typing import Final

from ...core.contract import purposes
from ...core.contract.queries import PendingQuery
from ...core.rpc.endpoint_spacing import SPACING_S
from ...endpoints import Endpoint, format_endpoint
from ..model.host import Host
from .generations import Generations
from .violation import Broken

CHECKS: Final = frozenset(
    {purposes.CONTACT_CHECK, purposes.CONTACT_RETRY, purposes.CANDIDATE_CHECK}
)
GOSSIP: Final = frozenset(
    {
        purposes.GOSSIP_CANDIDATE,
        purposes.GOSSIP_PULL,
        purposes.GOSSIP_PUSH,
        purposes.GOSSIP_RECHECK,
    }
)
MAINTENANCE: Final = CHECKS | GOSSIP
MAX_STAGES: Final = 6
"""Queries of one gossip exchange: a ping, one without a token and with one, and each of the latter
again where a token or a proof was lost."""
ROUNDING_S: Final = 1e-6
TURN_S: Final = 30.0

Last = tuple[float, object, int]
"""When the last query of maintenance went to an endpoint, on the clock of the node; its owner; and
how many queries that owner has sent there."""


class SpacingOracle:
    name: Final = "spacing"
    needs: Final = ("spaced_maintenance", "exact_matching")

    def __init__(self, broken: Broken) -> None:
        self._broken = broken
        self._last: Generations[tuple[int, Endpoint], Last] = Generations(TURN_S)

    def sent(self, host: Host, pending: PendingQuery, now: float) -> None:
        """The first transmission of a query of maintenance."""
        key = host.number, pending.endpoint
        own_now, owner = now + host.skew_s, pending.owner
        last = self._last.get(key)
        begins = pending.command.purpose in CHECKS or pending.command.spaced
        if last is not None and last[1] is owner:
            if last[2] >= MAX_STAGES:
                where = format_endpoint(pending.endpoint)
                self._broken(host, f"{last[2] + 1} queries of one exchange to {where}")
            self._last.put(key, (last[0], owner, last[2] + 1), now)
            return
        if not begins:
            return
        if last is not None and own_now < last[0] + SPACING_S - ROUNDING_S:
            where = format_endpoint(pending.endpoint)
            self._broken(
                host,
                f"a query to {where} ({pending.command.purpose}) {own_now - last[0]:.3f} s after "
                f"another one; {SPACING_S:g} s lie between two",
            )
        self._last.put(key, (own_now, owner, 1), now)
