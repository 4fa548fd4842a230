"""The state as bytes and as a file: what is written is read, damage is recognised, and the file is
replaced as a whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import sqlite3
import stat
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kadisc.contacts import Contact
from kadisc.core.contract.identity import Identity, signed_item
from kadisc.core.contract.saved_state import (
    SavedBook,
    SavedContact,
    SavedPeer,
    SavedPeerNetwork,
    SavedRun,
    SavedVerdict,
)
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.endpoints import Family, parse_endpoint
from kadisc.net.state.damage import DamagedState, NewerState
from kadisc.net.state.private_files import set_aside
from kadisc.net.state.sound_rows import MAX_ROWS
from kadisc.net.state.state_file import (
    SCHEMA_VERSION,
    KeptState,
    decode_state,
    encode_state,
    read_state,
    replace_state,
)
from kadisc.wire.bencode import MAX_INT
from kadisc.wire.items import Item

SEED = bytes(range(32))


def contact(
    number: int,
    *,
    host: str = "11.2.3",
    rtt_s: float | None = 0.05,
    client: bytes | None = b"LT\x02\x11",
) -> SavedContact:
    return SavedContact(
        Contact(number, parse_endpoint(f"{host}.{1 + number % 250}:{1 + number}")),
        1000.5 + number,
        2.25,
        rtt_s,
        client,
    )


def full_state(count: int = 300) -> KeptState:
    six = SavedContact(Contact(7, parse_endpoint("[2001:db8::7]:6881")), 5.0, 1.0)
    mainline = (
        *(contact(number) for number in range(count)),
        six,
        contact(1000, rtt_s=None, client=None),
    )
    return KeptState(
        SEED,
        {Family.IPV4: bytes((45, 1, 2, 3)), Family.IPV6: bytes(range(16))},
        {"mainline": mainline, "my chain ☂": (contact(3),)},
    )


def with_books() -> KeptState:
    """One network has a verified and an unverified peer; the other only a sequence of the own
    record.
    """
    six, services = parse_endpoint("[2001:db8::7]:6881"), {"eth": 30303, "fork": b"\xab\xcd"}
    met = SavedPeer(
        six,
        "tag2",
        True,
        90.5,
        60.25,
        3,
        1,
        VerifiedPeer(bytes(range(32)), six, 7, b"de", 12, services),
        50.0,
        30.0,
        0.125,
    )
    heard = SavedPeer(parse_endpoint("11.2.3.4:5"), six, False, 9.0, 8.0)
    state = full_state(3)
    verdicts = (
        SavedVerdict(bytes(range(32)), "good", 2, 0.0),
        SavedVerdict(bytes(32) + six, "wrong-network", 0, 86_399.5),
        SavedVerdict(bytes(32) + heard.endpoint, "busy", 1, 30.0),
    )
    state.peer_networks = {
        "mainline": SavedPeerNetwork(1_795_597_328_336, SavedBook((met, heard)), verdicts),
        "my chain ☂": SavedPeerNetwork(5, SavedBook()),
    }
    return state


def without_verdicts(state: KeptState) -> KeptState:
    state.peer_networks = {
        name: replace(saved, verdicts=()) for name, saved in state.peer_networks.items()
    }
    return state


def with_items() -> KeptState:
    """Of one network an immutable and two mutable items, of the other one."""
    owner = Identity(SEED)
    state = with_books()
    state.published = {
        "mainline": (
            Item(b"12:Hello World!"),
            signed_item(owner, b"d1:ai1e1:bl1:xee", MAX_INT, b"salt"),
            signed_item(owner, b"i-7e", 0),
        ),
        "my chain ☂": (Item(b"996:" + bytes(996)),),
    }
    return state


@pytest.mark.parametrize(
    "state", [KeptState(), KeptState(SEED), full_state(0), full_state(), with_books(), with_items()]
)
def test_what_is_written_is_read(tmp_path: Path, state: KeptState) -> None:
    replace_state(tmp_path / "state", state)
    assert read_state(tmp_path / "state") == state


@given(
    st.lists(
        st.builds(
            SavedContact,
            st.builds(
                Contact,
                st.integers(0, 2**160 - 1),
                st.one_of(st.binary(min_size=6, max_size=6), st.binary(min_size=18, max_size=18)),
            ),
            st.floats(0, 1e12),
            st.floats(0, 1e12),
            st.none() | st.floats(0, 10),
            st.none() | st.binary(min_size=1, max_size=256),
        ),
        unique_by=lambda saved: saved.contact,
        max_size=20,
    ),
    st.text(max_size=20).filter(lambda name: "\0" not in name and name.isprintable()),
)
def test_any_contacts_are_written_and_read(contacts: list[SavedContact], network: str) -> None:
    state = KeptState(SEED, {}, {network: tuple(contacts)} if contacts else {})
    assert decode_state(encode_state(state)) == state


def test_it_is_an_ordinary_database(tmp_path: Path) -> None:
    """Other programs can open it, also while a node runs."""
    replace_state(tmp_path / "state", full_state())
    with contextlib.closing(
        sqlite3.connect(f"file:{tmp_path}/state?mode=ro&immutable=1", uri=True)
    ) as database:
        assert database.execute(
            "SELECT count(*) FROM contacts WHERE network = 'mainline'"
        ).fetchone() == (302,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_no_file_is_no_state(tmp_path: Path) -> None:
    assert read_state(tmp_path / "state") is None


# --- damage ---------------------------------------------------------------------------------------


def _sql(*statements: str) -> Callable[[bytes], bytes]:
    def change(image: bytes) -> bytes:
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
            database.deserialize(image)
            for statement in statements:
                database.execute(statement)
            return database.serialize()

    return change


HOPELESS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda image: b"",
    "text": lambda image: b"hello\n",
    "zeros": lambda image: bytes(len(image)),
    "header alone": lambda image: image[:100],
    "header and noise": lambda image: image[:100] + random.Random(1).randbytes(len(image) - 100),
    "other program": lambda image: _sql("PRAGMA application_id = 5")(image),
    "no version": lambda image: _sql("PRAGMA user_version = 0")(image),
}
IN_PART: dict[str, tuple[str, ...]] = {
    "no table": ("DROP TABLE contacts",),
    "other columns": ("DROP TABLE contacts", "CREATE TABLE contacts (what)"),
    "a number for an ID": ("UPDATE contacts SET id = 5 WHERE rowid = 9",),
    "a short endpoint": ("UPDATE contacts SET endpoint = x'0011' WHERE rowid = 9",),
    "the wrong family": ("UPDATE contacts SET family = 'ipv6' WHERE rowid = 9",),
    "an age in words": ("UPDATE contacts SET age_s = 'long' WHERE rowid = 9",),
    "an age below 0": ("UPDATE contacts SET verified_s_ago = -1 WHERE rowid = 9",),
    "an endless age": ("UPDATE contacts SET age_s = 9e999 WHERE rowid = 9",),
    "a long client": ("UPDATE contacts SET client = zeroblob(5000) WHERE rowid = 9",),
    "a huge client": ("UPDATE contacts SET client = zeroblob(5000000) WHERE rowid = 9",),
    "a blob for a network": ("UPDATE contacts SET network = x'ff' WHERE rowid = 9",),
    "bytes that are no text": (
        "UPDATE contacts SET network = CAST(x'ff' AS TEXT) WHERE rowid = 9",
    ),
    "a short address": ("UPDATE addresses SET ip = x'00' WHERE family = 'ipv6'",),
    "an address of no family": ("UPDATE addresses SET family = 'ipv8' WHERE family = 'ipv6'",),
    "a view": (
        "DROP TABLE contacts",
        "CREATE VIEW contacts AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
        " SELECT 'n' network, 'ipv4' family, zeroblob(20) id, zeroblob(6) endpoint, 1.0 age_s,"
        " 1.0 verified_s_ago, NULL rtt_s, NULL client, x rowid FROM n",
    ),
    "a view that makes huge values": (
        "DROP TABLE addresses",
        "CREATE VIEW addresses AS SELECT 'ipv4' family, hex(zeroblob(100000000)) ip",
    ),
    "a virtual table": (
        "DROP TABLE book",
        "CREATE VIRTUAL TABLE book USING fts5(network, peer)",
    ),
    "computed columns": (
        "DROP TABLE published",
        "CREATE TABLE published (network, value AS (hex(zeroblob(100000000))), key, salt, sequence,"
        " signature)",
        "INSERT INTO published (network) VALUES ('n')",
    ),
}


@pytest.mark.parametrize("kind", HOPELESS)
def test_damage_is_recognised_and_described_in_one_line(kind: str) -> None:
    with pytest.raises(DamagedState) as caught:
        decode_state(HOPELESS[kind](encode_state(full_state())))
    assert str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("kind", IN_PART)
def test_what_is_not_sound_is_left_out_alone(kind: str) -> None:
    """One row, or one table: it costs neither the key nor the rest, and neither time nor memory."""
    state = with_items()
    state.contacts["mainline"] = full_state(20).contacts["mainline"]
    image = _sql(*IN_PART[kind])(encode_state(state))
    began = time.process_time()
    found = decode_state(image)
    assert time.process_time() - began < 2
    assert found.left_out == 1
    assert found.seed == SEED
    assert found.peer_networks == state.peer_networks or "book" in IN_PART[kind][0]
    assert found.published == state.published or "published" in IN_PART[kind][0]
    if "contacts" in IN_PART[kind][0] and "DROP" not in IN_PART[kind][0]:
        assert len(found.contacts["mainline"]) == len(state.contacts["mainline"]) - 1


def test_rows_that_stand_there_twice_count_once() -> None:
    """As in a planted file, whose tables have no keys."""
    state = full_state()
    state.runs = (SavedRun(Family.IPV4, 6881, None),)
    twice = []
    for table in ("contacts", "runs"):
        twice += [
            f"CREATE TABLE other AS SELECT * FROM {table}",
            f"INSERT INTO other SELECT * FROM {table}",
            f"DROP TABLE {table}",
            f"ALTER TABLE other RENAME TO {table}",
        ]
    found = decode_state(_sql(*twice)(encode_state(state)))
    assert found == state
    assert decode_state(encode_state(found)) == found


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE identity SET seed = x'00'",
        "UPDATE identity SET seed = 'abcdefghijklmnopqrstuvwxyz012345'",
        "INSERT INTO identity VALUES (zeroblob(32))",
        "DROP TABLE identity",
    ],
)
def test_a_key_that_is_not_sound_costs_nothing_else(damage: str) -> None:
    found = decode_state(_sql(damage)(encode_state(full_state())))
    assert found.seed is None
    assert found.contacts == full_state().contacts
    assert found.left_out > 0


def test_of_a_table_without_end_so_many_rows_are_read() -> None:
    image = _sql(
        "DELETE FROM book",
        "INSERT INTO book WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n"
        " WHERE x < 200000) SELECT 'n', 'x' FROM n",
    )(encode_state(with_items()))
    began = time.process_time()
    found = decode_state(image)
    assert time.process_time() - began < 5
    assert (found.seed, found.left_out) == (SEED, MAX_ROWS)


def test_a_write_ahead_log_that_the_header_asks_for_is_ignored() -> None:
    image = encode_state(full_state())
    assert decode_state(image[:18] + b"\2\2" + image[20:]) == full_state()


@given(st.data())
@settings(max_examples=300)
def test_no_damage_raises_another_exception(data: st.DataObject) -> None:
    """Overwritten bytes: the damage is recognised, or the values read have the right types."""
    image = bytearray(encode_state(full_state(20)))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(image) - 1))
        image[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DamagedState, NewerState):
        kept = decode_state(bytes(image))
        assert kept.seed is None or len(kept.seed) == 32
        assert all(saved.age_s >= 0 for contacts in kept.contacts.values() for saved in contacts)


@pytest.mark.parametrize(
    "statement", [f"PRAGMA user_version = {SCHEMA_VERSION + 1}", "PRAGMA user_version = 2000000000"]
)
def test_a_newer_file_is_not_damaged(statement: str) -> None:
    newer = _sql(statement, "DROP TABLE contacts")(encode_state(full_state()))
    with pytest.raises(NewerState, match="later version"):
        decode_state(newer)


@pytest.mark.parametrize(
    ("version", "state", "missing"),
    [
        (1, full_state(3), ["book", "sequences", "published", "verdicts"]),
        (2, without_verdicts(with_books()), ["published", "verdicts"]),
        (3, without_verdicts(with_items()), ["verdicts"]),
        (4, without_verdicts(with_items()), ["verdicts"]),
    ],
)
def test_a_file_of_an_older_version_is_read(
    tmp_path: Path, version: int, state: KeptState, missing: list[str]
) -> None:
    old = _sql(f"PRAGMA user_version = {version}", *(f"DROP TABLE {table}" for table in missing))(
        encode_state(state)
    )
    (tmp_path / "state").write_bytes(old)
    assert read_state(tmp_path / "state") == state
    replace_state(tmp_path / "state", state)
    with contextlib.closing(sqlite3.connect(tmp_path / "state")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        ("UPDATE verdicts SET verdict = 'ugly' WHERE rowid = 2", 2),
        ("UPDATE verdicts SET mark = x'00' WHERE rowid = 1", 2),
        ("UPDATE verdicts SET good = -1", 0),
        ("UPDATE verdicts SET held_back_s = 9e999 WHERE rowid = 3", 2),
        ("UPDATE verdicts SET held_back_s = 'long' WHERE rowid = 3", 2),
        ("UPDATE verdicts SET network = x'ff' WHERE rowid = 1", 2),
    ],
)
def test_a_damaged_verdict_is_left_out_alone(damage: str, left: int) -> None:
    state = with_books()
    found = decode_state(_sql(damage)(encode_state(state)))
    mainline, whole = found.peer_networks["mainline"], state.peer_networks["mainline"]
    assert (mainline.sequence, [*mainline.book.peers]) == (whole.sequence, [*whole.book.peers])
    assert set(mainline.verdicts) <= set(whole.verdicts)
    assert (len(mainline.verdicts), found.left_out) == (left, 3 - left)


@pytest.mark.parametrize(
    ("damage", "lines_left"),
    [
        ("UPDATE book SET peer = 'nonsense' WHERE rowid = 1", 1),
        ("UPDATE book SET peer = x'ff00' WHERE rowid = 2", 1),
        ("UPDATE book SET peer = 5", 0),
        ("UPDATE book SET peer = replace(peer, '\"tried\"', '\"best\"')", 1),
        ("UPDATE book SET network = x'ff' WHERE rowid = 1", 1),
        ("UPDATE sequences SET sequence = -1 WHERE network = 'mainline'", 2),
        ("UPDATE sequences SET sequence = 'many' WHERE network = 'mainline'", 2),
    ],
)
def test_a_damaged_line_of_the_book_is_left_out_alone(damage: str, lines_left: int) -> None:
    state = with_books()
    found = decode_state(_sql(damage)(encode_state(state)))
    assert (found.seed, found.contacts) == (state.seed, state.contacts)
    left = found.peer_networks.get("mainline", SavedPeerNetwork(0, SavedBook()))
    assert set(left.book.peers) <= set(state.peer_networks["mainline"].book.peers)
    assert len(left.book.peers) == lines_left
    assert found.left_out == (2 if lines_left == 0 else 1)


@pytest.mark.parametrize(
    "damage",
    [
        "value = 'text'",
        "value = x''",
        "value = x'6931656531'",
        "value = CAST('d1:bi1e1:ai2ee' AS BLOB)",
        "value = zeroblob(1001)",
        f"value = CAST('{'l' * 9}{'e' * 9}' AS BLOB)",  # too deep for a message
        "key = x'00'",
        "key = NULL",
        "salt = 5",
        "salt = zeroblob(65)",
        "sequence = -1",
        "sequence = 'many'",
        "signature = x''",
        "network = x'ff'",
    ],
)
def test_a_damaged_item_is_left_out_alone(damage: str) -> None:
    state = with_items()
    found = decode_state(
        _sql(f"UPDATE published SET {damage} WHERE rowid = 2")(encode_state(state))
    )
    assert found.published == state.published | {"mainline": state.published["mainline"][::2]}
    assert (found.left_out, found.peer_networks) == (1, state.peer_networks)


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop"])
def test_a_path_that_is_no_regular_file_is_not_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "state"
    {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "loop": lambda: path.symlink_to(path)}[
        kind
    ]()
    with pytest.raises(OSError):
        read_state(path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "state").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DamagedState, match="1099511627776 bytes"):
        read_state(tmp_path / "state")


def test_renaming_damaged_files_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state"
    for number in (1, 2, 3):
        path.write_text(f"damage {number}")
        assert set_aside(path) == tmp_path / f"state.damaged-{number}"
    assert [(tmp_path / f"state.damaged-{number}").read_text() for number in (1, 2, 3)] == [
        "damage 1",
        "damage 2",
        "damage 3",
    ]
    assert not path.exists()


# --- replacing ------------------------------------------------------------------------------------


def test_only_the_owner_may_read_the_file(tmp_path: Path) -> None:
    old_mask = os.umask(0)
    try:
        replace_state(tmp_path / "state", full_state())
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_the_new_file_is_synced_before_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the name could lead to an empty file after a power cut: file systems write
    names and content in any order.
    """
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(handle: int) -> None:
        steps.append(
            "sync folder"
            if stat.S_ISDIR(os.fstat(handle).st_mode)
            else f"sync {os.fstat(handle).st_size} bytes"
        )
        fsync(handle)

    def noted_replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    replace_state(tmp_path / "state", full_state())
    assert steps == [f"sync {(tmp_path / 'state').stat().st_size} bytes", "rename", "sync folder"]


def test_a_reader_that_has_the_file_open_goes_on_reading_the_old_state(tmp_path: Path) -> None:
    path = tmp_path / "state"
    replace_state(path, KeptState(SEED))
    with path.open("rb") as file:
        beginning = file.read(100)
        replace_state(path, full_state())
        assert decode_state(beginning + file.read()) == KeptState(SEED)


@pytest.mark.parametrize("what", ["fsync", "fchmod"])
def test_a_full_disk_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    path = tmp_path / "state"
    replace_state(path, full_state())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, what, full)
    with pytest.raises(OSError):
        replace_state(path, KeptState(SEED))
    assert read_state(path) == full_state()
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
