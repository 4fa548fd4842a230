"""Params with placeholders, and paths into answers: how presets, which are data, write and read the
JSON of an RPC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ..errors import KadiscError
from .chain_peer import ChainPeer

_FIELD: Final = re.compile(r"\{([a-zA-Z0-9]+)(\.text)?\}")


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
        return _FIELD.sub(lambda match: _text(match[1], match[2] is not None, peer), template)
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


def _text(name: str, is_text: bool, peer: ChainPeer) -> str:
    value = str(_field(name, peer))
    if not is_text:
        return value
    try:
        text = bytes.fromhex(value).decode("ascii")
    except ValueError:
        text = ""
    if not (text and text.isalnum()):
        raise LacksService(f"the service {name} of its record is no text of letters and digits")
    return text


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
