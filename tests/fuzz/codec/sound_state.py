"""A state with something in every table."""

from __future__ import annotations

from kadisc.contacts import Contact
from kadisc.core.contract.saved_state import (
    SavedBook,
    SavedContact,
    SavedPeer,
    SavedPeerNetwork,
    SavedRun,
    SavedVerdict,
)
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.endpoints import Family, make_endpoint
from kadisc.net.state.saved_nonces import SavedNonce
from kadisc.net.state.state_file import KeptState
from kadisc.wire.items import Item

from .restored_core import NETWORK

KEY = b"\xab" * 32


def sound_state() -> KeptState:
    v4, v6 = make_endpoint("45.2.3.4", 6881), make_endpoint("2a00:1450::7", 6881)
    peer = VerifiedPeer(KEY, v4, 5, b"\0\xff", 3, {"fork": b"\xab\xcd", "eth": 30303})
    contacts = (
        SavedContact(Contact(1 << 159, v4), 900.0, 60.0, 0.04, b"KD\0\x01"),
        SavedContact(Contact(7, v6), 80.0, 5.5),
    )
    book = SavedBook(
        (
            SavedPeer(v4, v6, True, 9.5, 3.0, 4, 1, peer, 8.0, 2.0, 0.1),
            SavedPeer(v6, "dns", False, 1.0, 0.5),
        )
    )
    verdicts = (SavedVerdict(KEY, "good", 2, 0.0), SavedVerdict(KEY + bytes(v4), "bad", 0, 60.0))
    items = (Item(b"12:Hello World!", KEY, b"salt", 4, b"\x01" * 64), Item(b"le"))
    return KeptState(
        b"\x07" * 32,
        {Family.IPV4: v4[:-2], Family.IPV6: v6[:-2]},
        {NETWORK: contacts, "mainline": contacts[:1]},
        {NETWORK: SavedPeerNetwork(1_700_000_000_000, book, verdicts)},
        {NETWORK: items},
        (SavedNonce("192.168.1.1", "udp", 6881, b"n" * 12),),
        (SavedRun(Family.IPV4, 6881, 1_700_000_000.0), SavedRun(Family.IPV6, 6881, None)),
    )
