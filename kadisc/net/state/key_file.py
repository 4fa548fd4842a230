"""The secret of a node's key in a file of its own: PKCS #8 in PEM (RFC 8410), as other programs
read and write Ed25519 keys.

64 hex digits are not taken: a public key looks the same, and whoever imports that by mistake has
a node whose secret everybody knows.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from ...core.contract.identity import SEED_BYTES
from ...errors import UsageError
from .damage import DamagedState, NewerState
from .identity_file import KeptIdentity, decode_identity

MAX_KEY_FILE_BYTES: Final = 64 << 10
_LABEL: Final = "PRIVATE KEY"
_DER_PREFIX: Final = bytes.fromhex("302e020100300506032b657004220420")
"""PrivateKeyInfo, version 0, the algorithm 1.3.101.112 (Ed25519), and an octet string of 32 bytes
in an octet string.
"""
_BLOCK: Final = re.compile(
    r"-----BEGIN ([A-Z0-9 ]+)-----\s*([A-Za-z0-9+/=\s]*)-----END \1-----", re.ASCII
)
_OTHER_LABELS: Final = {
    "ENCRYPTED PRIVATE KEY": "it is encrypted: openssl pkey -in FILE writes it without a password",
    "OPENSSH PRIVATE KEY": "it is in the format of OpenSSH",
    "PUBLIC KEY": "it is a public key, without the secret",
}
_HEX_KEY: Final = re.compile(r"\s*(0x)?[0-9a-fA-F]{64}\s*")


def encode_key(seed: bytes) -> str:
    """The text of the file: three lines."""
    body = base64.b64encode(_DER_PREFIX + seed).decode("ascii")
    return f"-----BEGIN {_LABEL}-----\n{body}\n-----END {_LABEL}-----\n"


def decode_key(content: bytes) -> KeptIdentity:
    """The key in a file, either as `encode_key` writes it or in a copy of the file ``identity``,
    which has the node's addresses and sequences too. Raises UsageError that says what else it is.
    """
    if len(content) > MAX_KEY_FILE_BYTES:
        raise UsageError(f"a key has at most {MAX_KEY_FILE_BYTES >> 10} KiB, and this is longer")
    if b'"kadisc-identity"' in content:
        return _from_identity(content)
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        raise UsageError("it is no text: a key in PEM is expected") from None
    blocks = _BLOCK.findall(text)
    if not blocks:
        raise UsageError(_no_block(text))
    if len(blocks) > 1:
        raise UsageError(f"it has {len(blocks)} keys, and one is expected")
    [(label, body)] = blocks
    if label != _LABEL:
        reason = _OTHER_LABELS.get(label, f"it is a {label.lower()}")
        raise UsageError(f"{reason}; an Ed25519 key in PEM (PKCS #8) is expected")
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UsageError("what stands between its first and last line is no base64") from None
    if not der.startswith(_DER_PREFIX) or len(der) != len(_DER_PREFIX) + SEED_BYTES:
        raise UsageError(
            "it is no Ed25519 key as kadisc key export and openssl genpkey -algorithm ed25519"
            " write it"
        )
    return KeptIdentity(der[len(_DER_PREFIX) :])


def _from_identity(content: bytes) -> KeptIdentity:
    try:
        kept = decode_identity(content)
    except (DamagedState, NewerState) as error:
        raise UsageError(f"it is a file identity of kadisc, but {error}") from None
    if kept.seed is None:
        raise UsageError("it is a file identity of kadisc without a key")
    return kept


def _no_block(text: str) -> str:
    if _HEX_KEY.fullmatch(text):
        return (
            "64 hex digits may be a public key, which is no secret: a key in PEM is expected, as"
            " kadisc key export writes it"
        )
    if "-----BEGIN" in text:
        return "its end is missing: a key in PEM has a last line with END"
    return "it is no key: PEM is expected, as kadisc key export writes it"
