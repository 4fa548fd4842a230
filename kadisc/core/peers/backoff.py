"""How often whom: a partner who teaches nothing is asked less and less, and a source whose news are
false is no longer heard.

The attack: answer every question with news that nobody can check, or with nothing new, and be asked
again at once, because one answers. What counts is what was *learned*: an entry of the answer was
verified later, and kept. Until then each exchange doubles the pause; who made up entries, and they
fail, loses his credit.
"""

from __future__ import annotations

from typing import Protocol

from ...endpoints import Endpoint
from ...config import GossipConfig


class BackoffRule(Protocol):
    def may_ask(self, partner: Endpoint, now: float) -> bool: ...

    def asked(self, partner: Endpoint, now: float) -> None: ...

    def useful(self, partner: Endpoint, now: float) -> None: ...

    def free_at(self, partner: Endpoint) -> float: ...


class Backoff:
    """``asked`` takes it that nothing will be learned; ``useful`` takes that back."""

    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._pauses: dict[
            Endpoint, tuple[float, float]
        ] = {}  # by partner: how long, and until when

    def may_ask(self, partner: Endpoint, now: float) -> bool:
        return now >= self.free_at(partner)

    def asked(self, partner: Endpoint, now: float) -> None:
        pause_s, _ = self._pauses.pop(partner, (self._config.partner_pause_s / 2, 0.0))
        pause_s = min(2 * pause_s, self._config.max_partner_pause_s)
        self._pauses[partner] = pause_s, now + pause_s
        if len(self._pauses) > self._config.max_partners_kept:
            del self._pauses[next(iter(self._pauses))]

    def useful(self, partner: Endpoint, now: float) -> None:
        pause = self._pauses.pop(partner, None)
        if pause is not None:
            pause_s = self._config.partner_pause_s
            self._pauses[partner] = pause_s / 2, min(pause[1], now + pause_s)

    def free_at(self, partner: Endpoint) -> float:
        """-inf for whom nothing is known of."""
        return self._pauses.get(partner, (0.0, float("-inf")))[1]


class NoBackoff:
    """What it is measured against."""

    __slots__ = ()

    def may_ask(self, partner: Endpoint, now: float) -> bool:
        return True

    def asked(self, partner: Endpoint, now: float) -> None:
        pass

    def useful(self, partner: Endpoint, now: float) -> None:
        pass

    def free_at(self, partner: Endpoint) -> float:
        return float("-inf")


class CreditRule(Protocol):
    def has(self, source: bytes, now: float) -> bool: ...

    def failed(self, source: bytes, now: float) -> None: ...

    def proved(self, source: bytes) -> None: ...


class Credit:
    """By source network: how many of its entries may still fail. It is forgotten an hour after the
    last failure: networks change hands.
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
        spent, _ = self._spent.pop(source, (0, 0.0))
        self._spent[source] = spent + 1, now + self._config.max_partner_pause_s
        if len(self._spent) > self._config.max_partners_kept:
            del self._spent[next(iter(self._spent))]

    def proved(self, source: bytes) -> None:
        spent, until = self._spent.pop(source, (0, 0.0))
        if spent > 1:
            self._spent[source] = spent - 1, until


class EndlessCredit:
    """What it is measured against."""

    __slots__ = ()

    def has(self, source: bytes, now: float) -> bool:
        return True

    def failed(self, source: bytes, now: float) -> None:
        pass

    def proved(self, source: bytes) -> None:
        pass
