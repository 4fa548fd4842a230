"""The routing table without diversity caps, without quarantine and without shares of candidates."""

from __future__ import annotations

from ...endpoints import Endpoint
from ..contract.times import NEVER
from ..table.naming_shares import ASKERS


class NoDiversityCaps:
    """No caps: plain Kademlia, and the switch ``--no-caps`` for labs."""

    __slots__ = ("any_is_over_full",)

    def __init__(self) -> None:
        self.any_is_over_full = False

    def refusal(self, endpoint: Endpoint, bucket: int) -> str | None:
        return None

    def is_surplus(self, endpoint: Endpoint) -> bool:
        return False

    def is_over_full(self, endpoint: Endpoint) -> bool:
        return False

    def add(self, endpoint: Endpoint, bucket: int) -> None:
        pass

    def remove(self, endpoint: Endpoint, bucket: int) -> None:
        pass


class NoQuarantine:
    """No quarantine: every answer counts as a proof of reachability."""

    __slots__ = ()

    def contacted_us(self, endpoint: Endpoint, now: float) -> bool:
        return True

    def is_suspect(self, endpoint: Endpoint, now: float) -> bool:
        return False

    def fell(self, endpoint: Endpoint, now: float) -> None:
        pass

    def has_fallen(self, endpoint: Endpoint) -> bool:
        return False


class NoNamingShares:
    """All candidates are drawn from one queue, whatever node named them and however many."""

    __slots__ = ("askers_at", "names_per_answer")

    def __init__(self) -> None:
        self.names_per_answer = 1 << 30
        self.askers_at = NEVER

    def queue_of(self, source: bytes) -> bytes:
        return ASKERS

    def may_name(self, source: bytes, queue: bytes, now: float) -> bool:
        return True

    def is_doubtful(self, source: bytes) -> bool:
        return False

    def named(self, source: bytes, queue: bytes) -> None:
        pass

    def dropped(self, source: bytes) -> None:
        pass

    def drawn(self, source: bytes, now: float) -> None:
        pass

    def checked(self, source: bytes, now: float, *, answered: bool) -> None:
        pass

    def forgive(self) -> None:
        pass
