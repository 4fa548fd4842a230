"""Contacts in compact form: 20 bytes of ID, then the endpoint; 26 bytes for IPv4 (BEP 5), 38 for
IPv6 (BEP 32).

An endpoint needs no conversion: inside the program it already is its compact form.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Any, Final

from ..contacts import Contact
from ..endpoints import IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES, Endpoint, Family
from ..errors import DecodeError
from ..ids import ID_BYTES

ENDPOINT_SIZES: Final = frozenset((IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES))
IPV4_CONTACT_BYTES: Final = ID_BYTES + IPV4_ENDPOINT_BYTES
IPV6_CONTACT_BYTES: Final = ID_BYTES + IPV6_ENDPOINT_BYTES

CONTACT_BYTES: Final = {Family.IPV4: IPV4_CONTACT_BYTES, Family.IPV6: IPV6_CONTACT_BYTES}

_LAYOUTS: Final = {
    Family.IPV4: Struct(f"{ID_BYTES}s{IPV4_ENDPOINT_BYTES}s"),
    Family.IPV6: Struct(f"{ID_BYTES}s{IPV6_ENDPOINT_BYTES}s"),
}


def pack_contact(contact: Contact) -> bytes:
    """26 or 38 bytes, by the family of its endpoint."""
    return contact.id.to_bytes(ID_BYTES, "big") + contact.endpoint


def pack_contacts(contacts: Iterable[Contact]) -> bytes:
    """The ``nodes`` or ``nodes6`` of a reply. All contacts must be of one family."""
    return b"".join(map(pack_contact, contacts))


def contacts_from(raw: bytes, family: Family) -> list[Contact]:
    """The contacts in ``nodes`` (IPv4) or ``nodes6`` (IPv6), in their order; raises DecodeError if
    the length is not a multiple.

    They are unchecked claims of the sender. Whether an address may be contacted at all (port 0,
    multicast, private) is decided by `scope_of`.
    """
    layout = _LAYOUTS[family]
    if len(raw) % layout.size:
        raise DecodeError("bad-nodes")
    from_bytes = int.from_bytes  # big-endian
    return [Contact(from_bytes(node_id), endpoint) for node_id, endpoint in layout.iter_unpack(raw)]


def endpoint_from(raw: Any) -> Endpoint | None:
    """The endpoint in a decoded value; None if it is not 6 or 18 bytes, or has port 0."""
    if type(raw) is bytes and len(raw) in ENDPOINT_SIZES and raw[-2:] != b"\0\0":
        return Endpoint(raw)
    return None
