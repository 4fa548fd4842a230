"""The address book and the own peer record from one run to the next."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import trio
from trio.testing import MockClock

from kadisc.net.state.state_file import read_state, replace_state
from kadisc.observe.shell_events import StateDamaged

from ..lab import network, open_several
from .saving import open_with_state


async def test_the_address_book_and_the_sequence_of_the_record_outlive_the_run(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    async with open_several(net, 6):
        async with open_with_state(net, tmp_path) as node:
            await trio.sleep(90)
            key, sequence = node.public_key, node.snapshot().peer_network.sequence  # type: ignore[union-attr]
            met = {peer.key async for peer in node.peers(count=6)}
        kept = read_state(tmp_path / "state.sqlite3")
        assert kept is not None
        assert {
            saved.peer.key
            for saved in kept.peer_networks["mainline"].book.peers
            if saved.peer is not None
        } == met
        kept.peer_networks["mainline"] = replace(
            kept.peer_networks["mainline"], sequence=sequence + 10**6
        )  # as by a clock that was right then
        replace_state(tmp_path / "state.sqlite3", kept)
        async with open_with_state(net, tmp_path, bootstrap=False) as node:
            peer_network = node.snapshot().peer_network
            assert peer_network is not None
            assert (node.public_key, peer_network.sequence) == (key, sequence + 10**6 + 1)
            assert {
                peer.key async for peer in node.peers(count=6)
            } == met  # though there was no host to join by


async def test_damaged_lines_of_the_address_book_are_reported(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    async with open_several(net, 3), open_with_state(net, tmp_path):
        await trio.sleep(90)
    with contextlib.closing(sqlite3.connect(tmp_path / "state.sqlite3")) as database:
        database.execute("UPDATE book SET peer = 'x' WHERE rowid = 1")
        database.commit()
    async with open_with_state(net, tmp_path) as node, node.subscribe(StateDamaged) as events:
        assert "1 entry left out" in (await events.__anext__()).reason
