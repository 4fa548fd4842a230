"""Which datagrams may cost a pass of the slow decoder.

Attack: a datagram that is not canonical bencode takes the slow decoder 50 to 70 times as long as a
find_node costs in all, and forged sources make a budget for each subnet worthless: with 2,000 a
second from all subnets a node has no time for anything else. Defence: such a datagram must be as
short as the queries of the clients that do not sort their keys, and there is one budget for all
subnets. Answers that this node awaits may be longer, and have another one, so that no flood of
forged queries takes theirs.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...config import ServingConfig
from ...endpoints import Endpoint
from .budget import Budget, CellHash, Rate

MAX_QUERY_BYTES: Final = 512
"""The longest datagram that is decoded slowly, unless it is an awaited answer: the time grows with
the length, and no query of any client but a put is longer.
"""


class SlowDecodeRule(Protocol):
    def may_decode(self, size: int, source: Endpoint, now: float, *, awaited: bool) -> bool:
        """Whether a datagram of ``size`` bytes may be decoded slowly; if so it has been counted.
        ``awaited``: it has the transaction ID and the source of an answer to a query of this node.
        """
        ...


class SlowDecodes:
    """A budget for each subnet and for all together; queries and awaited answers have one each."""

    __slots__ = ("_answers", "_cell_hash", "_queries")

    def __init__(self, config: ServingConfig, cell_hash: CellHash) -> None:
        subnet = Rate(config.slow_decodes_per_s, config.slow_decode_burst)
        total = Rate(config.all_slow_decodes_per_s, config.all_slow_decode_burst)
        self._queries = Budget(subnet=subnet, total=total)
        self._answers = Budget(subnet=subnet, total=total)
        self._cell_hash = cell_hash

    def may_decode(self, size: int, source: Endpoint, now: float, *, awaited: bool) -> bool:
        if size > MAX_QUERY_BYTES and not awaited:
            return False
        budget = self._answers if awaited else self._queries
        return not budget.lacking(self._cell_hash.cells(source), 1.0, now)
