"""Whether announces find room.

Promise: in a calm network an announce that honest nodes were asked to store is stored by at least
one of them. Eight addresses in one /16 once filled every store, and nothing could be announced.
"""

from __future__ import annotations

from typing import Final

from ...core.contract.events import AnnounceFinished, Outcome
from ..measure.oracle import Oracle
from ..model.host import Host
from .calm import Calm
from .violation import Broken

MIN_REFUSALS: Final = 3
NO_ROOM_CODE: Final = 202
"""Other errors are no question of room: a token is wrong where the mapping of a NAT has changed."""


class AnnounceOracle:
    name: Final = "announces"
    needs: Final = ("store_shares",)

    def __init__(self, broken: Broken, truth: Oracle, calm: Calm) -> None:
        self._broken = broken
        self._truth = truth
        self._calm = calm

    def happened(self, host: Host, event: AnnounceFinished, now: float) -> None:
        if event.stored or event.outcome not in (Outcome.DONE, Outcome.ERROR_ANSWER):
            return
        honest = [
            refusal
            for refusal in event.refused
            if refusal.code == NO_ROOM_CODE
            and (there := self._truth.at(refusal.contact.endpoint)) is not None
            and there.honest
        ]
        if len(honest) >= MIN_REFUSALS and self._calm.is_calm(now):
            reasons = ", ".join(sorted({f"{each.code} {each.text!r}" for each in honest}))
            self._broken(
                host, f"an announce was refused by {len(honest)} honest nodes of all ({reasons})"
            )
