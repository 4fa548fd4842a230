"""The arguments of a put (BEP 44), read and written: an item, a token, and compare and swap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import DecodeError
from ..ids import NodeId
from .items import MAX_SALT_BYTES, item_from, whole_number
from .messages import Put


def read_put(
    tid: bytes, sender: NodeId, arguments: dict[bytes, Any], token_from: Callable[[Any], bytes]
) -> Put:
    salt, cas = arguments.get(b"salt", b""), arguments.get(b"cas")
    if type(salt) is not bytes:
        raise DecodeError("bad-salt")
    if len(salt) > MAX_SALT_BYTES:
        raise DecodeError("salt-too-big")
    item = item_from(arguments, salt)
    return Put(
        tid,
        sender,
        token_from(arguments.get(b"token")),
        item,
        None if cas is None else whole_number(cas),
    )


def put_arguments(query: Put) -> dict[bytes, Any]:
    arguments = query.item.fields()
    arguments[b"token"] = query.token
    if query.item.salt and query.item.key is not None:
        arguments[b"salt"] = query.item.salt
    if query.cas is not None:
        arguments[b"cas"] = query.cas
    return arguments
