"""Who we are: an Ed25519 key pair (RFC 8032). Where we are, the node ID, follows from it and from
our address.

PyNaCl and not another library, because libsodium refuses keys of small order: with one of those,
one signature is valid for every message.
"""

from __future__ import annotations

from random import Random
from typing import Final

from nacl.exceptions import BadSignatureError, CryptoError
from nacl.signing import SigningKey, VerifyKey

SEED_BYTES: Final = 32


class Identity:
    """``seed`` is the secret; whoever has it is us."""

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
    """Whether the signature is valid; False also for keys and signatures that are none."""
    try:
        VerifyKey(public_key).verify(message, signature)
    except (BadSignatureError, CryptoError, ValueError):
        return False
    return True
