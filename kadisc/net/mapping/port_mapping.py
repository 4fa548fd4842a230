"""The life of one mapping: asked for, granted, renewed until it is lost, and asked for again later.

    ASKING   a grant: MAPPED; all methods have failed, or 7.75 s are over: PAUSED
    MAPPED   renewed at 1/2 to 5/8 of the lease, then at 3/4, 7/8 and 15/16; over: ASKING
    PAUSED   for 5 min, doubling to 60: ASKING

A failed renewal changes nothing before the lease ends. Renewals name the internal port, and the
external one that was granted (read in source: tailscale #18348 named the external port as the
internal one).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from random import Random
from typing import Final

import trio

from .asking import UPNP, Question, RouterAsker
from .results import Grant, MappingRequest, Refusal
from .router_access import Location

FIRST_PAUSE_S: Final = 300.0
MAX_PAUSE_S: Final = 3600.0
FIRST_RENEWAL: Final = (1 / 2, 5 / 8)
"""The first renewal is at a random share of the lease between these (RFC 6887, section 11.2.1)."""
LATER_RENEWALS: Final = (3 / 4, 7 / 8, 15 / 16)
UPNP_RENEWAL_S: Final = 1200.0
DELETE_WITHIN_S: Final = 0.25
UPNP_DELETE_WITHIN_S: Final = 2.0
"""The process that speaks UPnP takes a quarter of a second to start."""


class MappingState(enum.Enum):
    """The values of the enum are the words of `MappingSnapshot`."""

    ASKING = "asking"
    MAPPED = "mapped"
    PAUSED = "paused"


class PortMapping:
    """One port of this machine at the router of one location. ``changed`` is called whenever what
    can be seen of it has changed.
    """

    def __init__(
        self,
        asker: RouterAsker,
        location: Location,
        protocol: str,
        internal: int,
        lease_s: int,
        wanted_external: Callable[[], int],
        nonce: Callable[[], bytes],
        changed: Callable[[], None],
        rng: Random,
    ) -> None:
        """``wanted_external`` is asked before each question; ``nonce`` is the same for all."""
        self.location = location
        self.protocol = protocol
        self.internal = internal
        self.state = MappingState.ASKING
        self.grant: Grant | None = None
        self.granted_at = 0.0
        """When the grant came, by trio's clock."""
        self.refusal: Refusal | None = None
        """The last one since the last grant."""
        self._asker = asker
        self._lease_s = lease_s
        self._wanted_external = wanted_external
        self._nonce = nonce
        self._changed = changed
        self._rng = rng
        self._at_once = trio.Event()

    def again(self) -> None:
        """Renews at once, or asks at once where it pauses. While it asks, it asks once more."""
        self._at_once.set()

    async def run(self) -> None:
        """Until it is cancelled; then the mapping stays until it is deleted or its lease ends."""
        pause_s = FIRST_PAUSE_S
        while True:
            self._set(MappingState.ASKING)
            self._at_once = trio.Event()
            outcome = await self._asker.ask(self._question())
            if isinstance(outcome, Grant):
                pause_s = FIRST_PAUSE_S
                await self._keep(outcome)
                continue
            self.refusal = outcome
            self._set(MappingState.PAUSED)
            with trio.move_on_after(pause_s):
                await self._at_once.wait()
            pause_s = min(2 * pause_s, MAX_PAUSE_S)

    async def delete(self) -> None:
        """Ends the mapping at the router, in `DELETE_WITHIN_S`; by UPnP it may take longer."""
        grant, self.grant = self.grant, None
        if grant is None:
            return
        within_s = UPNP_DELETE_WITHIN_S if grant.method == UPNP else DELETE_WITHIN_S
        await self._asker.delete(self._question(grant), grant.method, within_s)

    async def _keep(self, grant: Grant) -> None:
        """Renews a mapping until its lease is over."""
        while True:
            self._granted(grant)
            renewed = await self._renewed(grant)
            if renewed is None:
                self.grant = None
                return
            grant = renewed

    async def _renewed(self, grant: Grant) -> Grant | None:
        """The next grant; None when the lease is over."""
        ends_at = self.granted_at + grant.lease_s
        times = self._renewal_times(grant)
        with trio.move_on_at(ends_at):
            while True:
                with trio.move_on_at(times[0] if times else ends_at) as due:
                    await self._at_once.wait()
                if due.cancelled_caught and times:
                    del times[0]
                self._at_once = trio.Event()
                outcome = await self._asker.again(self._question(grant), grant.method)
                if isinstance(outcome, Grant):
                    return outcome
                self.refusal = outcome
                self._changed()
        return None

    def _renewal_times(self, grant: Grant) -> list[float]:
        first_s = grant.lease_s * self._rng.uniform(*FIRST_RENEWAL)
        if grant.method == UPNP:
            first_s = min(first_s, UPNP_RENEWAL_S)
        later_s = [grant.lease_s * share for share in LATER_RENEWALS]
        return [self.granted_at + after_s for after_s in (first_s, *later_s)]

    def _question(self, grant: Grant | None = None) -> Question:
        external = grant.external if grant is not None else self._wanted_external()
        request = MappingRequest(self.protocol, self.internal, external, self._lease_s)
        return Question(self.location, request, self._nonce())

    def _granted(self, grant: Grant) -> None:
        self.grant, self.granted_at = grant, trio.current_time()
        self.refusal = None
        self._set(MappingState.MAPPED)

    def _set(self, state: MappingState) -> None:
        self.state = state
        self._changed()
