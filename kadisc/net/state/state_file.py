"""``state.sqlite3``: what a node keeps between runs, as one SQLite file that is replaced as a whole
and never changed in place.

A save makes the new database in memory, writes it beside the old one, syncs it and renames it over
the old one. So a process that opens the file at any instant, also after a ``kill -9`` or a power
cut, finds one complete state, and a process that has it open goes on reading the state that it
opened. The two journal modes of SQLite give the writer as much, but not the reader: after a crash a
rollback journal has to be played back before the file can be read, and a write-ahead log needs a
shared-memory file beside it. Both are writes, and a command that only reads must not write. At some
400 contacts the whole file has 78 kB, and a save changes every age in it anyway.

The functions block, and are called in a thread.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...contacts import Contact
from ...core.contract.identity import SEED_BYTES
from ...core.contract.saved_state import (
    SavedBook,
    SavedContact,
    SavedDht,
    SavedPeer,
    SavedPeerNetwork,
    SavedState,
)
from ...endpoints import IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES, Endpoint, Family, family_of
from ...errors import DecodeError
from ...ids import ID_BYTES, id_from_bytes, id_to_bytes
from ...observe.book_lines import format_peer, parse_peer
from ...text import one_line
from ...wire import bencode
from ...wire.items import MAX_SALT_BYTES, Item, item_from

SCHEMA_VERSION = 3
"""The version that is written. Version 1, which has no address book, and version 2, which has no
published items, are read too.
"""
MAX_FILE_BYTES = 64 << 20
"""A larger file is refused: a full state of ten networks has 1 MB."""
MAX_CLIENT_BYTES = 256
"""The longest client name (``v`` of BEP 5) that is kept of a contact."""

MAX_SEQUENCE = 1 << 62
"""The bound of a record's sequence; as milliseconds since 1970 it lasts for 146 million years."""

_APPLICATION_ID = 0x6B616469  # "kadi", for file(1)
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE identity (seed BLOB NOT NULL);
CREATE TABLE addresses (family TEXT PRIMARY KEY, ip BLOB NOT NULL);
CREATE TABLE contacts (
    network TEXT NOT NULL,
    family TEXT NOT NULL,
    id BLOB NOT NULL,
    endpoint BLOB NOT NULL,
    age_s REAL NOT NULL,            -- since it was first verified
    verified_s_ago REAL NOT NULL,   -- since it was last verified; both when the file was written
    rtt_s REAL,
    client BLOB,
    PRIMARY KEY (network, id, endpoint)
);
CREATE TABLE sequences (            -- of the node's own peer record
    network TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL
);
CREATE TABLE book (                 -- lines of an exported address book
    network TEXT NOT NULL,
    peer TEXT NOT NULL
);
CREATE TABLE published (            -- items that the node puts on the DHT again and again (BEP 44)
    network TEXT NOT NULL,          -- the one that the node was of
    value BLOB NOT NULL,            -- bencode
    key BLOB,                       -- NULL: immutable, without salt, sequence and signature
    salt BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    signature BLOB NOT NULL
);
"""


class DamagedState(Exception):
    """The bytes are no state of a node; the text says why."""


class NewerState(Exception):
    """A later version of this program wrote it."""


@dataclass(slots=True)
class KeptState:
    """What a file holds. ``seed``: the secret of the key pair (32 bytes), None where there is none
    yet. ``addresses``: the node's own, 4 or 16 bytes, by family. ``contacts``: by name of the
    network, both families together. ``peer_networks``, ``published``: by name of the network.
    ``left_out``: the number of entries that could not be read.
    """

    seed: bytes | None = None
    addresses: dict[Family, bytes] = field(default_factory=dict)
    contacts: dict[str, tuple[SavedContact, ...]] = field(default_factory=dict)
    peer_networks: dict[str, SavedPeerNetwork] = field(default_factory=dict)
    published: dict[str, tuple[Item, ...]] = field(default_factory=dict)
    left_out: int = 0

    def saved_state(self, network: str) -> SavedState:
        """The part of one network, as the core restores it."""
        saved = self.contacts.get(network, ())
        return SavedState(
            tuple(
                SavedDht(
                    family,
                    self.addresses.get(family),
                    tuple(each for each in saved if each.contact.family is family),
                )
                for family in Family
            ),
            self.peer_networks.get(network),
            self.published.get(network, ()),
        )


def read_state(path: Path) -> KeptState | None:
    """What the file holds; None where there is no file. Nothing is written or locked. Raises
    OSError, DamagedState and NewerState.
    """
    try:
        # Non-blocking: the path may name a pipe.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path} is not a file")
        if status.st_size > MAX_FILE_BYTES:
            raise DamagedState(f"it has {status.st_size} bytes")
        return decode_state(file.read())


def replace_state(path: Path, state: KeptState) -> None:
    """Replaces the file, wholly or not at all. Raises OSError."""
    image = encode_state(state)
    beside = path.with_name(path.name + ".new")
    try:
        # The mode of os.open counts for a new file only; one that a crash left may have another.
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    _sync_folder(path.parent)


def set_aside(path: Path) -> Path:
    """Renames a damaged file, so that it is not overwritten, and returns its new name. Raises
    OSError.
    """
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    return aside


def _sync_folder(folder: Path) -> None:
    # Some file systems cannot sync a folder. There the name may lead to the old file after a power
    # cut; that is a complete state too.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# --- the database ---------------------------------------------------------------------------------


def encode_state(state: KeptState) -> bytes:
    """The bytes of the SQLite file."""
    rows = [
        (
            network,
            saved.contact.family.value,
            id_to_bytes(saved.contact.id),
            bytes(saved.contact.endpoint),
            saved.age_s,
            saved.verified_s_ago,
            saved.rtt_s,
            saved.client[:MAX_CLIENT_BYTES] if saved.client else None,
        )
        for network, contacts in state.contacts.items()
        for saved in contacts
    ]
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.executescript(_SCHEMA)
        database.execute("BEGIN")
        if state.seed is not None:
            database.execute("INSERT INTO identity VALUES (?)", (state.seed,))
        database.executemany(
            "INSERT INTO addresses VALUES (?, ?)",
            [(family.value, ip) for family, ip in state.addresses.items()],
        )
        database.executemany(
            "INSERT OR REPLACE INTO contacts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows
        )
        for network, saved in state.peer_networks.items():
            database.execute("INSERT INTO sequences VALUES (?, ?)", (network, saved.sequence))
            database.executemany(
                "INSERT INTO book VALUES (?, ?)",
                [(network, format_peer(peer)) for peer in saved.book.peers],
            )
        for network, items in state.published.items():
            lines = [
                (network, item.value, item.key, item.salt, item.sequence, item.signature)
                for item in items
            ]
            database.executemany("INSERT INTO published VALUES (?, ?, ?, ?, ?, ?)", lines)
        database.execute("COMMIT")
        return database.serialize()


def decode_state(image: bytes) -> KeptState:
    """Reads the bytes of the file. Raises DamagedState and NewerState, and nothing else."""
    if not image.startswith(b"SQLite format 3\0"):
        raise DamagedState("it is empty" if not image else "it is not an SQLite database")
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        try:
            database.deserialize(image)
            version = _check(database)
            peer_networks, left_out = _peer_networks(database) if version > 1 else ({}, 0)
            published, lost = _published(database) if version > 2 else ({}, 0)
            return KeptState(
                _seed(database),
                dict(_addresses(database)),
                _contacts(database),
                peer_networks,
                published,
                left_out + lost,
            )
        except UnicodeDecodeError:
            raise DamagedState("a text in it is not UTF-8") from None
        except (sqlite3.Error, OverflowError, MemoryError) as error:
            raise DamagedState(one_line(" ".join(str(error).split()))) from None


def _check(database: sqlite3.Connection) -> int:
    """The version of its schema."""
    [[found]] = database.execute("PRAGMA quick_check(1)")
    if found != "ok":
        raise DamagedState(one_line(" ".join(str(found).split())))
    [[application]] = database.execute("PRAGMA application_id")
    [[version]] = database.execute("PRAGMA user_version")
    if application != _APPLICATION_ID or version < 1:
        raise DamagedState("it is another program's database")
    if version > SCHEMA_VERSION:
        raise NewerState(
            "it was written by a later version of kadisc "
            f"(its schema is {version}, this one knows {SCHEMA_VERSION})"
        )
    return int(version)


def _seed(database: sqlite3.Connection) -> bytes | None:
    seeds = database.execute("SELECT seed FROM identity LIMIT 2").fetchall()
    if not seeds:
        return None
    [seed], *more = seeds
    if more or not isinstance(seed, bytes) or len(seed) != SEED_BYTES:
        raise DamagedState("its key is not valid")
    return seed


def _addresses(database: sqlite3.Connection) -> Iterator[tuple[Family, bytes]]:
    for name, ip in database.execute("SELECT family, ip FROM addresses"):
        if not isinstance(ip, bytes) or {"ipv4": 4, "ipv6": 16}.get(name) != len(ip):
            raise DamagedState("the own address in it is not valid")
        yield Family(name), ip


def _contacts(database: sqlite3.Connection) -> dict[str, tuple[SavedContact, ...]]:
    contacts: dict[str, list[SavedContact]] = {}
    for network, *row in database.execute(
        "SELECT network, family, id, endpoint, age_s, verified_s_ago, rtt_s, client"
        " FROM contacts ORDER BY rowid"
    ):
        if not isinstance(network, str):
            raise DamagedState("a network name in it is not valid")
        contacts.setdefault(network, []).append(_contact(*row))
    return {network: tuple(saved) for network, saved in contacts.items()}


def _contact(
    family: object,
    node_id: object,
    endpoint: object,
    age_s: object,
    verified_s_ago: object,
    rtt_s: object,
    client: object,
) -> SavedContact:
    if not isinstance(node_id, bytes) or len(node_id) != ID_BYTES:
        raise DamagedState("the ID of a contact in it is not valid")
    if not isinstance(endpoint, bytes) or len(endpoint) not in (
        IPV4_ENDPOINT_BYTES,
        IPV6_ENDPOINT_BYTES,
    ):
        raise DamagedState("the endpoint of a contact in it is not valid")
    contact = Contact(id_from_bytes(node_id), Endpoint(endpoint))
    if family_of(contact.endpoint).value != family:
        raise DamagedState("the family of a contact in it is not valid")
    if client is not None and not (isinstance(client, bytes) and len(client) <= MAX_CLIENT_BYTES):
        raise DamagedState("the client of a contact in it is not valid")
    return SavedContact(
        contact,
        _seconds(age_s),
        _seconds(verified_s_ago),
        None if rtt_s is None else _seconds(rtt_s),
        client,
    )


def _peer_networks(database: sqlite3.Connection) -> tuple[dict[str, SavedPeerNetwork], int]:
    """By network, and the number of lines that could not be read. They do not make the whole file
    damaged: the key and the contacts are worth more than a line of the address book.
    """
    sequences: dict[str, int] = {}
    peers: dict[str, list[SavedPeer]] = {}
    left_out = 0
    for network, sequence in database.execute("SELECT network, sequence FROM sequences"):
        if isinstance(network, str) and isinstance(sequence, int) and 0 <= sequence < MAX_SEQUENCE:
            sequences[network] = sequence
        else:
            left_out += 1
    for network, line in database.execute("SELECT network, peer FROM book ORDER BY rowid"):
        try:
            if not isinstance(network, str) or not isinstance(line, str):
                raise ValueError("not a text")
            peers.setdefault(network, []).append(parse_peer(line))
        except ValueError:
            left_out += 1
    names = [*sequences, *(name for name in peers if name not in sequences)]
    networks = {
        name: SavedPeerNetwork(sequences.get(name, 0), SavedBook(tuple(peers.get(name, ()))))
        for name in names
    }
    return networks, left_out


def _published(database: sqlite3.Connection) -> tuple[dict[str, tuple[Item, ...]], int]:
    """By network, and the number of items that could not be read."""
    items: dict[str, list[Item]] = {}
    left_out = 0
    for network, *row in database.execute(
        "SELECT network, value, key, salt, sequence, signature FROM published ORDER BY rowid"
    ):
        try:
            if not isinstance(network, str):
                raise DecodeError("bad-value")
            items.setdefault(network, []).append(_item(*row))
        except DecodeError:
            left_out += 1
    return {network: tuple(kept) for network, kept in items.items()}, left_out


def _item(value: object, key: object, salt: object, sequence: object, signature: object) -> Item:
    """Checked as strictly as an item that another node puts. Raises DecodeError."""
    if not isinstance(value, bytes) or not isinstance(salt, bytes) or len(salt) > MAX_SALT_BYTES:
        raise DecodeError("bad-value")
    signed = (
        {} if key is None and signature == b"" else {b"k": key, b"seq": sequence, b"sig": signature}
    )
    return item_from({b"v": bencode.decode(value), **signed}, salt)


def _seconds(value: object) -> float:
    if not isinstance(value, float) or not math.isfinite(value) or value < 0:
        raise DamagedState("an age in it is not valid")
    return value
