"""PCP, the Port Control Protocol (RFC 6887): requests as bytes, and answers checked and read.

Only MAP is used, and ANNOUNCE as a notice. A MAP request names the client's own address, as the
client sees it: where a second NAT stands between the two, the router finds another one and answers
ADDRESS_MISMATCH. The nonce makes an answer, a renewal and a deletion belong to one mapping.

Attack: any host of the LAN can forge an answer's source. Defence: an answer counts only with the
nonce of 96 bits, which is sent to the gateway alone. An error without one ends nothing that is
mapped: it only makes the router count as refusing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from .results import (
    DOUBLE_NAT,
    IP_PROTOCOLS,
    Grant,
    MappingRequest,
    Refusal,
    UnusableAnswer,
    grant_of,
)

METHOD: Final = "pcp"
PORT: Final = 5351
VERSION: Final = 2
NONCE_BYTES: Final = 12
MAX_BYTES: Final = 1100
"""The longest message (RFC 6887, section 7)."""
MIN_ERROR_BYTES: Final = 24
MAP_BYTES: Final = 60

_ANNOUNCE, _MAP, _RESPONSE = 0, 1, 0x80
_REQUEST_HEADER: Final = struct.Struct("!BBHI16s")
_RESPONSE_HEADER: Final = struct.Struct("!BBBBII12x")
_MAP_DATA: Final = struct.Struct("!12sB3xHH16s")
_IPV4_MAPPED: Final = bytes(10) + b"\xff\xff"

SUCCESS: Final = 0
UNSUPPORTED_VERSION: Final = 1
RESULTS: Final = {
    1: ("version", "the router speaks another version of PCP"),
    2: ("not-authorized", "the router does not allow it"),
    3: ("malformed", "the router finds the request malformed"),
    4: ("opcode", "the router maps no ports by PCP"),
    5: ("option", "the router wants another option"),
    6: ("malformed-option", "the router finds an option malformed"),
    7: ("network-failure", "the router has no connection"),
    8: (DOUBLE_NAT, "the router has no public address, or no room (result 8)"),
    9: ("protocol", "the router does not map this protocol"),
    10: ("quota", "the router allows no more ports to this machine"),
    11: ("external", "the router cannot give this port"),
    12: (DOUBLE_NAT, "double NAT: another NAT stands between this machine and the router"),
    13: ("peers", "the router allows no more peers"),
}
"""The error results of RFC 6887, section 7.4: a word for counters, and one line for people.

miniupnpd answers 8 (NO_RESOURCES) where its own external address is not public.
"""


@dataclass(frozen=True, slots=True)
class PcpAnswer:
    """An answer that was checked. ``epoch``: the router's seconds since it lost its mappings, None
    in an answer that does not show our nonce; ``outcome``: the grant, or the refusal.
    """

    epoch: int | None
    outcome: Grant | Refusal


def map_request(request: MappingRequest, client_ip: bytes, nonce: bytes) -> bytes:
    """A MAP request of 60 bytes. ``client_ip``: the source address, 4 or 16 bytes."""
    header = _REQUEST_HEADER.pack(VERSION, _MAP, 0, request.lease_s, wide_ip(client_ip))
    # RFC 6887, section 11.1: no preference is all zeros, of the family of the client.
    anywhere = wide_ip(bytes(len(client_ip)))
    protocol = IP_PROTOCOLS[request.protocol]
    return header + _MAP_DATA.pack(nonce, protocol, request.internal, request.external, anywhere)


def read_answer(payload: bytes, request: MappingRequest, nonce: bytes) -> PcpAnswer:
    """Checks an answer to `map_request` and reads it. Raises UnusableAnswer for what is no answer
    to that request: it may be another host's.
    """
    if len(payload) < 4 or not payload[1] & _RESPONSE:
        raise UnusableAnswer("no-answer")
    if payload[0] != VERSION:
        # A router that knows NAT-PMP alone, or another version of PCP, answers in its own.
        return PcpAnswer(None, _refusal(UNSUPPORTED_VERSION))
    if not MIN_ERROR_BYTES <= len(payload) <= MAX_BYTES or len(payload) % 4:
        raise UnusableAnswer("length")
    _, opcode, _, result, lifetime_s, epoch = _RESPONSE_HEADER.unpack_from(payload)
    if opcode != _MAP | _RESPONSE:
        raise UnusableAnswer("opcode")
    if result != SUCCESS and len(payload) < MAP_BYTES:
        return PcpAnswer(None, _refusal(result))
    if len(payload) < MAP_BYTES:
        raise UnusableAnswer("length")
    own_nonce, protocol, internal, external, ip = _MAP_DATA.unpack_from(
        payload, _RESPONSE_HEADER.size
    )
    if own_nonce != nonce:
        raise UnusableAnswer("nonce")
    if protocol != IP_PROTOCOLS[request.protocol]:
        raise UnusableAnswer("protocol")
    if internal != request.internal:
        raise UnusableAnswer("internal-port")
    if result != SUCCESS:
        return PcpAnswer(epoch, _refusal(result))
    return PcpAnswer(epoch, grant_of(METHOD, external, narrow_ip(ip), lifetime_s))


def is_announcement(payload: bytes) -> bool:
    """Whether a datagram on the group of notices is an ANNOUNCE (RFC 6887, section 14.1)."""
    return (
        MIN_ERROR_BYTES <= len(payload) <= MAX_BYTES
        and payload[0] == VERSION
        and payload[1] == _ANNOUNCE | _RESPONSE
        and payload[3] == SUCCESS
    )


def _refusal(result: int) -> Refusal:
    code, reason = RESULTS.get(result, ("unknown", f"the router refuses with result {result}"))
    return Refusal(METHOD, code, reason)


def wide_ip(ip: bytes) -> bytes:
    """16 bytes, an IPv4 address in its mapped form."""
    return _IPV4_MAPPED + ip if len(ip) == 4 else ip


def narrow_ip(ip: bytes) -> bytes:
    """4 bytes of a mapped IPv4 address, 16 of any other."""
    return ip[12:] if ip.startswith(_IPV4_MAPPED) else ip
