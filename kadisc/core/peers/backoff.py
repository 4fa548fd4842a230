"""How often each partner is asked, and which sources of reports are still listened to.

Attack: a partner answers every query with made-up peers, or with nothing new, and is asked again at
once because it answers. Defence: what counts is what this node *learned*, that is, an entry of the
answer that was verified later and kept. Until then each exchange doubles the pause; a source whose
entries fail loses its credit.
"""

from __future__ import annotations

from typing import Protocol

from ...config import GossipConfig
from ...endpoints import Endpoint
from ..contract.bounded import put_newest
from ..contract.times import NEVER


class BackoffRule(Protocol):
    def may_ask(self, partner: Endpoint, now: float) -> bool: ...

    def asked(self, partner: Endpoint, now: float) -> None: ...

    def useful(self, partner: Endpoint, now: float) -> None: ...

    def free_at(self, partner: Endpoint) -> float: ...


class Backoff:
    """``asked`` assumes that nothing will be learned; ``useful`` takes that back."""

    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._pauses: dict[Endpoint, tuple[float, float]] = {}
        """By partner: how long the pause is, and when it ends."""

    def may_ask(self, partner: Endpoint, now: float) -> bool:
        return now >= self.free_at(partner)

    def asked(self, partner: Endpoint, now: float) -> None:
        pause_s, _ = self._pauses.get(partner, (self._config.partner_pause_s / 2, 0.0))
        pause_s = min(2 * pause_s, self._config.max_partner_pause_s)
        put_newest(self._pauses, partner, (pause_s, now + pause_s), self._config.max_partners_kept)

    def useful(self, partner: Endpoint, now: float) -> None:
        pause = self._pauses.pop(partner, None)
        if pause is not None:
            pause_s = self._config.partner_pause_s
            self._pauses[partner] = pause_s / 2, min(pause[1], now + pause_s)

    def free_at(self, partner: Endpoint) -> float:
        """-inf for a partner that was not asked."""
        return self._pauses.get(partner, (0.0, NEVER))[1]


class CreditRule(Protocol):
    def has(self, source: bytes, now: float) -> bool: ...

    def failed(self, source: bytes, now: float) -> None: ...

    def verified(self, source: bytes) -> None: ...


class Credit:
    """By source network: how many of its entries may still fail. What a network has spent is
    forgotten an hour after its last failure, as networks change hands.
    """

    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._spent: dict[bytes, tuple[int, float]] = {}

    def has(self, source: bytes, now: float) -> bool:
        spent, until = self._spent.get(source, (0, now))
        if spent and now >= until:
            del self._spent[source]
            return True
        return spent < self._config.source_credit

    def failed(self, source: bytes, now: float) -> None:
        spent, _ = self._spent.get(source, (0, 0.0))
        until = now + self._config.max_partner_pause_s
        put_newest(self._spent, source, (spent + 1, until), self._config.max_partners_kept)

    def verified(self, source: bytes) -> None:
        spent, until = self._spent.pop(source, (0, 0.0))
        if spent > 1:
            self._spent[source] = spent - 1, until
