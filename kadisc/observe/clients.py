"""The client name and version in the ``v`` of a message (BEP 5), as text for people."""

from __future__ import annotations

_BYTE_PER_NUMBER = frozenset({"KD", "A2", "RS"})
"""Clients whose two version bytes are a major and a minor number: kadisc, aria2, pubky's mainline.
"""

_ONE_NUMBER = frozenset({"UT", "UM", "BT"})
"""Clients whose two version bytes are one build number: µTorrent, µTorrent for Mac, BitTorrent."""


def describe_client(version: bytes | None) -> str | None:
    """``LT 2.1.1`` or ``UT 46038`` for known clients, ``XX 0x0201`` for two other letters, hex for
    anything else; None for None or for no bytes. The result is always printable ASCII.
    """
    if not version:
        return None
    letters, numbers = version[:2].decode("latin-1"), version[2:]
    if len(letters) < 2 or not (letters.isascii() and letters.isalnum()):
        return "0x" + version[:16].hex()
    if not numbers:
        return letters
    return f"{letters} {_describe_numbers(letters, numbers)}"


def _describe_numbers(letters: str, numbers: bytes) -> str:
    if len(numbers) == 2:
        major, rest = numbers
        if letters == "LT" and (major >= 2 or rest >= 16):
            # libtorrent 2.1.1 sends 02 11: the second byte is minor and patch. In older versions it
            # is the minor version alone: 1.1 sends 01 01.
            return f"{major}.{rest >> 4}.{rest & 15}"
        if letters == "LT" or letters in _BYTE_PER_NUMBER:
            return f"{major}.{rest}"
        if letters in _ONE_NUMBER:
            return str(int.from_bytes(numbers, "big"))
    return f"0x{numbers[:14].hex()}"
