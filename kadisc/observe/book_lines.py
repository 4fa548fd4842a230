"""The address book as JSON lines: a head line, then one line for each peer. This module converts
text; it does not read or write files.

::

    {"kadisc-book": 1, "network": "testnet"}
    {"endpoint": "1.2.3.4:6881", "source": "5.6.7.8:6881", "table": "tried", "key": "<64 hex>",
     "id": "<40 hex>", "record": "<hex>", "sequence": 7,
     "services": {"eth": 30303, "fork": "0xabcd"}, "first_seen_s_ago": 90.0,
     "heard_s_ago": 60.0, "verified_s_ago": 30.0, ...}

``heard_s_ago`` and ``heard_times``: the last report of the peer, and the number of reports.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..core.contract.saved_state import SavedBook, SavedPeer
from ..core.contract.verified_peer import VerifiedPeer
from ..endpoints import Endpoint, format_endpoint, parse_endpoint
from ..errors import UsageError
from ..ids import format_id, parse_id
from ..service_values import ServiceAddress, ServiceValue
from .services import services_document

VERSION = 1
MAX_LINES = 100_000
"""The maximum number of lines that are read: 20 full books."""
MAX_LINE_CHARS = 8192
"""The maximum length of a line that is read."""

_KEYS = {
    "endpoint": str,
    "source": str,
    "table": str,
    "first_seen_s_ago": float,
    "heard_s_ago": float,
    "heard_times": int,
    "failures": int,
    "rtt_s": float,
    "first_verified_s_ago": float,
    "verified_s_ago": float,
    "key": str,
    "id": str,
    "record": str,
    "sequence": int,
    "services": dict,
}
_ALWAYS = ("endpoint", "source", "table", "first_seen_s_ago", "heard_s_ago")
_OF_VERIFIED = ("first_verified_s_ago", "verified_s_ago", "key", "id", "sequence")
_WORDS = {
    str: "a text",
    int: "a whole number of at least 0",
    float: "a number of at least 0",
    dict: "an object",
}


def format_book(book: SavedBook, network: str) -> Iterator[str]:
    """The lines, without line ends."""
    yield json.dumps({"kadisc-book": VERSION, "network": network})
    for saved in book.peers:
        yield format_peer(saved)


def parse_book(lines: Iterable[str], network: str) -> SavedBook:
    """Reads what `format_book` or a person wrote, without empty lines. Raises UsageError, which
    names the line and the error in it.
    """
    peers: list[SavedPeer] = []
    has_head = False
    for number, line in enumerate(lines, start=1):
        try:
            if number > MAX_LINES:
                raise ValueError(f"a book has at most {MAX_LINES} lines")
            if not line.strip():
                continue
            document = _document(line)
            if has_head:
                peers.append(_peer_of(document))
            else:
                _check_head(document, network)
                has_head = True
        except ValueError as error:
            raise UsageError(f"line {number}: {error}") from None
    if not has_head:
        raise UsageError(
            'line 1: expected the head of an address book, {"kadisc-book": 1, "network": ...}'
        )
    return SavedBook(tuple(peers))


def format_peer(saved: SavedPeer) -> str:
    """The line of one peer."""
    return json.dumps(_fields_of(saved))


def parse_peer(line: str) -> SavedPeer:
    """The peer of one line. Raises ValueError, whose text names the error in the line."""
    return _peer_of(_document(line))


# --- writing --------------------------------------------------------------------------------------


def _fields_of(saved: SavedPeer) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "endpoint": format_endpoint(saved.endpoint),
        "source": saved.source if isinstance(saved.source, str) else format_endpoint(saved.source),
        "table": "tried" if saved.tried else "new",
        "first_seen_s_ago": saved.first_seen_s_ago,
        "heard_s_ago": saved.reported_s_ago,
        "heard_times": saved.times_reported,
        "failures": saved.failures,
        "rtt_s": saved.rtt_s,
        "first_verified_s_ago": saved.first_verified_s_ago,
        "verified_s_ago": saved.verified_s_ago,
    }
    peer = saved.peer
    if peer is not None:
        fields |= {
            "key": peer.key.hex(),
            "id": format_id(peer.node_id),
            "record": peer.record.hex() if peer.record is not None else None,
            "sequence": peer.sequence,
            "services": services_document(peer.services),
        }
    return {name: value for name, value in fields.items() if value is not None}


# --- reading --------------------------------------------------------------------------------------


def _document(line: str) -> Mapping[str, Any]:
    if len(line) > MAX_LINE_CHARS:
        raise ValueError(f"a line has at most {MAX_LINE_CHARS} characters, not {len(line)}")
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(document, dict):
        raise ValueError("expected an object in braces")
    return document


def _check_head(document: Mapping[str, Any], network: str) -> None:
    version = document.get("kadisc-book")
    if version is None:
        raise ValueError('expected the head of an address book, {"kadisc-book": 1, "network": ...}')
    if version != VERSION:
        raise ValueError(
            f"an address book of version {version!r}; this program knows version {VERSION}"
        )
    if document.get("network") != network:
        raise ValueError(
            f"an address book of the network {document.get('network')!r}, not of {network!r}"
        )


def _peer_of(document: Mapping[str, Any]) -> SavedPeer:
    for name, value in document.items():
        if name not in _KEYS:
            raise ValueError(f"unknown key {name!r}")
        if not _is_of(value, _KEYS[name]):
            raise ValueError(f"{name}: expected {_WORDS[_KEYS[name]]}, not {_shown(value)}")
    verified = "verified_s_ago" in document
    _require(document, _ALWAYS, "")
    if document["table"] not in ("new", "tried"):
        raise ValueError(f"table: expected new or tried, not {_shown(document['table'])}")
    if document["table"] == "tried" or any(name in document for name in _OF_VERIFIED):
        _require(document, _OF_VERIFIED, " of a verified peer")
    endpoint = _read("endpoint", document, parse_endpoint)
    return SavedPeer(
        endpoint=endpoint,
        source=_source_of(document["source"]),
        tried=document["table"] == "tried",
        first_seen_s_ago=float(document["first_seen_s_ago"]),
        reported_s_ago=float(document["heard_s_ago"]),
        times_reported=document.get("heard_times", 1),
        failures=document.get("failures", 0),
        peer=_verified_peer_of(document, endpoint) if verified else None,
        first_verified_s_ago=float(document["first_verified_s_ago"]) if verified else None,
        verified_s_ago=float(document["verified_s_ago"]) if verified else None,
        rtt_s=float(document["rtt_s"]) if "rtt_s" in document else None,
    )


def _verified_peer_of(document: Mapping[str, Any], endpoint: Endpoint) -> VerifiedPeer:
    key = _read("key", document, bytes.fromhex)
    if len(key) != 32:
        raise ValueError(f"key: expected 64 hex digits, not {_shown(document['key'])}")
    return VerifiedPeer(
        key=key,
        endpoint=endpoint,
        node_id=_read("id", document, parse_id),
        record=_read("record", document, bytes.fromhex) if "record" in document else None,
        sequence=document["sequence"],
        services={
            name: _service_of(name, value) for name, value in document.get("services", {}).items()
        },
    )


def _service_of(name: str, value: Any) -> ServiceValue:
    if _is_of(value, int):
        return int(value)
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    if isinstance(value, str) and ":" in value:
        return ServiceAddress.parse(value)
    raise ValueError(f"services: {name}: expected a port, HOST:PORT or 0xHEX, not {_shown(value)}")


def _source_of(text: str) -> Endpoint | str:
    try:
        return parse_endpoint(text)
    except ValueError:
        if not 0 < len(text) <= 64 or not text.isprintable():
            raise ValueError(f"source: expected HOST:PORT or a word, not {_shown(text)}") from None
        return text


def _require(document: Mapping[str, Any], names: Iterable[str], where: str) -> None:
    for name in names:
        if name not in document:
            raise ValueError(f"the key {name}{where} is missing")


def _read(name: str, document: Mapping[str, Any], reader: Any) -> Any:
    try:
        return reader(document[name])
    except ValueError:
        raise ValueError(f"{name}: cannot be read: {_shown(document[name])}") from None


def _is_of(value: Any, kind: type) -> bool:
    if kind in (int, float):
        # A bool is an int in Python, and not in JSON.
        kinds = (int,) if kind is int else (int, float)
        return (
            isinstance(value, kinds)
            and not isinstance(value, bool)
            and 0 <= value < 1 << 63
            and math.isfinite(value)
        )
    return isinstance(value, kind)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
