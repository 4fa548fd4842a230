"""Any rows in the tables of a sound ``state.sqlite3``, and a node that starts with them.

Each line of an input is one row, as JSON: the name of its table, then its values, bytes as
``{"x": HEX}``. A line that is something else counts for nothing. The first line may be the word
``loose``: then the columns have no types and no rules, as in a planted file.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import cache
from random import Random
from typing import Any

from kadisc.endpoints import Family
from kadisc.net.state.state_file import KeptState, encode_state

from ..mutation import mutate_json_lines
from ..restored_core import NETWORK, core_for, run_idle
from ..sound_state import sound_state
from ..target import Target, require
from .state_file import check_image

LOOSE = b"loose"


@cache
def columns() -> dict[str, int]:
    """The tables, each with its number of columns."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.deserialize(encode_state(KeptState()))
        tables = [name for [name] in database.execute("SELECT name FROM sqlite_schema")]
        return {
            name: len(database.execute(f"PRAGMA table_info({name})").fetchall())
            for name in tables
            if not name.startswith("sqlite_")
        }


@cache
def empty_file(is_loose: bool) -> bytes:
    image = encode_state(KeptState())
    if not is_loose:
        return image
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.deserialize(image)
        for table in columns():
            found = database.execute(f"PRAGMA table_info({table})").fetchall()
            names = ", ".join(row[1] for row in found)
            database.execute(f"DROP TABLE {table}")
            database.execute(f"CREATE TABLE {table} ({names})")
        return database.serialize()


def _value(raw: Any) -> Any:
    if isinstance(raw, dict) and isinstance(raw.get("x"), str):
        return bytes.fromhex(raw["x"])
    if isinstance(raw, dict | list):
        return json.dumps(raw)
    return raw


def image_of(data: bytes) -> bytes:
    lines = data.split(b"\n")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.deserialize(empty_file(lines[0] == LOOSE))
        database.execute("BEGIN")
        for line in lines:
            try:
                table, *values = json.loads(line)
                size = columns()[table]
                row = [_value(each) for each in (*values, *[None] * size)[:size]]
                database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * size)})", row)
            except (ValueError, TypeError, KeyError, RecursionError, OverflowError, sqlite3.Error):
                continue
        database.execute("COMMIT")
        return database.serialize()


def check(data: bytes) -> None:
    state = check_image(image_of(data))
    if state is None:
        return
    core = core_for(state.seed)
    saved = state.saved_state(NETWORK, contacts_of_others=True)
    core.restore(saved, 0.0)
    for run in saved.runs:
        if run.family in Family:
            core.ended_on_this_port(run.family, run.ended_at_s or 0.0, 0.0)
    book = saved.peer_network.book.peers if saved.peer_network is not None else ()
    after = run_idle(core, [peer.endpoint for peer in book])
    if saved.peer_network is not None and after.peer_network is not None:
        known = saved.peer_network.sequence
        require(after.peer_network.sequence >= known, "the sequence of the own record went back")


def _rows(state: KeptState) -> list[bytes]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.deserialize(encode_state(state))
        return [
            json.dumps(
                [table, *({"x": each.hex()} if isinstance(each, bytes) else each for each in row)]
            ).encode()
            for table in columns()
            for row in database.execute(f"SELECT * FROM {table}")
        ]


def seeds() -> list[bytes]:
    rows = _rows(sound_state())
    return [b"\n".join(rows), *rows, b"\n".join([LOOSE, *rows]), *(LOOSE + b"\n" + r for r in rows)]


def mutate(data: bytes, rng: Random) -> bytes:
    if rng.random() < 0.1:
        return LOOSE + b"\n" + data if not data.startswith(LOOSE) else data[len(LOOSE) + 1 :]
    return mutate_json_lines(data, rng)


STATE_ROWS = Target(
    "state-rows",
    "rows that are not sound are left out, and no error is raised; a node starts with the others, "
    "runs, and saves what can be read again",
    check,
    seeds,
    (b'{"x": "', b"1e309", b"null", b"-1", b"9223372036854775807", b'"testnet"', b'"ipv6"'),
    mutate,
    max_bytes=4096,
    intended_s=0.1,
    guided_by=("kadisc.net.state", "kadisc.observe", "kadisc.core.book", "kadisc.core.contract"),
    quick_runs=60,
)
