"""The nonces of port mappings in the state file: a router renews and deletes a mapping only for its
nonce, after a crash too.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from kadisc.endpoints import Family
from kadisc.net.state.saved_nonces import SavedNonce
from kadisc.net.state.state_file import KeptState, decode_state, encode_state, read_state
from kadisc.observe.mappings import MappingSnapshot
from kadisc.observe.shell_events import MappingChanged

from ..lab import network
from .saving import open_with_state


def row(number: int) -> SavedNonce:
    return SavedNonce(f"192.168.{number}.1", "udp", 6881, number.to_bytes(12, "big"))


def test_they_are_kept_in_their_order_and_no_more_than_32() -> None:
    rows = tuple(row(number) for number in range(40, 0, -1))
    kept = decode_state(encode_state(KeptState(nonces=rows)))
    assert kept.nonces == rows[-32:]
    assert kept.left_out == 0


@pytest.mark.parametrize(
    "bad",
    [
        ("192.168.1.1", "udp", 6881, b"short"),
        ("192.168.1.1", "sctp", 6881, bytes(12)),
        ("192.168.1.1", "udp", 0, bytes(12)),
        ("192.168.1.1", "udp", 65_536, bytes(12)),
        ("", "udp", 6881, bytes(12)),
        ("x" * 65, "udp", 6881, bytes(12)),
        (b"192.168.1.1", "udp", 6881, bytes(12)),
        ("192.168.1.1", "udp", "many", bytes(12)),
    ],
)
def test_one_that_is_not_sound_is_left_out_alone(bad: tuple[object, ...], tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    path.write_bytes(encode_state(KeptState(nonces=(row(1),))))
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO nonces VALUES (?, ?, ?, ?)", bad)
    kept = read_state(path)
    assert kept is not None
    assert kept.nonces == (row(1),)
    assert kept.left_out == 1


def test_a_file_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    path.write_bytes(encode_state(KeptState(seed=bytes(32))))
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE nonces")
        database.execute("PRAGMA user_version = 5")
    assert read_state(path) == KeptState(seed=bytes(32))


async def test_a_new_nonce_is_in_the_file_soon_after_the_router_granted_a_mapping(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Before the next regular save: the node may crash until then."""
    path = tmp_path / "state.sqlite3"
    net = network()
    async with open_with_state(net, tmp_path, 1) as node:
        await trio.sleep(1)
        assert node.keeper is not None
        node.keeper.keep_nonces(lambda: (row(1), row(2)))
        node.pump.publish(MappingChanged(MappingSnapshot("udp", Family.IPV4, 6881)))
        await trio.sleep(0.1)
        kept = read_state(path)
        assert kept is not None
        assert kept.nonces == (row(1), row(2))
    async with open_with_state(net, tmp_path, 1) as node:
        assert node.port_mapper.nonces() == (row(1), row(2))
    kept = read_state(path)
    assert kept is not None
    assert kept.nonces == (row(1), row(2))
