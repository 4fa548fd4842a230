"""A cap on the table entries of one autonomous system, for an operator who has a map of them
(`as_map.py`).

The attack: a hoster sells addresses out of hundreds of /16s by the hour, each as good as another
operator's to whoever looks at prefixes. To the map they are one. The cap is as soft as that of a
/16: large hosters are where many honest nodes are, too, so beyond it an entry is welcome in a
vacancy, and the first to be challenged.
"""

from __future__ import annotations

from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from .diversity import DiversityRule


class AsnCaps:
    """Beside the caps by prefix."""

    __slots__ = ("_by_prefix", "_counts", "_per_asn", "_scopes")

    def __init__(self, by_prefix: DiversityRule, scopes: AddressPolicy, per_asn: int) -> None:
        self._by_prefix = by_prefix
        self._scopes = scopes
        self._per_asn = per_asn
        self._counts: dict[int, int] = {}

    def refusal(self, endpoint: Endpoint, bucket: int) -> str | None:
        return self._by_prefix.refusal(endpoint, bucket)

    def is_surplus(self, endpoint: Endpoint) -> bool:
        return (
            self._by_prefix.is_surplus(endpoint)
            or self._counts.get(self._scopes.asn(endpoint), 0) >= self._per_asn
        )

    def add(self, endpoint: Endpoint, bucket: int) -> None:
        self._by_prefix.add(endpoint, bucket)
        if asn := self._scopes.asn(endpoint):
            self._counts[asn] = self._counts.get(asn, 0) + 1

    def remove(self, endpoint: Endpoint, bucket: int) -> None:
        self._by_prefix.remove(endpoint, bucket)
        if asn := self._scopes.asn(endpoint):
            self._counts[asn] -= 1
            if not self._counts[asn]:
                del self._counts[asn]
