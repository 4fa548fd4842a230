"""Services that are asked for, as text and as JSON."""

from __future__ import annotations

import pytest

from kadisc.core.contract.service_filter import ServiceFilter
from kadisc.errors import UsageError
from kadisc.observe.services import parse_where, where_document, where_from

TEXTS = ["fork=0xabcd", "eth=30303", "chain=main net=1", "les"]
WANTED: dict[str, int | bytes | None] = {
    "fork": b"\xab\xcd",
    "eth": 30303,
    "chain": b"main net=1",
    "les": None,
}


def test_numbers_bytes_texts_and_any_value() -> None:
    assert parse_where(TEXTS) == WANTED
    assert where_from(where_document(WANTED)) == WANTED
    assert where_from({"chain": "main net=1", "eth": "30303"}) == {
        "chain": b"main net=1",
        "eth": 30303,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected NAME or NAME=VALUE"),
        ("=1", "expected NAME or NAME=VALUE"),
        ("fo-rk=1", "letters and digits"),
        ("n" * 17, "1 to 16"),
        ("fork=0xabc", "whole bytes in hex"),
        ("fork=0x", "bytes, not 0"),
        ("eth=0", "a port from 1 to 65535"),
        ("eth=65536", "a port from 1 to 65535"),
        ("eth=", "bytes, not 0"),
        ("chain=" + "x" * 65, "bytes, not 65"),
    ],
)
def test_what_no_service_can_be_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_where([text])
    assert words in str(raised.value)


def test_a_name_counts_once() -> None:
    with pytest.raises(UsageError, match="the service eth is given twice"):
        parse_where(["eth=1", "eth"])


def test_a_filter_wants_every_service() -> None:
    services = {"fork": b"\xab\xcd", "eth": 30303, "les": 7}
    assert ServiceFilter({}).fits({})
    assert ServiceFilter({"les": None, "fork": b"\xab\xcd"}).fits(services)
    assert not ServiceFilter({"les": None, "fork": b"\xab"}).fits(services)
    assert not ServiceFilter({"eth": b"30303"}).fits(services)
    assert not ServiceFilter({"shh": None}).fits(services)
