"""Signed peer records (design, section 2): who a peer is, of which network, where, and what it
offers. At most 300 bytes of canonical bencode.

::

    {ip, p, ip6, p6: where, as far as it knows; k: public key; net: network tag; s: sequence; svc: {name: port or short bytes};
     via: reserved; sig: Ed25519 over the canonical bencode of all the rest}

Keys that are not known here are kept and signed over, so that later versions can add some. Whether
a record may be believed (signature, network, sequence, whose address it names) is for
`core/record_rules.py`; here it is only read, and refused where it contradicts itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..endpoints import Endpoint, Family, Scope, scope_of
from ..errors import DecodeError
from ..ids import ID_BYTES
from . import bencode
from .compact import ENDPOINT_SIZES

MAX_RECORD_BYTES: Final = 300
KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
MAX_SERVICE_NAME_BYTES: Final = 16
MAX_SERVICE_BYTES: Final = 32
MAX_VIA: Final = 2

OVERSIZE: Final = "record-oversize"
MALFORMED: Final = "record-malformed"
CONTRADICTORY: Final = "record-contradictory"
_WHERE: Final = {Family.IPV4: (b"ip", b"p", 4), Family.IPV6: (b"ip6", b"p6", 16)}


@dataclass(frozen=True, slots=True)
class PeerRecord:
    """A record as it says of itself. ``raw`` is the whole of it in canonical form, as book and view
    keep it.
    """

    key: bytes
    network: bytes
    sequence: int
    endpoints: Mapping[Family, Endpoint]
    services: Mapping[str, int | bytes]
    signature: bytes
    raw: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    """What the signature is over."""


def unsigned_fields(
    key: bytes,
    network: bytes,
    sequence: int,
    endpoints: Mapping[Family, Endpoint],
    services: Mapping[str, int | bytes],
) -> dict[bytes, Any]:
    """The record without its signature. Raises ValueError for services that no record can hold."""
    fields: dict[bytes, Any] = {b"k": key, b"net": network, b"s": sequence}
    for family, endpoint in endpoints.items():
        ip, port, _ = _WHERE[family]
        fields[ip], fields[port] = endpoint[:-2], int.from_bytes(endpoint[-2:], "big")
    if services:
        fields[b"svc"] = {name.encode("ascii"): value for name, value in services.items()}
        if _services(fields[b"svc"]) is None:
            raise ValueError(
                f"a service has a name of 1 to {MAX_SERVICE_NAME_BYTES} letters and a port, or at most {MAX_SERVICE_BYTES} bytes"
            )
    return fields


def to_be_signed(fields: Mapping[bytes, Any]) -> bytes:
    return bencode.encode({key: value for key, value in fields.items() if key != b"sig"})


def decode_record(raw: bytes) -> PeerRecord:
    """From the canonical bytes, as they are kept and handed about; raises DecodeError, also where
    they are not canonical.
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
    sequence, services = fields.get(b"s"), _services(fields.get(b"svc", {}))
    if (
        type(sequence) is not int
        or sequence < 0
        or services is None
        or not _is_via(fields.get(b"via", []))
    ):
        raise DecodeError(MALFORMED)
    key, network, signature = (
        _exactly(fields, b"k", KEY_BYTES),
        _exactly(fields, b"net", ID_BYTES),
        _exactly(fields, b"sig", SIGNATURE_BYTES),
    )
    endpoints = {
        family: endpoint for family in Family if (endpoint := _endpoint(fields, family)) is not None
    }
    return PeerRecord(
        key, network, sequence, endpoints, services, signature, raw, to_be_signed(fields)
    )


def _endpoint(fields: Mapping[bytes, Any], family: Family) -> Endpoint | None:
    """Address and port belong together, and somebody must be able to be there."""
    ip_name, port_name, size = _WHERE[family]
    ip, port = fields.get(ip_name), fields.get(port_name)
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


def _services(raw: Any) -> dict[str, int | bytes] | None:
    """By name; None if they are none."""
    if type(raw) is not dict:
        return None
    services: dict[str, int | bytes] = {}
    for name, value in raw.items():
        is_port = type(value) is int and 0 < value < 65536
        if not (0 < len(name) <= MAX_SERVICE_NAME_BYTES and name.isalnum() and name.isascii()):
            return None
        if not (is_port or (type(value) is bytes and len(value) <= MAX_SERVICE_BYTES)):
            return None
        services[name.decode("ascii")] = value
    return services


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
