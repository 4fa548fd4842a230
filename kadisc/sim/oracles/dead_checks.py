"""What checks are spent on.

Promise: of the checks of contacts and candidates that a node sends in 10 minutes, at most half go
to addresses at which no node is, some first ones aside. When many nodes have just left, only those
count at which no node ever was. A contact that named dead addresses once caused a hundred times the
usual traffic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...endpoints import Endpoint
from ..model.host import Host
from ..model.network import Network
from .calm import Calm
from .violation import Broken

HALF_S: Final = 300.0
"""The time is cut into pieces of this length, and two of them are looked at together."""
MOST_DEAD: Final = 0.5
LEARNED: Final = 100
"""Beside that share: by so many checks a node learns which sources to mistrust. In a flood of
forged queries they are 80 in the first minute, and two in each of the following ones.
"""


NOTHING: Final = (0, 0, 0)


@dataclass(slots=True)
class CheckCount:
    """Of one host: the number of the piece of time, and in it the checks, those of the dead, and of
    these the ones of addresses at which no node ever was; ``before``: the same of the one before.
    """

    piece: int
    checks: int = 0
    dead: int = 0
    made_up: int = 0
    before: tuple[int, int, int] = NOTHING

    def advance(self, piece: int) -> None:
        follows = piece == self.piece + 1
        self.before = (self.checks, self.dead, self.made_up) if follows else NOTHING
        self.piece = piece
        self.checks, self.dead, self.made_up = NOTHING


class DeadChecksOracle:
    name: Final = "dead-checks"
    needs: Final = ("candidate_shares", "verified_admission", "offline_detection")

    def __init__(self, broken: Broken, network: Network, calm: Calm) -> None:
        self._broken = broken
        self._network = network
        self._calm = calm
        self._counts: dict[int, CheckCount] = {}

    def check_sent(self, host: Host, endpoint: Endpoint, now: float) -> None:
        piece = int(now // HALF_S)
        count = self._counts.get(host.number)
        if count is None:
            count = self._counts[host.number] = CheckCount(piece)
        if piece != count.piece:
            count.advance(piece)
        count.checks += 1
        if self._network.host_seen_at(endpoint) is not None:
            return
        count.dead += 1
        count.made_up += endpoint[:-2] not in self._network.ever_used
        checks, dead, made_up = count.checks, count.dead, count.made_up
        checks_before, dead_before, made_up_before = count.before
        checks, dead, made_up = checks + checks_before, dead + dead_before, made_up + made_up_before
        most = MOST_DEAD * checks + LEARNED
        if made_up > most or (dead > most and self._calm.is_calm(now)):
            self._broken(
                host, f"{dead} of {checks} checks in 10 minutes went to addresses without a node"
            )

    def left(self, host: Host) -> None:
        self._counts.pop(host.number, None)
