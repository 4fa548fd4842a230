"""What a program may give as an ID, an endpoint, a key or a value, and how it is read."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from ...endpoints import ENDPOINT_BYTES, Endpoint, parse_endpoint
from ...errors import UsageError
from ...ids import ID_SPACE, NodeId, id_from_bytes, parse_id
from ...wire import bencode
from ...wire.bencode import MAX_INT, MIN_INT
from ...wire.items import KEY_BYTES, MAX_SALT_BYTES, MAX_VALUE_BYTES, MAX_VALUE_DEPTH, depth_of

IdLike: TypeAlias = int | str | bytes
"""An ID as a number, as 40 hex digits, or as 20 bytes."""


class HasEndpoint(Protocol):
    """A peer or a contact that a call returned."""

    @property
    def endpoint(self) -> Endpoint: ...


EndpointLike: TypeAlias = str | bytes | HasEndpoint
"""An endpoint as a numeric ``HOST:PORT``, in its compact form, or that of a peer or contact."""
Content: TypeAlias = "int | bytes | str | Sequence[Content] | Mapping[bytes | str, Content]"
"""What an item can hold (BEP 44). Texts are stored as UTF-8 and come back as bytes."""


def parse_target(target: IdLike) -> NodeId:
    """The ID as an int of 160 bits. Raises UsageError."""
    try:
        if isinstance(target, bytes):
            return id_from_bytes(target)
        if isinstance(target, str):
            return parse_id(target)
        if not 0 <= target < ID_SPACE:
            raise ValueError("an ID has 160 bits")
    except ValueError as error:
        raise UsageError(str(error)) from None
    return target


def endpoint_from(endpoint: EndpointLike) -> Endpoint:
    """From a numeric ``HOST:PORT``, from the compact form (6 or 18 bytes), or of a peer or contact.
    Raises UsageError.
    """
    if isinstance(endpoint, bytes):
        if len(endpoint) not in ENDPOINT_BYTES.values():
            raise UsageError(f"an endpoint has 6 or 18 bytes, not {len(endpoint)}")
        return Endpoint(endpoint)
    if not isinstance(endpoint, str):
        return endpoint.endpoint
    try:
        return parse_endpoint(endpoint)
    except ValueError as error:
        raise UsageError(f"not an endpoint: {error}") from None


def key_from(key: bytes | str) -> bytes:
    """A public key (32 bytes) from its bytes or from 64 hex digits. Raises UsageError."""
    try:
        raw = key if isinstance(key, bytes) else bytes.fromhex(key)
    except ValueError:
        raw = b""
    if len(raw) != KEY_BYTES or (isinstance(key, str) and len(key) != 2 * KEY_BYTES):
        raise UsageError(f"a public key is {2 * KEY_BYTES} hex digits, not {key!r}")
    return raw


def peer_from(who: EndpointLike) -> bytes:
    """A peer by its public key, as 32 bytes or 64 hex digits, or by an endpoint as in
    `endpoint_from`. Raises UsageError.
    """
    if isinstance(who, bytes):
        if len(who) not in (KEY_BYTES, *ENDPOINT_BYTES.values()):
            raise UsageError(f"a key has {KEY_BYTES} bytes and an endpoint 6 or 18, not {len(who)}")
        return who
    if not isinstance(who, str):
        return who.endpoint
    try:
        return bytes.fromhex(who) if _is_key(who) else parse_endpoint(who)
    except ValueError as error:
        raise UsageError(
            f"not an endpoint: expected a key of {2 * KEY_BYTES} hex digits or a numeric "
            f"HOST:PORT, not {who!r} ({error})"
        ) from None


def _is_key(text: str) -> bool:
    return len(text) == 2 * KEY_BYTES and all(each in string.hexdigits for each in text)


def value_from(content: Content) -> bytes:
    """A value as canonical bencode, at most 1,000 bytes. Raises UsageError for what no item can
    hold.
    """
    plain = _plain(content, MAX_VALUE_DEPTH + 1)
    if depth_of(plain) > MAX_VALUE_DEPTH:
        raise UsageError(f"a value has at most {MAX_VALUE_DEPTH} lists and dicts inside each other")
    raw = bencode.encode(plain)
    if len(raw) > MAX_VALUE_BYTES:
        raise UsageError(
            f"the value has {len(raw)} bytes as bencode; an item holds at most {MAX_VALUE_BYTES}"
        )
    return raw


def salt_from(salt: bytes | str) -> bytes:
    """A salt of at most 64 bytes. Raises UsageError."""
    raw = salt.encode() if isinstance(salt, str) else salt
    if len(raw) > MAX_SALT_BYTES:
        raise UsageError(f"the salt has {len(raw)} bytes; at most {MAX_SALT_BYTES} are allowed")
    return raw


def _plain(content: object, levels: int) -> bencode.Value:
    """``levels``: the depth that is left; it bounds a list that contains itself."""
    match content:
        case bytes():
            return content
        case str():
            return content.encode()
        case int() if not isinstance(content, bool) and MIN_INT <= content <= MAX_INT:
            return content
        case list() | tuple() if levels:
            return [_plain(each, levels - 1) for each in content]
        case Mapping() if levels:
            entries = {_plain(key, 0): _plain(value, levels - 1) for key, value in content.items()}
            if all(isinstance(key, bytes) for key in entries):
                return entries  # type: ignore[return-value]
    if isinstance(content, list | tuple | Mapping) and not levels:
        raise UsageError(f"a value has at most {MAX_VALUE_DEPTH} lists and dicts inside each other")
    raise UsageError(
        "an item holds texts, bytes, whole numbers of 64 bits, and lists and dicts of those, "
        f"not {content!r:.60}"
    )
