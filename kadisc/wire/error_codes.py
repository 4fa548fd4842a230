"""The codes of KRPC errors, from BEP 5 and BEP 44."""

from __future__ import annotations

from typing import Final

GENERIC: Final = 201
SERVER: Final = 202
PROTOCOL: Final = 203
METHOD_UNKNOWN: Final = 204
VALUE_TOO_BIG: Final = 205
BAD_SIGNATURE: Final = 206
SALT_TOO_BIG: Final = 207
CAS_MISMATCH: Final = 301
SEQUENCE_TOO_LOW: Final = 302
