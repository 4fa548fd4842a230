"""The version message: bytes of real nodes, and what is no such message."""

from __future__ import annotations

import struct

import pytest

from kadisc.endpoints import parse_endpoint
from kadisc.feed.bitcoin_version import (
    HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    NotBitcoin,
    OtherMagic,
    RemoteVersion,
    VersionReader,
    message,
    version_message,
)

LTC = bytes.fromhex("fbc0b6db")
BTC = bytes.fromhex("f9beb4d9")
TO = parse_endpoint("45.20.0.1:9333")
WIKI = bytes.fromhex(
    "f9beb4d976657273696f6e000000000064000000358d493262ea0000010000000000000011b2d05000000000"
    "010000000000000000000000000000000000ffff000000000000000000000000000000000000000000000000"
    "ffff0000000000003b2eb35d8ce617650f2f5361746f7368693a302e372e322fc03e0300"
)
"""The example of the Bitcoin wiki, of Bitcoin 0.7.2: https://en.bitcoin.it/wiki/Protocol_documentation"""


def payload(agent: bytes = b"/x/", height: int = 7, rest: bytes = b"\x01") -> bytes:
    size = bytes((len(agent),)) if len(agent) < 0xFD else b"\xfd" + len(agent).to_bytes(2, "little")
    fixed = struct.pack("<iQq26s26sQ", 70015, 9, 1_700_000_000, bytes(26), bytes(26), 5)
    return fixed + size + agent + height.to_bytes(4, "little") + rest


def read(data: bytes, magic: bytes = LTC) -> RemoteVersion | None:
    return VersionReader(magic).feed(data)


def test_the_message_of_another_implementation_is_read() -> None:
    assert read(WIKI, BTC) == RemoteVersion(
        60002, 1, 1355854353, 7284544412836900411, "/Satoshi:0.7.2/", 212672
    )


def test_the_own_message_is_one() -> None:
    sent = version_message(LTC, "/kadisc:0.1.0/", 77, 1_795_000_000, TO)
    assert read(sent) == RemoteVersion(70015, 0, 1_795_000_000, 77, "/kadisc:0.1.0/", 0)
    assert bytes.fromhex("ffff2d140001") + (9333).to_bytes(2, "big") in sent


def test_fields_of_other_chains_after_the_height_are_ignored() -> None:
    told = read(message(LTC, b"version", payload(rest=bytes(65))))
    assert told is not None
    assert (told.agent, told.height) == ("/x/", 7)


def test_an_agent_of_any_bytes_is_a_text() -> None:
    told = read(message(LTC, b"version", payload(b"\xff\x1b[2J")))
    assert told is not None
    assert told.agent == "\ufffd\x1b[2J"
    told = read(message(LTC, b"version", payload(b"a" * 256)))
    assert told is not None
    assert len(told.agent) == 256


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP server"),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "does not speak"),
        (b"220 mail ESMTP\r\n", "does not speak"),
        (bytes(24), "does not speak"),
        (LTC + b"verack".ljust(12, b"\0"), "no version message"),
        (message(LTC, b"version", b""), "only 0 bytes"),
        (message(LTC, b"version", payload(b"a" * 257)), "agent does not fit"),
        (message(LTC, b"version", payload()[:84]), "agent does not fit"),
        (message(LTC, b"version", payload())[:-1] + b"\0", "checksum"),
        (
            LTC + b"version\0\0\0\0\0" + (MAX_PAYLOAD_BYTES + 1).to_bytes(4, "little") + bytes(4),
            f"{MAX_PAYLOAD_BYTES + 1} bytes",
        ),
    ],
)
def test_what_is_no_version_message_is_told_in_words(data: bytes, words: str) -> None:
    with pytest.raises(NotBitcoin, match=words):
        read(data)


def test_another_magic_is_told_from_another_protocol() -> None:
    with pytest.raises(OtherMagic, match="f9beb4d9") as caught:
        read(WIKI)
    assert caught.value.magic == BTC


def test_the_first_sixteen_bytes_are_enough_to_tell() -> None:
    reader = VersionReader(LTC)
    assert reader.feed(WIKI[:15]) is None
    with pytest.raises(OtherMagic):
        reader.feed(WIKI[15:16])


def test_a_reader_keeps_one_message_at_most() -> None:
    reader = VersionReader(LTC)
    header = LTC + b"version\0\0\0\0\0" + MAX_PAYLOAD_BYTES.to_bytes(4, "little") + bytes(4)
    assert reader.feed(header) is None
    with pytest.raises(NotBitcoin, match="checksum"):
        reader.feed(bytes(1 << 20))
    assert HEADER_BYTES + MAX_PAYLOAD_BYTES < 1100


@pytest.mark.parametrize("magic", [b"", b"abc", b"abcde"])
def test_a_magic_has_four_bytes(magic: bytes) -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        version_message(magic, "/x/", 1, 1, TO)


@pytest.mark.parametrize("size", [1, 5, 9, 16, 200])
def test_a_magic_of_letters_is_another_chains_in_chunks_of_any_size(size: int) -> None:
    data = message(b"abcd", b"version", payload())
    reader = VersionReader(LTC)
    with pytest.raises(OtherMagic) as caught:
        for at in range(0, len(data), size):
            reader.feed(data[at : at + size])
    assert caught.value.magic == b"abcd"
