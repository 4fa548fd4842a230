"""``kadisc peers --format``: the fields, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from kadisc.cli.peer_format import PeerFormat
from kadisc.errors import UsageError

PEER: dict[str, Any] = {
    "key": "ab" * 32,
    "endpoint": "[fd12:3456::2]:7001",
    "host": "fd12:3456::2",
    "port": 7001,
    "services": {"p2p": 9333, "fork": "0xabcd"},
}


@pytest.mark.parametrize(
    ("text", "service", "line"),
    [
        ("addnode={address}", "p2p", "addnode=[fd12:3456::2]:9333"),
        ("{host} {port}", "p2p", "fd12:3456::2 9333"),
        ("{address} {host} {port}", None, "[fd12:3456::2]:7001 fd12:3456::2 7001"),
        ("{{{key}}}\n", None, "{" + "ab" * 32 + "}\n"),
        ("{fork}/{p2p}", "p2p", "0xabcd/9333"),
        ("no field", None, "no field"),
        # A service that is no port has no address, but it has a value.
        ("{address}", "fork", None),
        ("{port}", "fork", None),
        ("{fork}", "fork", "0xabcd"),
    ],
)
def test_a_line(text: str, service: str | None, line: str | None) -> None:
    assert PeerFormat(text, service, ("p2p", "fork"), is_member=True).line(PEER) == line


def test_a_service_at_another_host_has_its_address() -> None:
    place = "[fd12:3456::9]:9333"
    peer = PEER | {"services": {"p2p": place}, "addresses": {"p2p": place}}
    form = PeerFormat("{address} {host} {port} {p2p}", "p2p", ("p2p",), is_member=True)
    assert form.line(peer) == f"{place} fd12:3456::9 9333 {place}"


def test_a_peer_of_an_info_hash_has_an_address_alone() -> None:
    peer = {"endpoint": "192.0.2.1:5", "host": "192.0.2.1", "port": 5}
    form = PeerFormat("{address} {host} {port}", None, (), is_member=False)
    assert form.line(peer) == "192.0.2.1:5 192.0.2.1 5"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "{adress}",
            "there is no field {adress}; did you mean {address}? the fields are {host}, {port}, "
            "{address}, {key}",
        ),
        ("{Host}", "did you mean {host}?"),
        ("{p2}", "did you mean {p2p}?"),
        ("{xyzw}", "--where xyzw asks for it"),
        ("{}", "there is no field {}"),
        ("{0}", "there is no field {0}"),
        ("{host.__class__}", "there is no field {host.__class__}"),
        ("{key[0]}", "there is no field {key[0]}"),
        ("{host!r}", "braces hold the name of a field alone"),
        ("{port:>9999999999}", "braces hold the name of a field alone"),
        ("{host", "expected '}'"),
        ("host}", "Single '}'"),
    ],
)
def test_other_fields_are_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        PeerFormat(text, None, ("p2p", "fork"), is_member=True)
    assert words in str(raised.value)


def test_an_info_hash_has_no_keys() -> None:
    with pytest.raises(UsageError, match=r"there is no field \{key\}"):
        PeerFormat("{key}", None, (), is_member=False)
