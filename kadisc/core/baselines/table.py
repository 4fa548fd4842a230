"""The routing table without diversity caps and without quarantine."""

from __future__ import annotations

from ...endpoints import Endpoint


class NoDiversityCaps:
    """No caps: plain Kademlia, and the switch ``--no-caps`` for labs."""

    __slots__ = ()

    def refusal(self, endpoint: Endpoint, bucket: int) -> str | None:
        return None

    def is_surplus(self, endpoint: Endpoint) -> bool:
        return False

    def add(self, endpoint: Endpoint, bucket: int) -> None:
        pass

    def remove(self, endpoint: Endpoint, bucket: int) -> None:
        pass


class NoQuarantine:
    """No quarantine: every answer counts as a proof of reachability."""

    __slots__ = ()

    def contacted_us(self, endpoint: Endpoint, now: float) -> None:
        pass

    def is_suspect(self, endpoint: Endpoint, now: float) -> bool:
        return False
