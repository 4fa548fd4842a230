"""``administration``: the bans and static peers that commands asked for, in the state folder.

::

    {"bans": [{"network": "192.0.2.0/24", "until": 1795597328}], "kadisc-administration": 1,
     "peers": ["192.0.2.7:6881"]}

``until`` is in seconds since 1970, null for good. The file is written when a command changes one of
them, and read at the start.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...endpoints import split_host_port
from ...networks import network_of
from ...observe.shell_events import StateDamaged, StateSetAside
from .damage import DamagedState, NewerState, reason_of
from .private_files import TooLarge, read_file, replace_file, set_aside

FILE_NAME: Final = "administration"
VERSION: Final = 1
MAX_BANS: Final = 1000
"""Bans by command at a time; a list of more belongs into a file (``ban_file``)."""
MAX_PEERS: Final = 256
"""Static peers by command at a time."""
MAX_TIME_S: Final = 200_000_000_000
"""As seconds since 1970: in the year 8307."""


@dataclass(frozen=True, slots=True)
class SavedBan:
    """``network``: in CIDR notation; ``until_s``: seconds since 1970, None for good."""

    network: str
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class SavedAdministration:
    """``peers``: HOST:PORT each."""

    bans: tuple[SavedBan, ...] = ()
    peers: tuple[str, ...] = ()


def read_administration(
    folder: Path,
) -> tuple[SavedAdministration, StateSetAside | StateDamaged | None]:
    """What the file in a folder holds, and what was wrong with it: a damaged file is renamed, and
    one that cannot be read is left alone. Blocks, and raises nothing.
    """
    path = folder / FILE_NAME
    try:
        image = read_file(path)
        return (SavedAdministration() if image is None else decode_administration(image)), None
    except (DamagedState, TooLarge) as error:
        try:
            aside = set_aside(path)
        except OSError as failure:
            return SavedAdministration(), StateDamaged(str(path), reason_of(failure))
        return SavedAdministration(), StateSetAside(str(path), str(aside), str(error))
    except (NewerState, OSError) as error:
        return SavedAdministration(), StateDamaged(str(path), reason_of(error))


def write_administration(folder: Path, saved: SavedAdministration) -> None:
    """Replaces the file, wholly or not at all. Blocks; raises OSError."""
    replace_file(folder / FILE_NAME, encode_administration(saved))


def encode_administration(saved: SavedAdministration) -> bytes:
    """The bytes of the file."""
    document = {
        "kadisc-administration": VERSION,
        "bans": [{"network": each.network, "until": each.until_s} for each in saved.bans],
        "peers": list(saved.peers),
    }
    return json.dumps(document, sort_keys=True, indent=1).encode("utf-8") + b"\n"


def decode_administration(image: bytes) -> SavedAdministration:
    """Reads the bytes of the file. Raises DamagedState and NewerState, and nothing else."""
    try:
        document: dict[str, Any] = json.loads(image)
        if document["kadisc-administration"] > VERSION:
            raise NewerState("it was written by a later version of kadisc")
        if len(document["bans"]) > MAX_BANS or len(document["peers"]) > MAX_PEERS:
            raise DamagedState("it has more entries than kadisc writes")
        return SavedAdministration(
            tuple(_ban(each) for each in document["bans"]),
            tuple(_peer(each) for each in document["peers"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise DamagedState("it is not what kadisc writes") from None


def _ban(row: dict[str, Any]) -> SavedBan:
    until = row["until"]
    if until is not None and not 0 <= float(until) < MAX_TIME_S:
        raise ValueError(f"no time: {until}")
    return SavedBan(str(network_of(row["network"])), None if until is None else float(until))


def _peer(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(text)
    _, port = split_host_port(text)
    if not port:
        raise ValueError(text)
    return text
