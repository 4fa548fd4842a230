"""Where we are, as far as it is known before anybody was asked (design, section 2): what the
operator says, what a socket is bound to, what was proven in the last run, or nothing yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...config import Config
from ...core.addressing.external_address import Confidence, ExternalAddress
from ...core.addressing.policy import AddressPolicy
from ...core.contract.saved_state import SavedState
from ...endpoints import (
    Endpoint,
    Family,
    Scope,
    family_of,
    format_ip,
    ip_of,
    make_endpoint,
    scope_of,
    split_host_port,
)
from ...errors import UsageError
from ..transport.ports import Port


def own_addresses(
    config: Config, ports: Sequence[Port], saved: SavedState
) -> dict[Family, ExternalAddress]:
    """For each port's family, the best that is known. Raises UsageError for an ``external`` that
    cannot be ours.
    """
    typed = external_addresses(config.external)
    remembered = {dht.family: dht.ip for dht in saved.dhts}
    scopes = AddressPolicy(config.core.allow_private)
    addresses: dict[Family, ExternalAddress] = {}
    for port in ports:
        if port.family in typed:
            ip, port_bytes = typed.pop(port.family)
            if port_bytes is None and ip == ip_of(port.local_endpoint):
                port_bytes = port.local_endpoint[-2:]  # nobody translates it
            addresses[port.family] = ExternalAddress(
                config.core.address, ip, port_bytes, Confidence.CONFIGURED
            )
        elif scopes.of(port.local_endpoint) is Scope.PUBLIC:
            # Bound to one address that others can reach: who sees us, sees that one.
            ours = port.local_endpoint
            addresses[port.family] = ExternalAddress(
                config.core.address, ip_of(ours), ours[-2:], Confidence.CONFIGURED
            )
        elif (known := remembered.get(port.family)) is not None:
            addresses[port.family] = ExternalAddress(
                config.core.address, known, None, Confidence.REMEMBERED
            )
        else:
            addresses[port.family] = ExternalAddress(
                config.core.address, None, None, Confidence.UNKNOWN
            )
    for family in typed:
        raise UsageError(
            f"an external {family.value} address is given, but this node has no {family.value} socket"
        )
    return addresses


def external_addresses(texts: Sequence[str]) -> dict[Family, tuple[bytes, bytes | None]]:
    """IP and port (2 bytes, None where not given) by family, from ``IP`` or ``IP:PORT``. Raises
    UsageError.
    """
    found: dict[Family, tuple[bytes, bytes | None]] = {}
    for text in texts:
        endpoint, has_port = _parse(text)
        if scope_of(endpoint) is Scope.INVALID:
            raise UsageError(
                f"nobody can be at {text}: an external address is the one that others reach this node at"
            )
        family = family_of(endpoint)
        if family in found:
            raise UsageError(f"two external addresses of one family; {text} is the second")
        found[family] = ip_of(endpoint), endpoint[-2:] if has_port else None
    return found


def external_doubts(config: Config, local_endpoints: Mapping[Family, Endpoint]) -> list[str]:
    """Sentences about external addresses that nobody on the internet can reach us at. No error,
    since a lab or a network at home may be all on such addresses; in silence where it is said that
    this is one: by ``allow_private``, or by an address of that kind to listen at.
    """
    scopes, doubts = AddressPolicy(config.core.allow_private), []
    for family, (ip, _) in external_addresses(config.external).items():
        scope, local = scopes.of(Endpoint(ip + b"\0\1")), local_endpoints.get(family)
        if scope is not Scope.PUBLIC and (local is None or scope is not scopes.of(local)):
            doubts.append(
                f"the external address {format_ip(ip)} is {_NOT_PUBLIC[scope]}: nobody on the internet can reach this node there; "
                "it is of use only in a network that is all on such addresses"
            )
    return doubts


_NOT_PUBLIC = {
    Scope.PRIVATE: "a private one",
    Scope.LINK_LOCAL: "of one link alone",
    Scope.LOOPBACK: "of this machine alone",
    Scope.SPECIAL: "set aside for documentation and tests",
}


def _parse(text: str) -> tuple[Endpoint, bool]:
    """Without a port, the endpoint has some."""
    try:
        return make_endpoint(text.strip("[]"), 1), False
    except ValueError:
        pass
    try:
        return make_endpoint(*split_host_port(text)), True
    except ValueError:
        raise UsageError(
            f"expected an address as IP or IP:PORT, as in 192.0.2.1:6881 or [2001:db8::1]:6881: {text!r}"
        ) from None
