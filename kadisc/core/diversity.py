"""Diversity caps: how many table entries one address, one /24 and one /16 may have (IPv6: /64, /48, /32).

The attack: whoever wants to surround a node needs many IDs, and IDs are free; addresses are not. geth's table could be filled from 28
networks of 256 addresses. The caps count *verified* entries alone: caps on hearsay let an attacker fill a network's places with
addresses that he does not own (nim-eth).

Addresses that are not public are not capped: a lab behind one router shares a /24.
"""

from __future__ import annotations

from typing import Protocol

from ..config import TableConfig
from ..endpoints import Endpoint, Scope, narrow_prefix, unit_prefix, wide_prefix
from .scopes import Scopes


class DiversityRule(Protocol):
    def refusal(self, endpoint: Endpoint, bucket: int) -> str | None: ...

    def is_surplus(self, endpoint: Endpoint) -> bool: ...

    def add(self, endpoint: Endpoint, bucket: int) -> None: ...

    def remove(self, endpoint: Endpoint, bucket: int) -> None: ...


class DiversityCaps:
    """Counts the entries of one table. ``refusal`` is the rule."""

    __slots__ = ("_config", "_counts", "_scopes")

    def __init__(self, config: TableConfig, scopes: Scopes) -> None:
        self._config = config
        self._scopes = scopes
        self._counts: dict[bytes | tuple[bytes, int], int] = {}  # the prefixes differ in length, so one dict serves them all

    def refusal(self, endpoint: Endpoint, bucket: int) -> str | None:
        """Why an entry at ``endpoint`` may not be added to ``bucket`` now; None if it may."""
        if self._scopes.of(endpoint) is not Scope.PUBLIC:
            return None
        count, config, narrow = self._counts.get, self._config, narrow_prefix(endpoint)
        if count(unit_prefix(endpoint), 0) >= config.per_unit:
            return "cap-address"
        if count((narrow, bucket), 0) >= config.per_narrow_in_bucket:
            return "cap-narrow-bucket"
        if count(narrow, 0) >= config.per_narrow_in_table:
            return "cap-narrow-table"
        return None

    def is_surplus(self, endpoint: Endpoint) -> bool:
        """Whether one more entry there is beyond the soft cap of its /16: welcome in a vacancy only, and first to be challenged."""
        if self._scopes.of(endpoint) is not Scope.PUBLIC:
            return False
        return self._counts.get(wide_prefix(endpoint), 0) >= self._config.per_wide_in_table

    def add(self, endpoint: Endpoint, bucket: int) -> None:
        self._change(endpoint, bucket, 1)

    def remove(self, endpoint: Endpoint, bucket: int) -> None:
        self._change(endpoint, bucket, -1)

    def _change(self, endpoint: Endpoint, bucket: int, by: int) -> None:
        narrow = narrow_prefix(endpoint)
        for key in (unit_prefix(endpoint), (narrow, bucket), narrow, wide_prefix(endpoint)):
            count = self._counts.get(key, 0) + by
            if count:
                self._counts[key] = count
            else:
                del self._counts[key]


class NoDiversityCaps:
    """The lab switch, and plain Kademlia."""

    __slots__ = ()

    def refusal(self, endpoint: Endpoint, bucket: int) -> str | None:
        return None

    def is_surplus(self, endpoint: Endpoint) -> bool:
        return False

    def add(self, endpoint: Endpoint, bucket: int) -> None:
        pass

    def remove(self, endpoint: Endpoint, bucket: int) -> None:
        pass
