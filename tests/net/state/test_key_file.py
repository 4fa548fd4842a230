"""The secret of a key in PEM, as this and other programs write it, and what is no such file."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadisc.core.contract.identity import Identity
from kadisc.endpoints import Family
from kadisc.errors import UsageError
from kadisc.net.state.identity_file import KeptIdentity, encode_identity
from kadisc.net.state.key_file import MAX_KEY_FILE_BYTES, decode_key, encode_key

SEED = bytes(range(32))
# RFC 8410, section 10.3: the private key of the example, and the public key that belongs to it.
RFC_8410 = """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
"""
RFC_8410_PUBLIC = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"


def public_key(text: str) -> str:
    seed = decode_key(text.encode()).seed
    assert seed is not None
    return Identity(seed).public_key.hex()


@given(st.binary(min_size=32, max_size=32))
def test_what_is_written_is_read(seed: bytes) -> None:
    assert decode_key(encode_key(seed).encode()) == KeptIdentity(seed)


def test_the_example_of_the_standard() -> None:
    assert public_key(RFC_8410) == RFC_8410_PUBLIC
    seed = decode_key(RFC_8410.encode()).seed
    assert seed is not None
    assert encode_key(seed) == RFC_8410


def test_a_file_with_other_line_ends_and_text_around() -> None:
    assert public_key("a note\n" + RFC_8410.replace("\n", "\r\n") + "more\n") == RFC_8410_PUBLIC


def test_a_copy_of_the_identity_brings_addresses_and_sequences() -> None:
    kept = KeptIdentity(SEED, {Family.IPV4: b"\x2d\x01\x02\x03"}, {"mychain": 17})
    assert decode_key(encode_identity(kept)) == kept


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is no key: PEM is expected"),
        ("hello", "it is no key: PEM is expected"),
        ("ab" * 32, "64 hex digits may be a public key, which is no secret"),
        (f"0x{'AB' * 32}\n", "64 hex digits may be a public key, which is no secret"),
        (RFC_8410.partition("-----END")[0], "its end is missing"),
        (RFC_8410 * 2, "it has 2 keys, and one is expected"),
        (RFC_8410.replace("PRIVATE", "PUBLIC"), "it is a public key, without the secret"),
        (RFC_8410.replace("PRIVATE", "OPENSSH PRIVATE"), "it is in the format of OpenSSH"),
        (RFC_8410.replace("PRIVATE", "ENCRYPTED PRIVATE"), "it is encrypted: openssl pkey"),
        (RFC_8410.replace("PRIVATE", "EC PRIVATE"), "it is a ec private key"),
        (RFC_8410.replace("MC4C", "MC4="), "what stands between"),
        (RFC_8410.replace("MC4C", "MC4D"), "it is no Ed25519 key"),
        (RFC_8410.replace("VhC\n", "Vg=\n"), "it is no Ed25519 key"),
        ('abc {"kadisc-identity": 1}', "it is a file identity of kadisc, but no line of it"),
        ("x" * (MAX_KEY_FILE_BYTES + 1), "a key has at most 64 KiB"),
        ("Zürich", "it is no text"),
    ],
)
def test_what_is_no_key_is_named(text: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        decode_key(text.encode("latin-1"))
    assert str(error.value).startswith(words)


def test_an_identity_without_a_key() -> None:
    with pytest.raises(UsageError, match="without a key"):
        decode_key(encode_identity(KeptIdentity()))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_key_or_one_error(content: bytes) -> None:
    for each in (
        content,
        b"-----BEGIN PRIVATE KEY-----\n" + content + b"-----END PRIVATE KEY-----",
    ):
        try:
            decode_key(each)
        except UsageError:
            continue


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")
def test_openssl_reads_and_writes_the_same_files() -> None:
    def openssl(*words: str, text: str = "") -> bytes:
        done = subprocess.run(
            ["openssl", *words], input=text.encode(), capture_output=True, timeout=60, check=True
        )
        return done.stdout

    theirs = openssl("genpkey", "-algorithm", "ed25519").decode()
    der = openssl("pkey", "-pubout", "-outform", "DER", text=theirs)
    assert der[-32:].hex() == public_key(theirs)
    der = openssl("pkey", "-pubout", "-outform", "DER", text=encode_key(SEED))
    assert der[-32:] == Identity(SEED).public_key
    encrypted = openssl("pkey", "-aes256", "-passout", "pass:secret", text=theirs)
    with pytest.raises(UsageError, match="it is encrypted"):
        decode_key(encrypted)
