"""The address book as text: export, import, and one line for each error, with its position."""

from __future__ import annotations

import json

import pytest

from kadisc.core.contract.saved_state import SavedBook, SavedPeer
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.errors import UsageError
from kadisc.observe.book_lines import MAX_LINES, format_book, parse_book
from tests.support.world import address

HEAD = '{"kadisc-book": 1, "network": "testnet"}'
REPORTED = {
    "endpoint": "1.2.3.4:5",
    "source": "dns",
    "table": "new",
    "first_seen_s_ago": 9,
    "heard_s_ago": 1.5,
}
VERIFIED = REPORTED | {
    "table": "tried",
    "first_verified_s_ago": 5,
    "verified_s_ago": 2,
    "key": "ab" * 32,
    "id": "cd" * 20,
    "sequence": 7,
    "record": "00ff",
    "services": {"eth": 30303, "fork": "0xabcd"},
    "rtt_s": 0.25,
}
PEER = VerifiedPeer(b"\xab" * 32, address(1), 5, None, 3, {"fork": b"\xab\xcd", "eth": 30303})
BOOK = SavedBook(
    (
        SavedPeer(address(1), address(2), True, 9.5, 3.0, 4, 1, PEER, 8.0, 2.0, 0.1),
        SavedPeer(address(3), "dns", False, 1.0, 0.5),
    )
)


def parsed(*lines: object) -> SavedBook:
    return parse_book(
        [HEAD, *(line if isinstance(line, str) else json.dumps(line) for line in lines)], "testnet"
    )


def test_a_written_book_is_read_back() -> None:
    lines = list(format_book(BOOK, "testnet"))
    assert lines[0] == HEAD
    assert len(lines) == 3
    assert not any("\n" in line for line in lines)
    assert parse_book(lines, "testnet") == BOOK
    assert parse_book([f"{line}\n" for line in ("", *lines, " ")], "testnet") == BOOK, (
        "with line ends and empty lines"
    )


def test_a_line_of_a_person_needs_few_keys() -> None:
    [peer] = parsed(REPORTED).peers
    assert (peer.source, peer.reported_s_ago, peer.times_reported, peer.peer) == (
        "dns",
        1.5,
        1,
        None,
    )
    [peer] = parsed(VERIFIED).peers
    assert peer.peer is not None
    assert (peer.peer.record, peer.peer.services, peer.rtt_s, peer.tried) == (
        b"\0\xff",
        {"eth": 30303, "fork": b"\xab\xcd"},
        0.25,
        True,
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "not JSON"),
        ("[" * 5000, "not JSON"),
        ("[]", "expected an object in braces"),
        ("x" * 9000, "a line has at most 8192 characters, not 9000"),
        (REPORTED | {"endpont": 1}, "unknown key 'endpont'"),
        (REPORTED | {"endpoint": 1}, "endpoint: expected a text, not 1"),
        (REPORTED | {"endpoint": "example.org:1"}, 'endpoint: cannot be read: "example.org:1"'),
        (REPORTED | {"endpoint": "1.2.3.4:0"}, 'endpoint: cannot be read: "1.2.3.4:0"'),
        (REPORTED | {"source": ""}, 'source: expected HOST:PORT or a word, not ""'),
        (REPORTED | {"source": "x\n"}, 'source: expected HOST:PORT or a word, not "x\\n"'),
        (REPORTED | {"table": "old"}, 'table: expected new or tried, not "old"'),
        (REPORTED | {"heard_s_ago": -1}, "heard_s_ago: expected a number of at least 0, not -1"),
        (
            REPORTED | {"heard_s_ago": float("nan")},
            "heard_s_ago: expected a number of at least 0, not NaN",
        ),
        (
            REPORTED | {"heard_s_ago": True},
            "heard_s_ago: expected a number of at least 0, not true",
        ),
        (
            REPORTED | {"heard_s_ago": None},
            "heard_s_ago: expected a number of at least 0, not null",
        ),
        (REPORTED | {"failures": 1.5}, "failures: expected a whole number of at least 0, not 1.5"),
        (
            REPORTED | {"table": "tried"},
            "the key first_verified_s_ago of a verified peer is missing",
        ),
        (
            REPORTED | {"verified_s_ago": 1},
            "the key first_verified_s_ago of a verified peer is missing",
        ),
        ({"endpoint": "1.2.3.4:5"}, "the key source is missing"),
        (VERIFIED | {"key": "xy"}, 'key: cannot be read: "xy"'),
        (VERIFIED | {"key": "abcd"}, 'key: expected 64 hex digits, not "abcd"'),
        (VERIFIED | {"id": "12"}, 'id: cannot be read: "12"'),
        (
            VERIFIED | {"sequence": 1 << 63},
            "sequence: expected a whole number of at least 0, not 9223372036854775808",
        ),
        (VERIFIED | {"record": "0"}, 'record: cannot be read: "0"'),
        (VERIFIED | {"services": []}, "services: expected an object, not []"),
        (
            VERIFIED | {"services": {"eth": "30303"}},
            'services: eth: expected a port, HOST:PORT or 0xHEX, not "30303"',
        ),
        (
            VERIFIED | {"services": {"eth": "0xg"}},
            'services: eth: expected a port, HOST:PORT or 0xHEX, not "0xg"',
        ),
        (
            VERIFIED | {"services": {"eth": -1}},
            "services: eth: expected a port, HOST:PORT or 0xHEX, not -1",
        ),
    ],
)
def test_an_error_names_its_line(line: object, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed(REPORTED, line)
    assert str(caught.value) == f"line 3: {complaint}"


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], 'line 1: expected the head of an address book, {"kadisc-book": 1, "network": ...}'),
        (
            [json.dumps(REPORTED)],
            'line 1: expected the head of an address book, {"kadisc-book": 1, "network": ...}',
        ),
        (
            ['{"kadisc-book": 2}'],
            "line 1: an address book of version 2; this program knows version 1",
        ),
        (
            ['{"kadisc-book": 1, "network": "other"}'],
            "line 1: an address book of the network 'other', not of 'testnet'",
        ),
        ([HEAD, *[""] * MAX_LINES], f"line {MAX_LINES + 1}: a book has at most {MAX_LINES} lines"),
    ],
)
def test_a_file_that_is_none_or_of_another_network_is_refused(
    lines: list[str], complaint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_book(lines, "testnet")
    assert str(caught.value) == complaint
