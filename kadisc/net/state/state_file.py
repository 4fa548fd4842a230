"""``state.sqlite3``: what a node keeps between runs, as one SQLite file that is replaced as a whole
and never changed in place.

A save makes the new database in memory, writes it beside the old one, syncs it and renames it over
the old one. So a process that opens the file at any instant, also after a ``kill -9`` or a power
cut, finds one complete state, and a process that has it open goes on reading the state that it
opened. The two journal modes of SQLite give the writer as much, but not the reader: after a crash a
rollback journal has to be played back before the file can be read, and a write-ahead log needs a
shared-memory file beside it. Both are writes, and a command that only reads must not write. At some
400 contacts the whole file has 78 kB, and a save changes every age in it anyway.

The file may hold anything: it may be torn, edited or planted. Each row is checked by itself, and
one that is not sound is left out alone. Only ordinary tables are read, never views, virtual tables
or generated columns; what SQLite may do for it is bounded in steps, rows and bytes, so that no file
keeps a node from starting. What a node must not lose stands in `identity_file.py`; the tables of
the same content here are a copy of it.

The functions block, and are called in a thread.
"""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...contacts import Contact
from ...core.book.verdicts import MARK_BYTES, MAX_GOOD, VERDICTS
from ...core.contract.identity import SEED_BYTES
from ...core.contract.saved_state import (
    SavedBook,
    SavedContact,
    SavedDht,
    SavedPeer,
    SavedPeerNetwork,
    SavedRun,
    SavedState,
    SavedVerdict,
)
from ...endpoints import IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES, Endpoint, Family, family_of
from ...ids import ID_BYTES, id_from_bytes, id_to_bytes
from ...observe.book_lines import format_peer, parse_peer
from ...wire import bencode
from ...wire.items import MAX_SALT_BYTES, MAX_VALUE_DEPTH, Item, depth_of, item_from
from .damage import DamagedState, NewerState, reason_of
from .identity_file import ADDRESS_BYTES, MAX_SEQUENCE
from .private_files import TooLarge, read_file, replace_file
from .saved_nonces import MAX_NONCES, SavedNonce, checked_nonce
from .sound_rows import RowT, SoundRows, restrict

SCHEMA_VERSION = 7
"""The version that is written. Read too are version 1, which has no address book, version 2, which
has no published items, version 3, which has no file of the identity beside it, version 4, which
has no verdicts, version 5, which has no nonces, and version 6, which has no last run.
"""
MAX_CLIENT_BYTES = 256
"""The longest client name (``v`` of BEP 5) that is kept of a contact."""

ROWS_AT_ONCE = 8
"""Rows that are written between two pauses: some 0.3 ms. An answer to one datagram waits for the
interpreter up to three times, once for each call of the system.
"""
PAUSE_S = 0.0003

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
CREATE TABLE verdicts (             -- of the application, the oldest first
    network TEXT NOT NULL,
    mark BLOB NOT NULL,             -- the key of the peer; if that is not proven, key and endpoint
    verdict TEXT NOT NULL,
    good INTEGER NOT NULL,          -- good verdicts that count
    held_back_s REAL NOT NULL       -- seconds left in which the peer is not returned
);
CREATE TABLE published (            -- items that the node puts on the DHT again and again (BEP 44)
    network TEXT NOT NULL,          -- the one that the node was of
    value BLOB NOT NULL,            -- bencode
    key BLOB,                       -- NULL: immutable, without salt, sequence and signature
    salt BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    signature BLOB NOT NULL
);
CREATE TABLE nonces (               -- of port mappings (PCP), the least recently used first
    gateway TEXT NOT NULL,
    protocol TEXT NOT NULL,         -- udp or tcp
    port INTEGER NOT NULL,          -- of this machine
    nonce BLOB NOT NULL
);
CREATE TABLE runs (                 -- the last run
    family TEXT PRIMARY KEY,
    port INTEGER NOT NULL,          -- of the socket
    ended_at_s REAL                 -- seconds since 1970; NULL: it did not end in order
);
"""


@dataclass(slots=True)
class KeptState:
    """What a file holds. ``seed``: the secret of the key pair (32 bytes), None where there is none
    yet. ``addresses``: the node's own, 4 or 16 bytes, by family. ``contacts``: by name of the
    network, both families together. ``peer_networks``, ``published``: by name of the network.
    ``nonces``: of port mappings. ``runs``: the last one. ``left_out``: the number of entries that
    could not be read.
    """

    seed: bytes | None = None
    addresses: dict[Family, bytes] = field(default_factory=dict)
    contacts: dict[str, tuple[SavedContact, ...]] = field(default_factory=dict)
    peer_networks: dict[str, SavedPeerNetwork] = field(default_factory=dict)
    published: dict[str, tuple[Item, ...]] = field(default_factory=dict)
    nonces: tuple[SavedNonce, ...] = ()
    runs: tuple[SavedRun, ...] = ()
    left_out: int = 0

    def saved_state(self, network: str, *, contacts_of_others: bool = False) -> SavedState:
        """The part of one network, as the core restores it. ``contacts_of_others``: where it has no
        contacts, those of all other networks are in their place.
        """
        saved = self.contacts.get(network, ())
        if contacts_of_others and not saved:
            every = {each.contact.id: each for kept in self.contacts.values() for each in kept}
            saved = tuple(every.values())
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
            self.runs,
        )


def read_state(path: Path) -> KeptState | None:
    """What the file holds; None where there is no file. Nothing is written or locked. Raises
    OSError, DamagedState and NewerState.
    """
    try:
        image = read_file(path)
    except TooLarge as error:
        raise DamagedState(str(error)) from None
    return None if image is None else decode_state(image)


def replace_state(path: Path, state: KeptState) -> None:
    """Replaces the file, wholly or not at all. Raises OSError."""
    replace_file(path, encode_state(state))


# --- the database ---------------------------------------------------------------------------------


def encode_state(state: KeptState) -> bytes:
    """The bytes of the SQLite file."""
    rows = (
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
    )
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
            "INSERT OR REPLACE INTO contacts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _paced(rows)
        )
        for network, saved in state.peer_networks.items():
            database.execute("INSERT INTO sequences VALUES (?, ?)", (network, saved.sequence))
            database.executemany(
                "INSERT INTO book VALUES (?, ?)",
                _paced((network, format_peer(peer)) for peer in saved.book.peers),
            )
            database.executemany(
                "INSERT INTO verdicts VALUES (?, ?, ?, ?, ?)",
                _paced(
                    (network, each.mark, each.verdict, each.good, each.held_back_s)
                    for each in saved.verdicts
                ),
            )
        for network, items in state.published.items():
            lines = [
                (network, item.value, item.key, item.salt, item.sequence, item.signature)
                for item in items
            ]
            database.executemany("INSERT INTO published VALUES (?, ?, ?, ?, ?, ?)", lines)
        database.executemany(
            "INSERT INTO nonces VALUES (?, ?, ?, ?)",
            [(each.gateway, each.protocol, each.port, each.nonce) for each in state.nonces],
        )
        database.executemany(
            "INSERT OR REPLACE INTO runs VALUES (?, ?, ?)",
            [(each.family.value, each.port, each.ended_at_s) for each in state.runs],
        )
        database.execute("COMMIT")
        return database.serialize()


def _paced(rows: Iterable[RowT]) -> Iterator[RowT]:
    """The same rows. The thread that saves shares the interpreter with the one that answers
    datagrams, and would let it in after 5 ms only: so it pauses.
    """
    for number, row in enumerate(rows):
        if number % ROWS_AT_ONCE == ROWS_AT_ONCE - 1:
            time.sleep(PAUSE_S)
        yield row


def decode_state(image: bytes) -> KeptState:
    """Reads the bytes of the file, as much of it as can be read. Raises DamagedState where that is
    nothing, and NewerState; nothing else.
    """
    if not image.startswith(b"SQLite format 3\0"):
        raise DamagedState("it is empty" if not image else "it is not an SQLite database")
    try:
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
            # Bytes 18 and 19 ask for a write-ahead log, which a database in memory cannot have.
            database.deserialize(image[:18] + b"\1\1" + image[20:])
            restrict(database)
            version = _version(database)
            return _decoded(SoundRows(database), version)
    except (sqlite3.Error, OverflowError, MemoryError, ValueError) as error:
        raise DamagedState(reason_of(error)) from None


def _version(database: sqlite3.Connection) -> int:
    """The version of its schema."""
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


def _decoded(rows: SoundRows, version: int) -> KeptState:
    state = KeptState()
    seeds = list(rows.of("identity", "seed", _seed))
    if len(set(seeds)) == 1:
        state.seed = seeds[0]
    elif seeds:
        rows.left_out += len(seeds)
    state.addresses = dict(rows.of("addresses", "family, ip", _address))
    contacts = rows.of(
        "contacts",
        "network, family, id, endpoint, age_s, verified_s_ago, rtt_s, client",
        _contact,
    )
    # Once each, as the file is written: a planted one may have rows twice.
    state.contacts = _by_network(
        {(network, saved.contact): (network, saved) for network, saved in contacts}.values()
    )
    if version > 1:
        sequences = dict(rows.of("sequences", "network, sequence", _sequence))
        peers = _by_network(rows.of("book", "network, peer", _peer))
        verdicts: dict[str, tuple[SavedVerdict, ...]] = {}
        if version > 4:
            columns = "network, mark, verdict, good, held_back_s"
            verdicts = _by_network(rows.of("verdicts", columns, _verdict))
        state.peer_networks = {
            name: SavedPeerNetwork(
                sequences.get(name, 0), SavedBook(peers.get(name, ())), verdicts.get(name, ())
            )
            for name in dict.fromkeys([*sequences, *peers, *verdicts])
        }
    if version > 2:
        state.published = _by_network(
            rows.of("published", "network, value, key, salt, sequence, signature", _item)
        )
    if version > 5:
        nonces = rows.of("nonces", "gateway, protocol, port, nonce", checked_nonce)
        state.nonces = tuple(nonces)[-MAX_NONCES:]
    if version > 6:
        runs = rows.of("runs", "family, port, ended_at_s", _run)
        state.runs = tuple({run.family: run for run in runs}.values())
    if rows.trouble is not None and state == KeptState():
        raise DamagedState(rows.trouble)
    state.left_out = rows.left_out
    return state


def _by_network(pairs: Iterable[tuple[str, RowT]]) -> dict[str, tuple[RowT, ...]]:
    found: dict[str, list[RowT]] = {}
    for network, each in pairs:
        found.setdefault(network, []).append(each)
    return {network: tuple(each) for network, each in found.items()}


# --- one row: each raises ValueError or DecodeError where it is not sound -------------------------


def _seed(seed: object) -> bytes:
    return _bytes(seed, SEED_BYTES)


def _address(name: object, ip: object) -> tuple[Family, bytes]:
    family = Family(name)
    return family, _bytes(ip, ADDRESS_BYTES[family])


def _run(family: object, port: object, ended_at_s: object) -> SavedRun:
    if not isinstance(port, int) or not 0 < port < 1 << 16:
        raise ValueError("no port")
    return SavedRun(Family(family), port, None if ended_at_s is None else _seconds(ended_at_s))


def _contact(
    network: object,
    family: object,
    node_id: object,
    endpoint: object,
    age_s: object,
    verified_s_ago: object,
    rtt_s: object,
    client: object,
) -> tuple[str, SavedContact]:
    where = Endpoint(_bytes(endpoint, IPV4_ENDPOINT_BYTES, IPV6_ENDPOINT_BYTES))
    if family_of(where).value != family:
        raise ValueError("another family")
    if client is not None and not (isinstance(client, bytes) and len(client) <= MAX_CLIENT_BYTES):
        raise ValueError("no client")
    return _name(network), SavedContact(
        Contact(id_from_bytes(_bytes(node_id, ID_BYTES)), where),
        _seconds(age_s),
        _seconds(verified_s_ago),
        None if rtt_s is None else _seconds(rtt_s),
        client,
    )


def _sequence(network: object, sequence: object) -> tuple[str, int]:
    if not isinstance(sequence, int) or not 0 <= sequence < MAX_SEQUENCE:
        raise ValueError("no sequence")
    return _name(network), sequence


def _peer(network: object, line: object) -> tuple[str, SavedPeer]:
    if not isinstance(line, str):
        raise ValueError("not a text")
    return _name(network), parse_peer(line)


def _verdict(
    network: object, mark: object, verdict: object, good: object, held_back_s: object
) -> tuple[str, SavedVerdict]:
    if verdict not in VERDICTS or not isinstance(good, int) or not 0 <= good < MAX_GOOD:
        raise ValueError("no verdict")
    return _name(network), SavedVerdict(
        _bytes(mark, *MARK_BYTES),
        verdict,
        good,
        _seconds(held_back_s),
    )


def _item(
    network: object, value: object, key: object, salt: object, sequence: object, signature: object
) -> tuple[str, Item]:
    """Checked as strictly as an item that another node puts."""
    if not isinstance(value, bytes) or not isinstance(salt, bytes) or len(salt) > MAX_SALT_BYTES:
        raise ValueError("no item")
    signed = (
        {} if key is None and signature == b"" else {b"k": key, b"seq": sequence, b"sig": signature}
    )
    content = bencode.decode(value)
    if depth_of(content) > MAX_VALUE_DEPTH:
        raise ValueError("no message holds it")
    return _name(network), item_from({b"v": content, **signed}, salt)


def _name(network: object) -> str:
    if not isinstance(network, str):
        raise ValueError("no name of a network")
    return network


def _bytes(value: object, *lengths: int) -> bytes:
    if not isinstance(value, bytes) or len(value) not in lengths:
        raise ValueError("not so many bytes")
    return value


def _seconds(value: object) -> float:
    if not isinstance(value, float) or not math.isfinite(value) or value < 0:
        raise ValueError("no age")
    return value
