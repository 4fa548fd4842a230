"""IDs and addresses for tests of single components, chosen so that no cap and no rule of scopes
applies unless the test says so.
"""

from __future__ import annotations

from kadisc.contacts import Contact
from kadisc.endpoints import Endpoint
from kadisc.ids import ID_BITS, NodeId

from .world import address

OWN_ID = 0x5A << (ID_BITS - 8)


def id_in_bucket(index: int, number: int = 0, own_id: NodeId = OWN_ID) -> NodeId:
    """An ID that shares exactly ``index`` leading bits with the own ID; a different one for each
    ``number``.
    """
    assert number < 1 << (ID_BITS - 1 - index)
    return own_id ^ 1 << (ID_BITS - 1 - index) ^ number


def address6(number: int, port: int = 6881) -> Endpoint:
    """Public IPv6 endpoints, each in a /32 of its own."""
    return Endpoint(
        b"\x2a" + number.to_bytes(3, "big") + bytes(11) + b"\1" + port.to_bytes(2, "big")
    )


def contact(number: int, index: int = 0) -> Contact:
    """A contact of bucket ``index`` in a /16 of its own."""
    return Contact(id_in_bucket(index, number), address(number))
