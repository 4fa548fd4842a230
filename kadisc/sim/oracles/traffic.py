"""The oracles that compare what a node spends with its budgets (`budgets.py`): bytes to everybody,
bytes to strangers, and processor time by its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ...config import LimitsConfig
from ...core.contract.events import Datagram
from ...core.limits.costs import SHORT_BYTES, Costs
from ...endpoints import Endpoint
from ...errors import DecodeError
from ...wire import krpc
from ...wire.envelope import ANSWER_ENDS
from ...wire.messages import Query
from ..model.host import Host
from ..model.world import World
from .budgets import (
    WINDOW_S,
    Spent,
    WindowBounds,
    bounds_of_bytes,
    bounds_of_strangers,
    bounds_of_time,
)
from .generations import Generations
from .violation import Broken

JUMPS: Final = 3
"""Jumps of a clock within one window, of a host whose clock has ever jumped."""
QUERY_ENDS: Final = b"1:y1:qe"
USUAL: Final = (b"9:find_node", b"4:ping")
"""Methods that are charged with nothing beyond their number, unless they are long."""
TOKENS: Final = (b"5:token", b"2:tk")
"""What a query may hold that proves its endpoint."""


class BudgetOracle:
    """``spent`` is added to by the watcher of datagrams, and compared at the end of each window."""

    needs: tuple[str, ...] = (
        "traffic_limits",
        "proven_budgets",
        "proven_sources",
        "exact_matching",
    )

    def __init__(
        self,
        name: str,
        unit: str,
        bounds: Callable[[LimitsConfig, int], WindowBounds],
        limits: LimitsConfig,
        broken: Broken,
        world: World,
    ) -> None:
        self.name = name
        self.spent = Spent()
        self._unit = unit
        self._bounds = bounds(limits, 0)
        self._bounds_after_jumps = bounds(limits, JUMPS)
        self._broken = broken
        self._world = world
        self._ends_at = WINDOW_S

    def look(self, now: float) -> None:
        if now < self._ends_at:
            return
        self._ends_at = now + WINDOW_S
        spent, self.spent = self.spent, Spent()
        for number, level, where, amount in spent.beyond(self._bounds):
            host = self._world.hosts.get(number)
            if host is None:
                continue
            bounds = self._bounds_after_jumps if host.skew_s else self._bounds
            if amount > (most := bounds.of(level)):
                self._broken(
                    host,
                    f"{amount:.6g} {self._unit} for {where} ({level}) in {WINDOW_S:g} s; the "
                    f"budgets in force allow {most:.6g}",
                )


def bytes_oracle(limits: LimitsConfig, broken: Broken, world: World) -> BudgetOracle:
    return BudgetOracle("bytes", "bytes", bounds_of_bytes, limits, broken, world)


class StrangersOracle(BudgetOracle):
    """Of the bytes, those to hosts from which no answer and no token has come lately."""

    def __init__(self, limits: LimitsConfig, broken: Broken, world: World) -> None:
        super().__init__("bytes-to-strangers", "bytes", bounds_of_strangers, limits, broken, world)
        # A proof is good for two times `proven_for_s`; here it is for longer.
        self._met: Generations[tuple[int, Endpoint], bool] = Generations(3 * limits.proven_for_s)

    def received(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None:
        if payload.endswith(ANSWER_ENDS) or any(token in payload for token in TOKENS):
            self._met.put((host.number, source), True, now)

    def sent(self, host: Host, outbox: Sequence[Datagram]) -> None:
        for payload, destination in outbox:
            if (
                self._met.get((host.number, destination)) is None
                and host.dht.table.at(destination) is None
            ):
                self.spent.add(host.number, destination, len(payload))


class ServedTimeOracle(BudgetOracle):
    """The weights of the queries that were answered: a lower bound of what was charged."""

    needs = (*BudgetOracle.needs, "charged_time")

    def __init__(self, limits: LimitsConfig, broken: Broken, world: World) -> None:
        super().__init__("served-time", "charged seconds", bounds_of_time, limits, broken, world)
        self._costs = Costs()
        self._asked: dict[int, tuple[Endpoint, float]] = {}

    def received(self, host: Host, payload: bytes, source: Endpoint) -> None:
        self._asked.pop(host.number, None)
        if not payload.endswith(QUERY_ENDS) or (
            len(payload) <= SHORT_BYTES and any(method in payload for method in USUAL)
        ):
            return
        try:
            query = krpc.decode(payload)
        except DecodeError:
            return
        if isinstance(query, Query):
            cost_s = self._costs.decoding_s(payload) + self._costs.answering_s(query, 0)
            if cost_s:
                self._asked[host.number] = source, cost_s

    def sent(self, host: Host, outbox: Sequence[Datagram]) -> None:
        asked = self._asked.pop(host.number, None)
        if asked is None:
            return
        source, cost_s = asked
        if any(
            destination == source and not payload.endswith(QUERY_ENDS)
            for payload, destination in outbox
        ):
            self.spent.add(host.number, source, cost_s)
