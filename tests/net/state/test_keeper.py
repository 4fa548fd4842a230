"""Keeping state: when it is saved, what is reported when it cannot be, and which node may use the
folder. On a network in memory, in virtual time.
"""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from kadisc.core.addressing.bep42 import derive_node_id
from kadisc.core.addressing.external_address import Confidence
from kadisc.core.contract.events import Joined
from kadisc.core.contract.identity import Identity
from kadisc.core.contract.saved_state import SavedState
from kadisc.core.snapshot import EntrySnapshot
from kadisc.endpoints import Family
from kadisc.errors import UsageError
from kadisc.net.api.node import Node
from kadisc.net.api.open import open_node
from kadisc.net.state import keeper as keeping
from kadisc.net.state import state_folder
from kadisc.net.state.state_file import KeptState, encode_state, read_state, replace_state
from kadisc.net.state.state_folder import StateFolder, Unsaved, read_saved_state
from kadisc.net.transport.clock import TrioClock
from kadisc.observe.shell_events import StateSaved, StateSetAside, StateUnsaved

from ..lab import address, joined, network, open_several
from .saving import config_in, open_with_state
from .test_state_file import SEED, full_state


@asynccontextmanager
async def notices_of(node: Node) -> AsyncIterator[list[object]]:
    seen: list[object] = []

    async def collect() -> None:
        async for event in events:
            seen.append(event)

    async with (
        node.subscribe(StateUnsaved, StateSaved, StateSetAside) as events,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(collect)
        yield seen
        nursery.cancel_scope.cancel()


def kept_contacts(folder: Path, name: str = "mainline") -> int:
    kept = read_state(folder / "state.sqlite3")
    return len(kept.contacts.get(name, ())) if kept is not None else -1


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- when -----------------------------------------------------------------------------------------


async def test_saved_at_the_start_when_joined_while_something_changes_and_at_the_end(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net, path = network(), tmp_path / "state.sqlite3"
    async with open_several(net, 12):
        async with open_with_state(net, tmp_path) as node:
            async with node.subscribe(Joined) as events:
                await events.__anext__()
            await trio.sleep(0.001)
            assert kept_contacts(tmp_path) >= 1
            await trio.sleep(31)
            assert kept_contacts(tmp_path) >= 8
            before = path.read_bytes()
            await trio.sleep(300)
            assert path.read_bytes() == before  # no contact came or went
            await trio.sleep(700)
            assert path.read_bytes() != before  # but ages go stale
            before = path.read_bytes()
        assert path.read_bytes() != before
        assert kept_contacts(tmp_path) >= 8


async def test_a_new_key_is_saved_before_any_contact_is_verified(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with open_with_state(network(), tmp_path) as node:
        await trio.sleep(0.001)
        kept = read_state(tmp_path / "state.sqlite3")
        assert kept is not None
        assert kept.seed is not None
        assert Identity(kept.seed).public_key == node.public_key


async def test_ages_are_saved_and_go_on(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Those of contacts that strangers reach: one that may be open to us alone is not saved."""
    net = network()

    def entries(node: Node) -> list[EntrySnapshot]:
        return [entry for bucket in node.snapshot().dhts[0].buckets for entry in bucket.entries]

    async with open_several(net, 12):
        async with open_with_state(net, tmp_path) as node:
            await trio.sleep(2000)
            proven = {entry.contact for entry in entries(node) if not entry.inbound}
            assert len(proven) >= 8
        async with open_with_state(net, tmp_path, bootstrap=False) as node:
            await joined(node)
            await trio.sleep(1000)
            ages = [entry.age_s for entry in entries(node) if entry.contact in proven]
            assert len(ages) >= 8
            assert all(2900 < age_s < 3100 for age_s in ages)


async def test_other_networks_and_the_other_family_stay_as_they_are(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    before = full_state()
    replace_state(tmp_path / "state.sqlite3", before)
    async with open_several(net, 12), open_with_state(net, tmp_path, network="mine") as node:
        await joined(node)
        await trio.sleep(31)
    after = read_state(tmp_path / "state.sqlite3")
    assert after is not None
    assert after.contacts["mainline"] == before.contacts["mainline"]
    assert len(after.contacts["mine"]) >= 8
    assert after.addresses[Family.IPV6] == before.addresses[Family.IPV6]
    async with open_with_state(network(), tmp_path):
        await trio.sleep(1)
    again = read_state(tmp_path / "state.sqlite3")
    assert again is not None
    assert [
        saved for saved in again.contacts["mainline"] if saved.contact.family is Family.IPV6
    ] == [before.contacts["mainline"][300]]


# --- key and address ------------------------------------------------------------------------------


async def test_the_key_stays_and_the_id_follows_from_it(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    ids = []
    for number in (30, 30, 31):
        async with open_with_state(network(), tmp_path, number) as node:
            ids.append((node.public_key, node.own_ids[Family.IPV4]))
            assert node.own_ids[Family.IPV4] == derive_node_id(
                node.public_key, bytes((11 + number, number, 7, 9))
            )
    assert ids[0] == ids[1]
    assert ids[2][0] == ids[0][0]
    assert ids[2][1] != ids[0][1]


async def test_an_address_of_the_last_run_is_remembered(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """The socket is bound to an address that other nodes cannot reach: only the votes of the last
    run tell the external address.
    """
    net = network()
    replace_state(tmp_path / "state.sqlite3", full_state())
    port = net.port("192.168.1.5:6881")
    async with open_node(
        config_in(tmp_path), ports=[port], clock=TrioClock(), rng=random.Random(1)
    ) as node:
        [dht] = node.snapshot().dhts
        assert (dht.address.ip, dht.address.confidence) == (
            bytes((45, 1, 2, 3)),
            Confidence.REMEMBERED,
        )
        assert dht.own_id == derive_node_id(Identity(SEED).public_key, bytes((45, 1, 2, 3)))
    kept = read_state(tmp_path / "state.sqlite3")
    assert kept is not None
    assert kept.addresses[Family.IPV4] == bytes((45, 1, 2, 3))


# --- when it cannot be kept -----------------------------------------------------------------------


async def test_a_damaged_file_is_renamed_and_a_new_one_begun(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net, path = network(), tmp_path / "state.sqlite3"
    path.write_bytes(b"SQLite format 3\0 and then nothing of the kind")
    async with (
        open_several(net, 12),
        open_with_state(net, tmp_path) as node,
        notices_of(node) as notices,
    ):
        await joined(node)
        await trio.sleep(100)
        [notice] = notices
        assert isinstance(notice, StateSetAside)
        assert (notice.file, notice.renamed_to) == (str(path), f"{path}.damaged-1")
    assert contents(tmp_path)["state.sqlite3.damaged-1"].endswith(b"of the kind")
    assert kept_contacts(tmp_path) >= 8


async def test_a_newer_file_stays_as_it_is(tmp_path: Path, autojump_clock: MockClock) -> None:
    path = tmp_path / "state.sqlite3"
    image = encode_state(full_state())
    newer = image[:60] + (9).to_bytes(4, "big") + image[64:]  # where SQLite keeps user_version
    path.write_bytes(newer)
    optional = open_with_state(network(), tmp_path, is_optional=True)
    async with optional as node, notices_of(node) as notices:
        await trio.sleep(1000)
        assert node.public_key != Identity(SEED).public_key
        [notice] = notices
        assert isinstance(notice, StateUnsaved)
        assert "later version of kadisc" in notice.reason
    assert path.read_bytes() == newer
    assert sorted(contents(tmp_path)) == ["state.lock", "state.sqlite3"]


async def test_a_full_disk_is_reported_once_and_saving_is_retried(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network()
    full = True
    tries = 0

    def replace_or_not(path: Path, kept: KeptState) -> None:
        nonlocal tries
        tries += 1
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace_state(path, kept)

    monkeypatch.setattr(state_folder, "replace_state", replace_or_not)
    async with (
        open_several(net, 12),
        open_with_state(net, tmp_path) as node,
        notices_of(node) as notices,
    ):
        await joined(node)
        await trio.sleep(600)
        [notice] = notices
        assert isinstance(notice, StateUnsaved)
        assert (
            notice.reason == f"{tmp_path}/state.sqlite3 cannot be written: no space left on device"
        )
        assert tries > 15
        full = False
        await trio.sleep(31)
        assert [type(notice) for notice in notices] == [StateUnsaved, StateSaved]
        assert kept_contacts(tmp_path) >= 8


TROUBLE = (
    RuntimeError("can't start new thread"),
    MemoryError(),
    sqlite3.OperationalError("out of memory"),
    OSError(errno.EMFILE, "Too many open files"),
    KeyError("a fault"),
)


@pytest.mark.parametrize("error", TROUBLE, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["the thread", "the file"])
async def test_no_save_ends_the_node_whatever_it_raises(
    tmp_path: Path,
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    error: Exception,
) -> None:
    """As in a container whose limit of processes or of memory is reached."""
    net, here = network(), keeping.in_thread

    async def refuse_thread(call: Callable[[], object], **_: bool) -> object:
        raise error

    def refuse_file(path: Path, kept: KeptState) -> None:
        raise error

    async with (
        open_several(net, 12),
        open_with_state(net, tmp_path) as node,
        notices_of(node) as notices,
    ):
        await joined(node)
        if where == "the thread":
            monkeypatch.setattr(keeping, "in_thread", refuse_thread)
        else:
            monkeypatch.setattr(state_folder, "replace_state", refuse_file)
        await trio.sleep(1)  # a save may be under way
        (tmp_path / "state.sqlite3").unlink()
        await trio.sleep(200)
        [notice] = notices
        assert isinstance(notice, StateUnsaved)
        assert not (tmp_path / "state.sqlite3").exists()
        assert "\n" not in notice.reason
        monkeypatch.setattr(keeping, "in_thread", here)
        monkeypatch.setattr(state_folder, "replace_state", replace_state)
        await trio.sleep(31)
        assert [type(notice) for notice in notices] == [StateUnsaved, StateSaved]
        assert kept_contacts(tmp_path) >= 8


async def test_a_node_starts_and_ends_in_order_where_no_thread_can_be_started(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(call: Callable[[], object], **_: bool) -> object:
        raise RuntimeError("can't start new thread")

    replace_state(tmp_path / "state.sqlite3", full_state())
    monkeypatch.setattr(keeping, "in_thread", refuse)
    before = (tmp_path / "state.sqlite3").read_bytes()
    async with open_with_state(network(), tmp_path) as node:
        assert node.public_key == Identity(SEED).public_key
        await trio.sleep(100)
        assert (tmp_path / "state.sqlite3").read_bytes() == before
    assert (tmp_path / "state.sqlite3").read_bytes() != before
    async with open_with_state(network(), tmp_path, 31):
        pass  # the folder is free again


async def test_an_unreadable_file_is_left_alone(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the file can be read again, its key is still there, and the temporary one goes with
    this run.
    """
    net, path = network(), tmp_path / "state.sqlite3"
    replace_state(path, full_state(0))

    def forbidden(path: Path) -> KeptState | None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(state_folder, "read_state", forbidden)
    before = path.read_bytes()
    async with (
        open_several(net, 12),
        open_with_state(net, tmp_path, is_optional=True) as node,
        notices_of(node) as notices,
    ):
        await joined(node)
        await trio.sleep(100)
        assert [type(notice) for notice in notices] == [StateUnsaved]
        assert "cannot be read: permission denied" in str(notices)
        assert path.read_bytes() == before
        monkeypatch.setattr(state_folder, "read_state", read_state)
        await trio.sleep(31)
        assert [type(notice) for notice in notices] == [StateUnsaved, StateSaved]
    kept = read_state(path)
    assert kept is not None
    assert kept.seed == SEED
    assert kept_contacts(tmp_path) >= 9  # and that one of IPv6, which this node does not speak


async def test_the_node_runs_where_the_folder_cannot_be_made(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    (tmp_path / "file").write_text("not a folder")
    net = network()
    async with (
        open_several(net, 12),
        open_with_state(net, tmp_path / "file" / "folder", is_optional=True) as node,
        notices_of(node) as notices,
    ):
        await joined(node)
        await trio.sleep(100)
        assert [type(notice) for notice in notices] == [StateUnsaved]
        assert "not a directory" in str(notices)


async def test_a_read_only_folder_still_gives_the_key_and_the_contacts(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_state(tmp_path / "state.sqlite3", full_state())

    def refuse(self: StateFolder) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(StateFolder, "acquire", refuse)
    optional = open_with_state(network(), tmp_path, is_optional=True)
    async with optional as node, notices_of(node) as notices:
        await trio.sleep(100)
        assert node.public_key == Identity(SEED).public_key
        assert node.has_contacts(Family.IPV4)
        assert [type(notice) for notice in notices] == [StateUnsaved]


async def test_a_disk_that_hangs_does_not_keep_the_node_from_ending(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(call: Callable[[], object], **_: bool) -> object:
        await trio.sleep_forever()

    async with open_with_state(network(), tmp_path):
        await trio.sleep(1)
        monkeypatch.setattr(keeping, "in_thread", hang)
        asked = trio.current_time()
    assert trio.current_time() - asked < 6


async def test_an_exception_in_the_block_comes_out_and_the_state_is_saved(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    class Trouble(Exception):
        pass

    net = network()
    async with open_several(net, 12):
        with pytest.raises(Trouble):
            async with open_with_state(net, tmp_path) as node:
                await joined(node)
                raise Trouble
        assert kept_contacts(tmp_path) >= 1
        (tmp_path / "state.sqlite3").unlink()
        with trio.CancelScope() as scope:
            async with open_with_state(net, tmp_path, bootstrap=True) as node:
                await joined(node)
                scope.cancel()
                await trio.sleep_forever()
    assert kept_contacts(tmp_path) >= 1


# --- the folder -----------------------------------------------------------------------------------


async def test_a_second_node_is_refused_and_a_later_one_is_not(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    async with open_with_state(net, tmp_path):
        with pytest.raises(
            UsageError,
            match=f"another node uses the state folder .* .process {os.getpid()}.; "
            "give each node its own --state-dir",
        ):
            async with open_with_state(net, tmp_path, 31):
                pass
        net.port(address(31)).close()  # the port of the refused one is free again
    async with open_with_state(net, tmp_path, 31):
        pass


def test_the_lock_ends_with_the_process(tmp_path: Path) -> None:
    program = (
        "import sys, signal\nfrom kadisc.net.state.state_folder import StateFolder\n"
        f"folder = StateFolder({str(tmp_path)!r})\nfolder.open()\n"
        "print('open', flush=True)\nsignal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(UsageError, match=f"process {process.pid}"):
            StateFolder(tmp_path).open()
        process.kill()
    folder = StateFolder(tmp_path)
    folder.open()
    folder.close()


def test_only_the_owner_may_read_the_folder(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "a" / "b")
    folder.open()
    folder.save(SEED, "mainline", SavedState(()))
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.path.iterdir())
    folder.close()


def test_reading_a_saved_state_writes_nothing(tmp_path: Path) -> None:
    replace_state(tmp_path / "state.sqlite3", full_state())
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()}
    folder_mtime = tmp_path.stat().st_mtime_ns
    saved = read_saved_state(tmp_path, "mainline")
    assert [len(dht.contacts) for dht in saved.dhts] == [301, 1]
    of_no_network = read_saved_state(tmp_path, "a name without contacts")
    assert [len(dht.contacts) for dht in of_no_network.dhts] == [300, 1]  # one is in both
    assert of_no_network.peer_network is None
    assert {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.iterdir()
    } == before
    assert tmp_path.stat().st_mtime_ns == folder_mtime
    for nothing in (tmp_path / "nowhere", tmp_path / "state.sqlite3"):
        assert read_saved_state(nothing, "mainline") == SavedState(())


def test_a_file_that_is_damaged_while_the_node_runs_is_renamed(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    folder.open()
    folder.file.write_text("damaged")
    folder.save(SEED, "mainline", SavedState(()))
    assert (tmp_path / "state.sqlite3.damaged-1").read_text() == "damaged"
    assert read_state(folder.file) == KeptState(SEED, {}, {})
    folder.close()


def test_a_folder_that_another_node_has_locked_meanwhile_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = StateFolder(tmp_path, optional=True), StateFolder(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(
            Path,
            "mkdir",
            lambda *_, **__: (_ for _ in ()).throw(OSError(errno.EROFS, "Read-only file system")),
        )
        first.open()
    second.open()
    with pytest.raises(Unsaved, match="another node"):
        first.save(SEED, "mainline", SavedState(()))
    second.close()
    first.save(SEED, "mainline", SavedState(()))
    first.close()
