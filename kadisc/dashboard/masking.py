"""Addresses made unreadable, for pictures that others will see. Each digit becomes an ``x``, so
that nothing moves; ports stay.
"""

from __future__ import annotations

import re
from typing import Final

_GROUPS: Final = r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6}"
_ADDRESSES: Final = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w)"  # 192.0.2.1
    r"|\[[0-9A-Fa-f:.]+(?:%\w+)?\]"  # [2001:db8::1]
    r"|(?<![\w:])(?:[0-9A-Fa-f]{1,4}:){3,7}[0-9A-Fa-f:]*"  # 2001:db8:1:2::3
    rf"|(?<![\w:])(?:{_GROUPS})?::(?:{_GROUPS})?(?![\w:])"  # 2001:db8::1
)
_DIGIT: Final = re.compile(r"[0-9A-Fa-f]")


def masked_text(text: str) -> str:
    """The text without the digits of its addresses. A time of day, ``12:00:01``, stays."""
    return _ADDRESSES.sub(lambda found: _DIGIT.sub("x", found[0]), text)
