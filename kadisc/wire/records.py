"""Signed peer records: the key, the network, the addresses and the services of a peer, in at most
300 bytes of canonical bencode.

::

    {ip, p, ip6, p6: addresses and ports, as far as the peer knows them;
     k: public key; net: network tag; s: sequence;
     closed: 1, 2 or 3, if strangers do not reach the peer by IPv4, IPv6 or both;
     svc: {name: port or short bytes}; at: {name: address and port}; via: reserved;
     sig: Ed25519 over the canonical bencode of all other fields}

Unknown keys are kept and signed over, so that later versions can add some. This module reads a
record and refuses one that is malformed or contradicts itself. Whether a record is believed
(signature, network, sequence, and the address that it names) is decided by
`core/peers/record_policy.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..endpoints import Endpoint, Family, Scope, scope_of
from ..errors import DecodeError
from ..ids import ID_BYTES
from ..service_values import ServiceAddress, ServiceValue
from . import bencode
from .compact import ENDPOINT_SIZES
from .items import KEY_BYTES, SIGNATURE_BYTES

MAX_RECORD_BYTES: Final = 300
"""The longest record, as canonical bencode."""
MAX_SERVICE_NAME_BYTES: Final = 16
"""The longest name of a service."""
MAX_SERVICE_BYTES: Final = 64
"""The longest value of a service, other than a port: a public key of secp256k1 fits, which an enode
URL has whole. The record as a whole has at most `MAX_RECORD_BYTES`.
"""
MAX_VIA: Final = 2
"""The most endpoints in the reserved field ``via``."""

OVERSIZE: Final = "record-oversize"
MALFORMED: Final = "record-malformed"
CONTRADICTORY: Final = "record-contradictory"
_CLOSED_BITS: Final = {Family.IPV4: 1, Family.IPV6: 2}
_ADDRESS_FIELDS: Final = {Family.IPV4: (b"ip", b"p", 4), Family.IPV6: (b"ip6", b"p6", 16)}


NOT_CLOSED: Final[frozenset[Family]] = frozenset()


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """A record, not verified. ``raw`` is the whole record in canonical form, as the address book
    and the view keep it.
    """

    key: bytes
    network: bytes
    sequence: int
    endpoints: Mapping[Family, Endpoint]
    services: Mapping[str, ServiceValue]
    """Those of ``svc`` and of ``at``, wherever these lead to."""
    signature: bytes
    raw: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    """The bytes that the signature is over."""
    closed: frozenset[Family] = NOT_CLOSED
    """The families in which nodes that the peer did not contact first do not reach it, as it says.
    """


def unsigned_fields(
    key: bytes,
    network: bytes,
    sequence: int,
    endpoints: Mapping[Family, Endpoint],
    services: Mapping[str, ServiceValue],
    closed: Iterable[Family] = (),
) -> dict[bytes, Any]:
    """The record without its signature. ``closed``: the families in which strangers do not reach
    the node. Raises ValueError for services that no record can hold."""
    fields: dict[bytes, Any] = {b"k": key, b"net": network, b"s": sequence}
    for family, endpoint in endpoints.items():
        ip, port, _ = _ADDRESS_FIELDS[family]
        fields[ip] = endpoint[:-2]
        fields[port] = int.from_bytes(endpoint[-2:], "big")
    if closed_bits := sum(_CLOSED_BITS[family] for family in closed):
        fields[b"closed"] = closed_bits
    here = {
        name.encode("ascii"): value
        for name, value in services.items()
        if not isinstance(value, ServiceAddress)
    }
    elsewhere = {
        name.encode("ascii"): value.endpoint
        for name, value in services.items()
        if isinstance(value, ServiceAddress)
    }
    if here:
        fields[b"svc"] = here
    if elsewhere:
        fields[b"at"] = elsewhere
    if _services(here) is None or _addresses(elsewhere) is None:
        raise ValueError(
            f"a service has a name of 1 to {MAX_SERVICE_NAME_BYTES} letters and a port, an address "
            f"and port, or at most {MAX_SERVICE_BYTES} bytes"
        )
    return fields


def to_be_signed(fields: Mapping[bytes, Any]) -> bytes:
    return bencode.encode({key: value for key, value in fields.items() if key != b"sig"})


def decode_record(raw: bytes) -> PeerRecord:
    """From the canonical bytes, as they are stored; raises DecodeError, also if they are not
    canonical.
    """
    if len(raw) > MAX_RECORD_BYTES:
        raise DecodeError(OVERSIZE)
    try:
        fields = bencode.decode(raw, allow_slow=False)
    except DecodeError:
        raise DecodeError(MALFORMED) from None
    return record_from(fields)


def record_from(fields: Any) -> PeerRecord:
    """From a decoded value of any shape; raises DecodeError with one of `OVERSIZE`, `MALFORMED`,
    `CONTRADICTORY`.
    """
    if type(fields) is not dict:
        raise DecodeError(MALFORMED)
    raw = bencode.encode(fields)
    if len(raw) > MAX_RECORD_BYTES:
        raise DecodeError(OVERSIZE)
    sequence = fields.get(b"s")
    closed = fields.get(b"closed", 0)
    services = _services(fields.get(b"svc", {}))
    elsewhere = _addresses(fields.get(b"at", {})) if b"at" in fields else {}
    if (
        type(sequence) is not int
        or sequence < 0
        or services is None
        or elsewhere is None
        or type(closed) is not int
        or not 0 <= closed <= sum(_CLOSED_BITS.values())
        or not _is_via(fields.get(b"via", []))
    ):
        raise DecodeError(MALFORMED)
    if elsewhere:
        if not elsewhere.keys().isdisjoint(services):
            raise DecodeError(CONTRADICTORY)
        services.update(elsewhere)
    key = _exactly(fields, b"k", KEY_BYTES)
    network = _exactly(fields, b"net", ID_BYTES)
    signature = _exactly(fields, b"sig", SIGNATURE_BYTES)
    endpoints = {
        family: endpoint for family in Family if (endpoint := _endpoint(fields, family)) is not None
    }
    return PeerRecord(
        key,
        network,
        sequence,
        endpoints,
        services,
        signature,
        raw,
        to_be_signed(fields),
        frozenset(family for family in Family if closed & _CLOSED_BITS[family]) or NOT_CLOSED,
    )


def _endpoint(fields: Mapping[bytes, Any], family: Family) -> Endpoint | None:
    """The endpoint of a family, None if the record has none. Address and port must be given
    together, and a peer must be able to use them.
    """
    ip_name, port_name, size = _ADDRESS_FIELDS[family]
    ip = fields.get(ip_name)
    port = fields.get(port_name)
    if ip is None and port is None:
        return None
    if ip is None or port is None:
        raise DecodeError(CONTRADICTORY)
    if type(port) is not int or not 0 <= port < 65536:
        raise DecodeError(MALFORMED)
    endpoint = Endpoint(_exactly(fields, ip_name, size) + port.to_bytes(2, "big"))
    if scope_of(endpoint) is Scope.INVALID:
        raise DecodeError(CONTRADICTORY)
    return endpoint


def _services(raw: Any) -> dict[str, ServiceValue] | None:
    """The services by name; None if they are malformed."""
    if type(raw) is not dict:
        return None
    services: dict[str, ServiceValue] = {}
    for name, value in raw.items():
        is_port = type(value) is int and 0 < value < 65536
        if not _is_service_name(name):
            return None
        if not (is_port or (type(value) is bytes and len(value) <= MAX_SERVICE_BYTES)):
            return None
        services[name.decode("ascii")] = value
    return services


def _addresses(raw: Any) -> dict[str, ServiceAddress] | None:
    """The services that are at other hosts, by name; None if they are malformed."""
    if type(raw) is not dict:
        return None
    addresses: dict[str, ServiceAddress] = {}
    for name, value in raw.items():
        if not (
            _is_service_name(name)
            and type(value) is bytes
            and len(value) in ENDPOINT_SIZES
            and scope_of(Endpoint(value)) is not Scope.INVALID
        ):
            return None
        addresses[name.decode("ascii")] = ServiceAddress(Endpoint(value))
    return addresses


def _is_service_name(name: bytes) -> bool:
    return 0 < len(name) <= MAX_SERVICE_NAME_BYTES and name.isalnum() and name.isascii()


def _is_via(raw: Any) -> bool:
    return (
        type(raw) is list
        and len(raw) <= MAX_VIA
        and all(type(each) is bytes and len(each) in ENDPOINT_SIZES for each in raw)
    )


def _exactly(fields: Mapping[bytes, Any], name: bytes, size: int) -> bytes:
    raw = fields.get(name)
    if type(raw) is not bytes or len(raw) != size:
        raise DecodeError(MALFORMED)
    return raw
