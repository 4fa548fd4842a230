"""The values of items as text and as JSON: printable text stays, other bytes become ``0x`` and hex
digits.
"""

from __future__ import annotations

from ..errors import UsageError
from ..wire import bencode
from ..wire.items import MAX_VALUE_DEPTH


def bytes_from_text(text: str) -> bytes:
    """The bytes of a text in UTF-8, or of ``0xHEX``. Raises UsageError."""
    if not text.startswith("0x"):
        return text.encode("utf-8", "surrogateescape")  # as on the command line
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise UsageError(f"expected whole bytes in hex after 0x, not {text!r:.60}") from None


def content_document(content: bencode.Value) -> object:
    """A value for JSON, with its bytes as texts."""
    if isinstance(content, bytes):
        return bytes_words(content)
    if isinstance(content, list):
        return [content_document(each) for each in content]
    if isinstance(content, dict):
        return {bytes_words(key): content_document(value) for key, value in content.items()}
    return content


def content_from(document: object, levels: int = MAX_VALUE_DEPTH + 1) -> object:
    """The reverse of `content_document`: texts become bytes. Values deeper than ``levels`` stay as
    they are, and the codec refuses them. Raises UsageError.
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
    """A text, if it is printable and does not look like hex digits; otherwise ``0xHEX``."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return f"0x{raw.hex()}"
    return text if text.isprintable() and not text.startswith("0x") else f"0x{raw.hex()}"
