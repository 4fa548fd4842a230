"""The JSON document of a peer."""

from __future__ import annotations

import msgspec

from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.endpoints import parse_endpoint
from kadisc.observe.peer_document import peer_document


def test_a_peer_of_both_families_with_a_port_and_bytes() -> None:
    peer = VerifiedPeer(
        bytes(31) + b"\x01",
        parse_endpoint("[fd12:3456::2]:7001"),
        0xABC,
        None,
        7,
        {"p2p": 9333, "fork": b"\xab\xcd", "eth": 30303},
        other_endpoints=(parse_endpoint("45.10.0.1:7001"),),
        is_reachable=False,
    )
    assert msgspec.to_builtins(peer_document(peer)) == {
        "key": "00" * 31 + "01",
        "id": "0" * 37 + "abc",
        "endpoint": "[fd12:3456::2]:7001",
        "host": "fd12:3456::2",
        "port": 7001,
        "endpoints": ["[fd12:3456::2]:7001", "45.10.0.1:7001"],
        "addresses": {"eth": "[fd12:3456::2]:30303", "p2p": "[fd12:3456::2]:9333"},
        "services": {"eth": 30303, "fork": "0xabcd", "p2p": 9333},
        "reachable": "unknown",
        "proven": True,
        "beyond_caps": False,
        "sequence": 7,
    }
