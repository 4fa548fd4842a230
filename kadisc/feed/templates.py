"""Params with placeholders, and paths into answers: how presets, which are data, write and read the
JSON of an RPC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ..errors import KadiscError
from .chain_peer import ChainPeer

_FIELD: Final = re.compile(r"\{([a-zA-Z0-9]+)(?:\.(text|point))?\}")
_P: Final = 2**256 - 2**32 - 977
"""The field of secp256k1, whose curve is y^2 = x^3 + 7 (SEC 2, section 2.4.1)."""


class LacksService(KadiscError):
    """The record of a peer lacks a service that the template names."""


def filled(template: Any, peer: ChainPeer) -> Any:
    """The template with the fields of a peer. A text that is one field alone becomes a number where
    the field is one, such as ``{port}``. Raises LacksService.
    """
    if isinstance(template, str):
        alone = _FIELD.fullmatch(template)
        if alone is not None and alone[2] is None:
            return _field(alone[1], peer)
        return _FIELD.sub(lambda match: _text(match[1], match[2], peer), template)
    if isinstance(template, Mapping):
        return {name: filled(value, peer) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, peer) for value in template]
    return template


def _field(name: str, peer: ChainPeer) -> int | str:
    of_every_peer = {"host": peer.host, "address": str(peer), "key": peer.key}
    value = peer.port if name == "port" else of_every_peer.get(name, peer.services.get(name))
    if value is None:
        raise LacksService(f"its record has no service {name}")
    return value.removeprefix("0x") if isinstance(value, str) else value


def _text(name: str, form: str | None, peer: ChainPeer) -> str:
    value = str(_field(name, peer))
    if form == "text":
        return _letters(name, value)
    return _point(name, value) if form == "point" else value


def _letters(name: str, value: str) -> str:
    try:
        text = bytes.fromhex(value).decode("ascii")
    except ValueError:
        text = ""
    if not (text and text.isalnum()):
        raise LacksService(f"the service {name} of its record is no text of letters and digits")
    return text


def _point(name: str, value: str) -> str:
    """The 64 bytes of a public key of secp256k1 in hex, as an enode URL has them, from these or
    from the compressed 33, which leave room for other services in a record.
    """
    raw = bytes.fromhex(value) if len(value) in (66, 128) else b""
    if len(raw) == 64:
        return value
    x = int.from_bytes(raw[1:], "big")
    y = pow(x**3 + 7, (_P + 1) // 4, _P)
    if raw[:1] not in (b"\x02", b"\x03") or x >= _P or (y * y - x**3 - 7) % _P:
        raise LacksService(f"the service {name} of its record is no public key")
    if y % 2 != raw[0] % 2:
        y = _P - y
    return f"{x:064x}{y:064x}"


def at(document: Any, path: str) -> Any:
    """What a path leads to; None where there is nothing."""
    for name in path.split(".") if path else ():
        if isinstance(document, Mapping):
            document = document.get(name)
        elif isinstance(document, list) and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document
