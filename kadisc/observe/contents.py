"""What an item holds, as people write it and as JSON has it: texts as they are, other bytes as
``0x`` and hex digits.
"""

from __future__ import annotations

from ..errors import UsageError
from ..wire import bencode
from ..wire.items import MAX_VALUE_DEPTH


def bytes_from_text(text: str) -> bytes:
    """A text in UTF-8, or bytes from ``0xHEX``. Raises UsageError."""
    if not text.startswith("0x"):
        return text.encode("utf-8", "surrogateescape")  # as it came from the command line
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise UsageError(f"expected whole bytes in hex after 0x, not {text!r:.60}") from None


def content_document(content: bencode.Value) -> object:
    """For JSON: the bytes in it as texts."""
    if isinstance(content, bytes):
        return bytes_words(content)
    if isinstance(content, list):
        return [content_document(each) for each in content]
    if isinstance(content, dict):
        return {bytes_words(key): content_document(value) for key, value in content.items()}
    return content


def content_from(document: object, levels: int = MAX_VALUE_DEPTH + 1) -> object:
    """The reverse: texts become bytes. ``levels``: what goes deeper is for others to refuse. Raises
    UsageError.
    """
    if isinstance(document, str):
        return bytes_from_text(document)
    if isinstance(document, list) and levels:
        return [content_from(each, levels - 1) for each in document]
    if isinstance(document, dict) and levels:
        return {
            bytes_from_text(key): content_from(value, levels - 1) for key, value in document.items()
        }
    return document


def bytes_words(raw: bytes) -> str:
    """As text where it is one that can be printed, and cannot be taken for hex digits."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return f"0x{raw.hex()}"
    return text if text.isprintable() and not text.startswith("0x") else f"0x{raw.hex()}"
