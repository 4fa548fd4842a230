"""The version message: round trips in chunks of any size, and any bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kadisc.endpoints import Endpoint
from kadisc.feed.bitcoin_version import (
    NotBitcoin,
    OtherMagic,
    RemoteVersion,
    VersionReader,
    decode_version,
    message,
    version_message,
)

MAGIC = bytes.fromhex("fbc0b6db")
AGENTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=250)
ENDPOINTS = st.one_of(st.binary(min_size=6, max_size=6), st.binary(min_size=18, max_size=18))


def feed(data: bytes, cuts: list[int]) -> RemoteVersion | None:
    """In chunks; what comes after the message is not read."""
    reader, start = VersionReader(MAGIC), 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        if cut > start:
            told = reader.feed(data[start:cut])
            if told is not None:
                return told
        start = cut
    return None


@given(
    AGENTS,
    st.integers(0, (1 << 64) - 1),
    st.integers(0, 1 << 62),
    ENDPOINTS,
    st.lists(st.integers(0, 2000), max_size=6),
)
def test_a_message_in_any_chunks_is_read_as_it_was_written(
    agent: str, nonce: int, time_s: int, to: bytes, cuts: list[int]
) -> None:
    sent = version_message(MAGIC, agent, nonce, time_s, Endpoint(to))
    assert feed(sent, cuts) == RemoteVersion(70015, 0, time_s, nonce, agent, 0)


@given(st.binary(max_size=1500), st.lists(st.integers(0, 2000), max_size=6))
def test_any_bytes_are_a_version_or_an_error_in_words(data: bytes, cuts: list[int]) -> None:
    for start in (b"", MAGIC, MAGIC + b"version\0\0\0\0\0"):
        try:
            feed(start + data, cuts)
        except (NotBitcoin, OtherMagic) as error:
            assert 0 < len(str(error)) < 100
            assert str(error).isprintable()


@given(st.binary(max_size=600))
def test_any_payload_with_a_right_checksum_is_read_or_refused(payload: bytes) -> None:
    for data in (payload, bytes(80) + payload):
        try:
            told = decode_version(data)
        except NotBitcoin:
            told = None
        try:
            assert feed(message(MAGIC, b"version", data), []) == told
        except NotBitcoin:
            assert told is None


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_the_chunks_do_not_decide(data: bytes, cuts: list[int]) -> None:
    """What is refused as a whole is refused in chunks too, in whatever words."""

    def outcome(chunks: list[int]) -> str:
        try:
            return str(feed(MAGIC[:2] + data, chunks))
        except NotBitcoin:
            return "not"
        except OtherMagic:
            return "other"

    assert outcome(cuts) == outcome([])
