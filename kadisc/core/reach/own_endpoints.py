"""The endpoints of this node that are tested in one address family."""

from __future__ import annotations

from typing import Final

from ...endpoints import Endpoint, Scope, port_of
from ..addressing.external_address import Confidence, ExternalAddress
from ..addressing.policy import AddressPolicy

MIN_PORT: Final = 1024


def seen_endpoint(address: ExternalAddress, scopes: AddressPolicy) -> Endpoint | None:
    """S, where other nodes see this one; None while they do not agree, or if it is not public."""
    if address.ip is None or address.port is None or address.confidence is Confidence.UNKNOWN:
        return None
    return _public(Endpoint(address.ip + address.port), scopes)


def mapped_endpoint(
    granted: Endpoint | None, address: ExternalAddress, scopes: AddressPolicy
) -> Endpoint | None:
    """M, the port that the router says it maps, at the address that other nodes see."""
    if granted is None or address.ip is None or port_of(granted) < MIN_PORT:
        return None
    return _public(Endpoint(address.ip + granted[-2:]), scopes)


def _public(endpoint: Endpoint, scopes: AddressPolicy) -> Endpoint | None:
    return endpoint if scopes.of(endpoint) is Scope.PUBLIC else None
