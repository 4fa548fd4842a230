"""``identity``: what a node must not lose, in a small file of its own: the secret of its key, its
own addresses, and the last sequence of its record in each network.

::

    <16 hex digits> {"addresses": {"ipv4": "2d010203"}, "kadisc-identity": 1,
                     "seed": "<64 hex>", "sequences": {"mainline": 1795597328336}}

That line stands there twice, each time with the first digits of its SHA-256, so that no damage to
one of them loses the key; a third copy is in ``state.sqlite3``, which this file is never a part of.
It is written before ``state.sqlite3``, and only when something in it has changed: of the two, this
one is right about the key and the addresses, and the larger sequence counts.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from ...core.contract.identity import SEED_BYTES
from ...endpoints import Family
from .damage import DamagedState, NewerState

FILE_NAME = "identity"
VERSION = 1
MAX_SEQUENCE = 1 << 62
"""The bound of a record's sequence; as milliseconds since 1970 it lasts for 146 million years."""
ADDRESS_BYTES = {Family.IPV4: 4, Family.IPV6: 16}

_DIGITS = 16


@dataclass(slots=True)
class KeptIdentity:
    """``seed``: the secret of the key pair (32 bytes), None where there is none yet. ``addresses``:
    the node's own, 4 or 16 bytes, by family. ``sequences``: by name of the network.
    """

    seed: bytes | None = None
    addresses: dict[Family, bytes] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)


def encode_identity(kept: KeptIdentity) -> bytes:
    """The bytes of the file."""
    document = {
        "kadisc-identity": VERSION,
        "seed": kept.seed.hex() if kept.seed is not None else None,
        "addresses": {family.value: ip.hex() for family, ip in kept.addresses.items()},
        "sequences": kept.sequences,
    }
    text = json.dumps(document, sort_keys=True).encode("ascii")
    return 2 * (_digest(text) + b" " + text + b"\n")


def decode_identity(image: bytes) -> KeptIdentity:
    """Reads the bytes of the file. Raises DamagedState and NewerState, and nothing else."""
    for line in image.split(b"\n"):
        digest, _, text = line.partition(b" ")
        if text and digest == _digest(text):
            return _read(text)
    raise DamagedState("no line of it has the right checksum")


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:_DIGITS].encode("ascii")


def _read(text: bytes) -> KeptIdentity:
    try:
        document: dict[str, Any] = json.loads(text)
        if document["kadisc-identity"] > VERSION:
            raise NewerState("it was written by a later version of kadisc")
        seed = None if document["seed"] is None else bytes.fromhex(document["seed"])
        kept = KeptIdentity(
            seed,
            {Family(name): bytes.fromhex(ip) for name, ip in document["addresses"].items()},
            {str(name): int(sequence) for name, sequence in document["sequences"].items()},
        )
        # JSON has texts that no file of UTF-8 can hold: the state file could not be written.
        "".join(kept.sequences).encode("utf-8")
    except (ValueError, OverflowError, TypeError, KeyError, AttributeError, RecursionError):
        raise DamagedState("it is not what kadisc writes") from None
    if (
        (seed is not None and len(seed) != SEED_BYTES)
        or any(len(ip) != ADDRESS_BYTES[family] for family, ip in kept.addresses.items())
        or any(not 0 <= sequence < MAX_SEQUENCE for sequence in kept.sequences.values())
    ):
        raise DamagedState("it is not what kadisc writes")
    return kept
