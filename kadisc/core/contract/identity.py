"""The identity of a node: an Ed25519 key pair (RFC 8032), and what is signed with it. The node ID
follows from the key and the address of the node.

The library is PyNaCl because libsodium refuses keys of small order: with such a key one signature
is valid for every message.
"""

from __future__ import annotations

from random import Random
from typing import Final

from nacl.exceptions import BadSignatureError, CryptoError
from nacl.signing import SigningKey, VerifyKey

from ...wire.items import Item

SEED_BYTES: Final = 32
"""Bytes of the secret seed that a key pair is made from."""


class Identity:
    """A key pair. ``seed`` is the secret: it is all that is needed to act as this node."""

    __slots__ = ("_signing_key", "public_key")

    def __init__(self, seed: bytes) -> None:
        """From 32 bytes; raises ValueError for any other number."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a secret seed has {SEED_BYTES} bytes, not {len(seed)}")
        self._signing_key = SigningKey(seed)
        self.public_key = bytes(self._signing_key.verify_key)

    @classmethod
    def new(cls, rng: Random) -> Identity:
        return cls(rng.randbytes(SEED_BYTES))

    @property
    def seed(self) -> bytes:
        return bytes(self._signing_key)

    def sign(self, message: bytes) -> bytes:
        return self._signing_key.sign(message).signature

    def __repr__(self) -> str:
        return f"Identity({self.public_key.hex()})"  # never the seed


def is_signed_by(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is valid; False also for malformed keys and signatures."""
    try:
        VerifyKey(public_key).verify(message, signature)
    except (BadSignatureError, CryptoError, ValueError):
        return False
    return True


def verify_item(item: Item) -> bool:
    """Whether the owner of its key signed a mutable item (BEP 44), which takes 50 to 100 us. An
    immutable item is proved by its target, so the answer is True.
    """
    return item.key is None or is_signed_by(item.key, item.signed, item.signature)


def signed_item(identity: Identity, value: bytes, sequence: int, salt: bytes = b"") -> Item:
    """A version of the mutable item of this key and salt. ``value``: canonical bencode."""
    unsigned = Item(value, identity.public_key, salt, sequence)
    return Item(value, identity.public_key, salt, sequence, identity.sign(unsigned.signed))
