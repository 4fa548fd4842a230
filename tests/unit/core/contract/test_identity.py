"""Key pairs: signatures, and keys that are refused."""

from __future__ import annotations

import random

import pytest

from kadisc.core.contract.identity import Identity, is_signed_by

SMALL_ORDER = (
    bytes(32),
    b"\1" + bytes(31),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
)


def test_a_signature_is_valid_for_its_key_and_message_alone() -> None:
    signer, other = Identity.new(random.Random(1)), Identity.new(random.Random(2))
    signature = signer.sign(b"a message")
    assert is_signed_by(signer.public_key, b"a message", signature)
    assert not is_signed_by(signer.public_key, b"another message", signature)
    assert not is_signed_by(other.public_key, b"a message", signature)


def test_the_seed_makes_the_identity_and_is_never_shown() -> None:
    signer = Identity.new(random.Random(1))
    assert Identity(signer.seed).public_key == signer.public_key
    assert signer.seed.hex() not in repr(signer)
    assert signer.public_key.hex() in repr(signer)


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_has_32_bytes(seed: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Identity(seed)


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_signatures_with_keys_of_small_order_are_invalid(key: bytes) -> None:
    """With such a key the signature R = identity, S = 0 would be valid for every message
    (cryptography accepts it).
    """
    assert not is_signed_by(key, b"anything", b"\1" + bytes(63))
    assert not is_signed_by(key, b"anything", key + bytes(32))


@pytest.mark.parametrize(
    ("key", "signature"),
    [(b"", bytes(64)), (bytes(32), b""), (b"x" * 33, bytes(64)), (b"\xff" * 32, bytes(65))],
)
def test_malformed_keys_and_signatures_are_invalid_without_an_error(
    key: bytes, signature: bytes
) -> None:
    assert not is_signed_by(key, b"anything", signature)
