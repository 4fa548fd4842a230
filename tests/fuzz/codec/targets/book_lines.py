"""Lines of an exported address book, one by one and as a book, and what the node takes of them."""

from __future__ import annotations

import json

from kadisc.core.contract.saved_state import SavedBook
from kadisc.errors import UsageError
from kadisc.observe.book_lines import (
    MAX_LINE_CHARS,
    format_book,
    format_peer,
    parse_book,
    parse_peer,
)

from ..mutation import mutate_json_lines
from ..restored_core import NETWORK, core_for, run_idle
from ..target import Target, require

HEAD = json.dumps({"kadisc-book": 1, "network": NETWORK})


def check(data: bytes) -> None:
    lines = data.decode("utf-8", "surrogateescape").splitlines()
    peers = []
    for line in lines:
        try:
            peer = parse_peer(line)
        except ValueError:
            continue
        written = format_peer(peer)
        require(len(written) <= MAX_LINE_CHARS, "a line that was read is written too long to read")
        require(parse_peer(written) == peer, f"{peer} did not come back")
        written.encode("utf-8")
        peers.append(peer)
    for book in (lines, [HEAD, *lines]):
        try:
            parsed = parse_book(book, NETWORK)
        except UsageError as error:
            require(str(error).startswith("line "), f"no line is named: {error}")
        else:
            require(parse_book(format_book(parsed, NETWORK), NETWORK) == parsed, "the book changed")
    if peers:
        core = core_for()
        core.peer_network.import_book(SavedBook(tuple(peers)), 0.0)
        run_idle(core, [peer.endpoint for peer in peers])


def seeds() -> list[bytes]:
    reported = {
        "endpoint": "45.2.3.4:5",
        "source": "dns",
        "table": "new",
        "first_seen_s_ago": 9,
        "heard_s_ago": 1.5,
    }
    verified = reported | {
        "endpoint": "[2a00:1450::7]:6881",
        "source": "45.9.9.9:1",
        "table": "tried",
        "first_verified_s_ago": 5,
        "verified_s_ago": 2,
        "key": "ab" * 32,
        "id": "cd" * 20,
        "sequence": 7,
        "record": "00ff",
        "services": {"eth": 30303, "fork": "0xabcd"},
        "rtt_s": 0.25,
        "heard_times": 3,
        "failures": 1,
    }
    lines = [json.dumps(each) for each in (reported, verified)]
    return [line.encode() for line in lines] + ["\n".join([HEAD, *lines]).encode()]


BOOK_LINES = Target(
    "book-lines",
    "ValueError (a line) and UsageError (a book) alone are raised; a peer that was read is written "
    "as a line that reads the same; the node takes any of it, and saves it again",
    check,
    seeds,
    (b'"heard_times": 9223372036854775807', b'"sequence": 1e3', b'"services": {', b'"rtt_s": NaN'),
    mutate_json_lines,
    max_bytes=4096,
    intended_s=0.06,
    guided_by=("kadisc.observe", "kadisc.core.book", "kadisc.core.contract", "kadisc.endpoints"),
    quick_runs=150,
)
