"""NAT-PMP, the NAT Port Mapping Protocol (RFC 6886): requests as bytes, and answers checked and
read. It is older than PCP and simpler: IPv4 only, without a nonce, and without the external address
in the answer to a mapping, which is asked for by a request of its own.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from .results import (
    DOUBLE_NAT,
    DOUBLE_NAT_REASON,
    Grant,
    MappingRequest,
    Refusal,
    UnusableAnswer,
    grant_of,
)

METHOD: Final = "natpmp"
ADDRESS_REQUEST: Final = b"\0\0"

_VERSION, _RESPONSE = 0, 128
_OPCODES: Final = {"udp": 1, "tcp": 2}
_REQUEST: Final = struct.Struct("!BBHHHI")
_ANSWER: Final = struct.Struct("!BBHIHHI")
_ADDRESS_ANSWER: Final = struct.Struct("!BBHI4s")
_MIN_ERROR_BYTES: Final = 8
RESULTS: Final = {
    1: ("version", "the router speaks another version of NAT-PMP"),
    2: ("not-authorized", "the router does not allow it"),
    3: (DOUBLE_NAT, DOUBLE_NAT_REASON),
    4: ("resources", "the router has no room for one more port"),
    5: ("opcode", "the router does not map this protocol by NAT-PMP"),
}
"""The error results of RFC 6886, section 3.5. A "network failure" (3) means that the router has no
external address; miniupnpd answers it where that is not public.
"""


@dataclass(frozen=True, slots=True)
class NatPmpAnswer:
    """An answer to a mapping that was checked. ``epoch``: the router's seconds since it lost its
    mappings, None in an answer of another version; ``outcome``: the grant, or the refusal.
    """

    epoch: int | None
    outcome: Grant | Refusal


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    """An answer to `ADDRESS_REQUEST`. ``ip``: 4 bytes; None where the router has none."""

    epoch: int
    ip: bytes | None


def map_request(request: MappingRequest) -> bytes:
    """A request of 12 bytes. One that deletes names no external port (RFC 6886, section 3.4)."""
    return _REQUEST.pack(
        _VERSION,
        _OPCODES[request.protocol],
        0,
        request.internal,
        request.external if request.lease_s else 0,
        request.lease_s,
    )


def read_answer(payload: bytes, request: MappingRequest) -> NatPmpAnswer | AddressAnswer:
    """Checks an answer to `map_request` or to `ADDRESS_REQUEST` and reads it. Raises
    UnusableAnswer for what is neither.
    """
    if len(payload) < 4 or not payload[1] & _RESPONSE:
        raise UnusableAnswer("no-answer")
    if payload[0] != _VERSION:
        return NatPmpAnswer(None, _refusal(1))
    if len(payload) < _MIN_ERROR_BYTES:
        raise UnusableAnswer("length")
    result, epoch = struct.unpack_from("!HI", payload, 2)
    opcode = payload[1] - _RESPONSE
    if opcode == 0:
        return _address(payload, result, epoch)
    if opcode != _OPCODES[request.protocol]:
        raise UnusableAnswer("opcode")
    if result:
        return NatPmpAnswer(epoch, _refusal(result))
    if len(payload) != _ANSWER.size:
        raise UnusableAnswer("length")
    *_, internal, external, lifetime_s = _ANSWER.unpack(payload)
    if internal != request.internal:
        raise UnusableAnswer("internal-port")
    return NatPmpAnswer(epoch, grant_of(METHOD, external, None, lifetime_s))


def is_announcement(payload: bytes) -> bool:
    """Whether a datagram on the group of notices tells the external address (RFC 6886, 3.2.1)."""
    return len(payload) == _ADDRESS_ANSWER.size and payload[:4] == b"\0\x80\0\0"


def _address(payload: bytes, result: int, epoch: int) -> AddressAnswer:
    if result:
        return AddressAnswer(epoch, None)
    if len(payload) != _ADDRESS_ANSWER.size:
        raise UnusableAnswer("length")
    *_, ip = _ADDRESS_ANSWER.unpack(payload)
    return AddressAnswer(epoch, ip)


def _refusal(result: int) -> Refusal:
    code, reason = RESULTS.get(result, ("unknown", f"the router refuses with result {result}"))
    return Refusal(METHOD, code, reason)
