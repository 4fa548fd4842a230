"""Clients and events as text."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from kadisc.core.contract.events import (
    AddressChanged,
    CameOnline,
    Joined,
    OwnAddressShared,
    PeersBeyondCaps,
    WentOffline,
)
from kadisc.endpoints import Family, parse_endpoint
from kadisc.observe.clients import describe_client
from kadisc.observe.describe import NOTABLE, Notable, record_of, words_for
from kadisc.observe.shell_events import (
    BootstrapFailing,
    BootstrapWorking,
    ControlSocketMissing,
    ControlSocketRemade,
    HostUnresolved,
    NetworkChanged,
    NoContactsLeft,
    NothingToJoin,
    ShellEvent,
    StateDamaged,
    StateFolderRemade,
    StateKeptBack,
    StateSaved,
    StateSetAside,
    StateUnsaved,
)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (None, None),
        (b"", None),
        (b"KD\x00\x01", "KD 0.1"),
        (b"LT\x02\x11", "LT 2.1.1"),
        (b"LT\x02\x09", "LT 2.0.9"),
        (b"LT\x01\x2c", "LT 1.2.12"),
        (b"LT\x01\x01", "LT 1.1"),
        (b"UT\xb3\xd6", "UT 46038"),
        (b"A2\x00\x03", "A2 0.3"),
        (b"XX\x02\x01", "XX 0x0201"),
        (b"LT", "LT"),
        (b"LT1234567", "LT 0x31323334353637"),
        (b"\x00\x01\x02\x03", "0x00010203"),
        (b"A", "0x41"),
        (b"\xe4\xf6\x00\x01", "0xe4f60001"),
        (b"\x1b[31mred", "0x1b5b33316d726564"),
        (b"XX" + b"y" * 500, "XX 0x" + "79" * 14),
    ],
)
def test_the_text_for_a_client(version: bytes | None, words: str | None) -> None:
    assert describe_client(version) == words


EVENTS: list[Notable] = [
    AddressChanged(Family.IPV4, bytes(4), 6881, 7, 12),
    CameOnline(Family.IPV4),
    Joined(Family.IPV6, 1),
    WentOffline(Family.IPV4),
    BootstrapFailing(Family.IPV4, "none answers"),
    BootstrapWorking(Family.IPV4),
    HostUnresolved("x:1", "the name x cannot be resolved"),
    NetworkChanged(3600.0),
    NoContactsLeft(Family.IPV6),
    NothingToJoin(),
    OwnAddressShared(parse_endpoint("45.2.3.4:1"), parse_endpoint("45.2.3.4:2")),
    PeersBeyondCaps(bytes(3), 5, 4, 1),
    StateUnsaved("no space left"),
    StateSaved(),
    StateFolderRemade("folder"),
    ControlSocketRemade("control.sock"),
    ControlSocketMissing("it is not a socket"),
    StateSetAside("state", "state.damaged-1", "it is empty"),
    StateKeptBack(2, False),
    StateKeptBack(3, True),
    StateDamaged("state", "3 entries left out"),
]


@pytest.mark.parametrize("event", EVENTS)
def test_every_notable_event_has_a_text_and_a_record(event: Notable) -> None:
    name, words = words_for(event)
    assert name
    assert "\n" not in words
    assert json.loads(json.dumps(record_of(event)))["event"]


def test_the_list_has_all_notable_events() -> None:
    assert {type(event) for event in EVENTS} == set(NOTABLE) == set(get_args(Notable))
    assert set(get_args(ShellEvent)) <= set(NOTABLE)
