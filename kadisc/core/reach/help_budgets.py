"""The budgets of the help that other nodes ask for.

Attack: thousands of helpers, true or made up, have the witnesses of a network ping one host, or
hosts of one subnet, so that the network floods a third party that never asked. Attack: one node
uses up what a witness or a helper gives, and all others go without. Defence: what is done for one
asker, for one helper and to one target is limited by host and subnet, and in total, so that
draining one witness costs an attacker more than it gains; the node asks another one.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...config import ReachConfig
from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from ..limits.budget import Budget, CellHash, Rate

HOUR_S: Final = 3600.0


class HelpBudgetRule(Protocol):
    """Each call takes one unit from the budget, if that has one; False if not."""

    def may_ask(self, asker: Endpoint, now: float) -> bool:
        """Whether a witness is drawn for this asker."""
        ...

    def may_dial(self, asker: Endpoint, now: float) -> bool:
        """Whether a TCP connection to this asker is opened."""
        ...

    def may_ping(self, helper: Endpoint, target: Endpoint, now: float) -> bool:
        """Whether this node pings the target in the name of the helper."""
        ...


def _hourly(count: float) -> Rate:
    """So many an hour, all at once after an hour's pause."""
    return Rate(count / HOUR_S, count)


class HelpBudgets:
    """The budgets are made at their first use: most nodes of a network are never asked for help by
    most others.
    """

    __slots__ = (
        "_asks",
        "_cell_hash",
        "_config",
        "_dials",
        "_knocks",
        "_pairs",
        "_pings",
        "_scopes",
    )

    def __init__(self, config: ReachConfig, scopes: AddressPolicy, cell_hash: CellHash) -> None:
        self._config = config
        self._scopes = scopes
        self._cell_hash = cell_hash
        self._asks: Budget | None = None
        self._dials: Budget | None = None
        self._knocks: Budget | None = None
        self._pings: Budget | None = None
        self._pairs: Budget | None = None

    def may_ask(self, asker: Endpoint, now: float) -> bool:
        if self._asks is None:
            config = self._config
            self._asks = Budget(
                host=Rate(config.host_asks_per_h / HOUR_S, config.host_ask_burst),
                subnet=Rate(config.subnet_asks_per_h / HOUR_S, config.subnet_ask_burst),
                total=Rate(config.total_asks_per_s, config.total_ask_burst),
            )
        return not self._asks.lacking(self._cell_hash.cells_asked(asker), 1.0, now)

    def may_dial(self, asker: Endpoint, now: float) -> bool:
        if self._dials is None:
            config = self._config
            self._dials = Budget(
                host=Rate(config.host_dials_per_h / HOUR_S, config.host_dial_burst),
                subnet=_hourly(config.subnet_dials_per_h),
                total=Rate(config.total_dials_per_s, config.total_dial_burst),
            )
        return not self._dials.lacking(self._cell_hash.cells_asked(asker), 1.0, now)

    def may_ping(self, helper: Endpoint, target: Endpoint, now: float) -> bool:
        if self._knocks is None or self._pings is None or self._pairs is None:
            config = self._config
            self._knocks = Budget(
                host=_hourly(config.host_knocks_per_h), subnet=_hourly(config.subnet_knocks_per_h)
            )
            self._pings = Budget(
                host=_hourly(config.host_pings_per_h),
                subnet=_hourly(config.subnet_pings_per_h),
                total=Rate(config.total_pings_per_s, config.total_ping_burst),
            )
            self._pairs = Budget(host=_hourly(config.pairs_per_h))
        cells = self._cell_hash
        # What others can use up comes last: a helper that has used up its own share takes nothing
        # from the target's, and nothing from the total.
        if self._knocks.lacking(cells.cells_asked(helper), 1.0, now):
            return False
        pair = Endpoint(self._scopes.netgroup(helper) + self._scopes.host(target))
        if self._pairs.lacking(cells.cells_of_one(pair), 1.0, now):
            return False
        return not self._pings.lacking(cells.cells_asked(target), 1.0, now)
