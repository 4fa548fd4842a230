"""The socket file: stale sockets, other files, long paths, systems without Unix sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import trio
from trio.testing import MockClock

from kadisc.control import server
from kadisc.control.client import open_client
from kadisc.control.server import open_control
from kadisc.control.socket_file import MAX_PATH_BYTES, listening_at, socket_path
from kadisc.errors import BindError, NotRunning
from kadisc.net.state.state_folder import StateFolder
from kadisc.observe.shell_events import ControlSocketMissing, ControlSocketRemade

from ..net.lab import network, open_at
from .lab import open_lab

T = TypeVar("T")


async def test_the_socket_of_a_killed_node_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(socket_path(tmp_path)))
    async with open_lab(tmp_path) as lab, lab.client() as client:
        await client.ask("status")
        assert "network" in await client.result()


async def test_the_socket_of_a_running_node_is_not_replaced(tmp_path: Path) -> None:
    """A node that has not locked the folder cannot know whether another node listens there, so it
    must not replace the socket.
    """
    async with open_lab(tmp_path) as lab, open_at(network(), 7) as without_folder:
        with pytest.raises(BindError, match="cannot be locked"):
            async with open_control(without_folder, tmp_path):
                raise AssertionError("not to be reached")
        async with lab.client() as client:
            await client.ask("status")
            assert "network" in await client.result()


def test_a_file_that_is_not_a_socket_stays(tmp_path: Path) -> None:
    socket_path(tmp_path).write_text("precious")
    with (
        pytest.raises(BindError, match="exists and is not a socket"),
        listening_at(socket_path(tmp_path)),
    ):
        raise AssertionError("not to be reached")
    assert socket_path(tmp_path).read_text() == "precious"


def test_a_file_that_replaced_the_socket_stays(tmp_path: Path) -> None:
    path = socket_path(tmp_path)
    with listening_at(path):
        path.unlink()
        path.write_text("another")
    assert path.read_text() == "another"


def test_a_missing_folder(tmp_path: Path) -> None:
    with (
        pytest.raises(BindError, match="cannot be created: no such file"),
        listening_at(tmp_path / "gone" / "control.sock"),
    ):
        raise AssertionError("not to be reached")


@pytest.mark.parametrize("more", [0, 1])
def test_the_longest_path_of_the_system(tmp_path: Path, more: int) -> None:
    room = MAX_PATH_BYTES + more - len(str(tmp_path / "x" / "control.sock")) + 1
    path = tmp_path / ("x" * room) / "control.sock"
    path.parent.mkdir()
    assert len(str(path)) == MAX_PATH_BYTES + more
    if more:
        with (
            pytest.raises(BindError, match="at most 107; use a shorter --state-dir"),
            listening_at(path),
        ):
            raise AssertionError("not to be reached")
    else:
        with listening_at(path), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


async def test_a_system_without_unix_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    with (
        pytest.raises(BindError, match="this system has no Unix sockets"),
        listening_at(socket_path(tmp_path)),
    ):
        raise AssertionError("not to be reached")
    with pytest.raises(NotRunning, match="this system has no Unix sockets"):
        async with open_client(socket_path(tmp_path)):
            raise AssertionError("not to be reached")
    await trio.lowlevel.checkpoint()


async def test_a_removed_socket_is_made_again_and_told(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "in_thread", _here)
    path = socket_path(tmp_path)
    async with (
        open_lab(tmp_path) as lab,
        lab.client() as before,
        lab.node.subscribe(ControlSocketRemade, ControlSocketMissing) as events,
    ):
        path.unlink()
        assert await anext(events) == ControlSocketRemade(str(path))
        assert path.stat().st_mode & 0o777 == 0o600
        await before.ask("status")
        assert "network" in await before.result()
        async with lab.client() as after:
            await after.ask("status")
            assert "network" in await after.result()
        path.unlink()
        path.write_text("precious")
        missing = await anext(events)
        assert isinstance(missing, ControlSocketMissing)
        assert "is not a socket" in missing.reason
        await trio.sleep(1000)
        path.unlink()
        assert await anext(events) == ControlSocketRemade(str(path))
    assert not path.exists()


async def test_a_socket_is_not_made_again_in_the_folder_of_another_node(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "in_thread", _here)
    async with open_lab(tmp_path):
        socket_path(tmp_path).unlink()
        (tmp_path / "state.lock").unlink()
        other = StateFolder(tmp_path)
        other.open()
        await trio.sleep(1000)
        assert not socket_path(tmp_path).exists()
        other.close()


async def _here(call: Callable[[], T], **_: bool) -> T:
    await trio.lowlevel.checkpoint()
    return call()
