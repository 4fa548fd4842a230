"""The node's own external addresses before the first query: from the configuration, from the
address that a socket is bound to, from the last run, or unknown.
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
    """For each port's family, the best source that there is. Raises UsageError for an ``external``
    of a family that has no port, and for a subnet that cannot be read.
    """
    configured = external_addresses(config.external)
    # A damaged file may name an address at which no node can be; no node ID must follow from it.
    remembered = {
        dht.family: dht.ip
        for dht in saved.dhts
        if dht.ip is not None and scope_of(Endpoint(dht.ip + b"\0\1")) is not Scope.INVALID
    }
    try:
        policy = AddressPolicy(config.core.allow_private, (), config.core.netrestrict)
    except ValueError as error:  # of a subnet in CIDR notation
        raise UsageError(str(error)) from None
    addresses: dict[Family, ExternalAddress] = {}
    for port in ports:
        if port.family in configured:
            ip, port_bytes = configured.pop(port.family)
            if port_bytes is None and ip == ip_of(port.local_endpoint):
                port_bytes = port.local_endpoint[-2:]  # no NAT translates it
            addresses[port.family] = ExternalAddress(
                config.core.address, ip, port_bytes, Confidence.CONFIGURED
            )
        elif policy.of(port.local_endpoint) is Scope.PUBLIC or (
            config.core.netrestrict
            and scope_of(port.local_endpoint) is not Scope.INVALID
            and not policy.is_barred(port.local_endpoint)
        ):
            # Bound to one public address, or to one of the networks that the operator restricts
            # the node to: that is the one that other nodes see.
            own = port.local_endpoint
            addresses[port.family] = ExternalAddress(
                config.core.address, ip_of(own), own[-2:], Confidence.CONFIGURED
            )
        elif (known := remembered.get(port.family)) is not None:
            addresses[port.family] = ExternalAddress(
                config.core.address, known, None, Confidence.REMEMBERED
            )
        else:
            addresses[port.family] = ExternalAddress(
                config.core.address, None, None, Confidence.UNKNOWN
            )
    for family in configured:
        raise UsageError(
            f"an external {family.value} address is given, "
            f"but this node has no {family.value} socket"
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
                f"no node can be at {text}: "
                "an external address is the one that others reach this node at"
            )
        family = family_of(endpoint)
        if family in found:
            raise UsageError(f"two external addresses of one family; {text} is the second")
        found[family] = ip_of(endpoint), endpoint[-2:] if has_port else None
    return found


def external_doubts(config: Config, local_endpoints: Mapping[Family, Endpoint]) -> list[str]:
    """Sentences about external addresses at which no node of the internet can reach this one. They
    are no errors, since a lab or a home network may use only such addresses. There is no sentence
    where the operator says so: by ``allow_private``, or by an address of that scope to listen on.
    """
    policy = AddressPolicy(config.core.allow_private)
    doubts = []
    for family, (ip, _) in external_addresses(config.external).items():
        scope = policy.of(Endpoint(ip + b"\0\1"))
        local = local_endpoints.get(family)
        if scope is not Scope.PUBLIC and (local is None or scope is not policy.of(local)):
            doubts.append(
                f"the external address {format_ip(ip)} is {_NOT_PUBLIC[scope]}: "
                "no node of the internet can reach this node there; "
                "it is useful only in a network that has only such addresses"
            )
    return doubts


_NOT_PUBLIC = {
    Scope.PRIVATE: "private",
    Scope.LINK_LOCAL: "link-local",
    Scope.LOOPBACK: "a loopback address",
    Scope.SPECIAL: "reserved for documentation and tests",
}


def _parse(text: str) -> tuple[Endpoint, bool]:
    """The endpoint, and whether the text has a port; where it has none, the port is 1."""
    try:
        return make_endpoint(text.strip("[]"), 1), False
    except ValueError:
        pass
    try:
        return make_endpoint(*split_host_port(text)), True
    except ValueError:
        raise UsageError(
            "expected an address as IP or IP:PORT, "
            f"as in 192.0.2.1:6881 or [2001:db8::1]:6881: {text!r}"
        ) from None
