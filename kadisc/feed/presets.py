"""The presets of ``kadisc feed``, which are data: `presets.toml` describes them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

import msgspec

from ..errors import UsageError

Check = Literal["bitcoin", "tcp", "none"]
Params = list[Any] | dict[str, Any]
MAGIC_BYTES: Final = 4


class NodeCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Paths: ``agent`` leads to a text, "" to the result itself; ``active``: to a boolean, False
    while the node connects to nobody.
    """

    method: str
    params: Params
    agent: str = ""
    active: str | None = None


class PeersCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``list`` leads to the list, the others into each of its items: ``address`` to HOST:PORT,
    ``host`` to an address alone, ``id`` to an identity, which ``identity`` is the
    template of for a peer of the own network; ``ready`` to what is null or absent while the two
    are not connected yet. Where neither ``inbound`` nor ``outbound``
    is known, every peer counts as outbound.
    """

    method: str
    params: Params
    list: str = ""
    address: str | None = None
    host: str | None = None
    id: str | None = None
    identity: str | None = None
    ready: str | None = None
    inbound: str | None = None
    outbound: str | None = None


class OfferCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``known``: codes of errors that mean no more than that the node knows the peer already."""

    method: str
    params: Params
    known: Sequence[int] = ()


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    about: str
    rpc: str
    service: str
    check: Check
    tested: str
    node: NodeCall | None
    peers: PeersCall
    offer: OfferCall
    withdraw: OfferCall | None = None


@cache
def _tables() -> Mapping[str, Any]:
    text = resources.files(__package__).joinpath("presets.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def presets() -> Mapping[str, Preset]:
    """By name, in the order of the file."""
    return {
        name: msgspec.convert(table, Preset) for name, table in _tables().items() if name != "magic"
    }


def magic_of(chain: str) -> bytes:
    """The magic of a chain by its name, or ``0x`` and its eight hex digits. Raises UsageError."""
    known: Mapping[str, str] = _tables()["magic"]
    if chain.startswith("0x"):
        try:
            magic = bytes.fromhex(chain[2:])
        except ValueError:
            magic = b""
        if len(magic) == MAGIC_BYTES:
            return magic
    elif chain in known:
        return bytes.fromhex(known[chain])
    raise UsageError(
        f"--chain: expected one of {', '.join(known)}, or the magic as 0x and 8 hex digits, "
        f"not {chain!r}"
    )
