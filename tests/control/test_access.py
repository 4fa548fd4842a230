"""``--control-group``: members of a group may read, and with ``--control-group-writes`` do all."""

from __future__ import annotations

import grp
import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from kadisc.config import ControlConfig
from kadisc.control import access
from kadisc.control.methods import METHODS
from kadisc.control.socket_file import SocketFile, group_id, socket_path
from kadisc.errors import BindError, UsageError

from .lab import Lab, open_lab

OWN_GROUP = grp.getgrgid(os.getegid()).gr_name
WRITING = {
    *("announce", "put", "feedback", "set_service", "book_import", "feed_state"),
    *("peer_add", "peer_remove", "peer_ban", "peer_unban", "reload", "stop"),
}
NOBODY = 65534


def set_group(monkeypatch: pytest.MonkeyPatch, group: str, *, writes: bool) -> None:
    """For nodes that are opened next."""
    from kadisc.net.api import open as opening

    make_node = opening.make_node

    def with_group(config, *given, **named):  # type: ignore[no-untyped-def]
        control = ControlConfig(group=group, group_writes=writes)
        return make_node(replace(config, control=control), *given, **named)

    monkeypatch.setattr(opening, "make_node", with_group)


async def outcome(lab: Lab, method: str, **params: object) -> int | None:
    """The code of the error, None where there is none."""
    async with lab.client() as client:
        await client.ask(method, **params)
        while (message := await client.next()) is not None:
            if "id" in message:
                return message["error"]["code"] if "error" in message else None
    raise AssertionError("no response")


def test_the_methods_that_change_something_are_known() -> None:
    assert {name for name, method in METHODS.items() if method.writes} == WRITING


@pytest.mark.parametrize("user", [None, 4711])
@pytest.mark.parametrize("writes", [False, True])
async def test_another_user_may_only_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int | None, writes: bool
) -> None:
    set_group(monkeypatch, OWN_GROUP, writes=writes)
    monkeypatch.setattr(access, "user_of", lambda sock: user)
    async with open_lab(tmp_path) as lab:
        assert lab.node.config.control.group == OWN_GROUP
        assert await outcome(lab, "status") is None
        assert await outcome(lab, "record") is None
        for method in WRITING:
            code = await outcome(lab, method, name="eth", value=5)
            assert (code == -32007) is not writes, method


async def test_the_own_user_may_do_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_group(monkeypatch, OWN_GROUP, writes=False)
    async with open_lab(tmp_path) as lab:
        assert await outcome(lab, "set_service", name="eth", value=5) is None


async def test_without_a_group_the_socket_is_the_users_alone(tmp_path: Path) -> None:
    async with open_lab(tmp_path / "own") as lab:
        assert stat.S_IMODE(lab.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(lab.path.parent.stat().st_mode) == 0o700


def test_the_group_may_pass_the_folder_and_open_the_socket_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    file = SocketFile(socket_path(folder), os.getegid())
    try:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o710
        assert stat.S_IMODE(socket_path(folder).stat().st_mode) == 0o660
        assert socket_path(folder).stat().st_gid == os.getegid()
    finally:
        file.close()


def test_groups_that_are_not_there(tmp_path: Path) -> None:
    assert group_id(OWN_GROUP) == group_id(str(os.getegid())) == os.getegid()
    for name in ("no such group", "4000000001", "9" * 40):
        with pytest.raises(UsageError, match="has no group"):
            group_id(name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may give files to any group")
def test_a_group_that_the_user_is_not_in_is_told(tmp_path: Path) -> None:
    others = {each.gr_gid for each in grp.getgrall()} - {*os.getgroups(), os.getegid()}
    if not others:
        pytest.skip("the user is in all groups")
    with pytest.raises(BindError, match="cannot be created"):
        SocketFile(socket_path(tmp_path), min(others))


@pytest.fixture
def folder_for_all() -> Iterator[Path]:
    """Other users may pass it, unlike the folders of pytest."""
    with tempfile.TemporaryDirectory(prefix="kadisc-group-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


PROGRAM = """
import os, socket, sys
os.setgroups([]); os.setgid(int(sys.argv[2])); os.setuid(65534)
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
sock.sendall(sys.argv[3].encode() + b"\\n")
print(sock.makefile().readline())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to become other users")
async def test_real_users(folder_for_all: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_group(monkeypatch, "daemon", writes=False)
    member = grp.getgrnam("daemon").gr_gid
    async with open_lab(folder_for_all / "state") as lab:

        async def ask(group: int, method: str) -> str:
            request = {"jsonrpc": "2.0", "id": 1, "method": method}
            if method == "set_service":
                request["params"] = {"name": "eth", "value": 5}  # type: ignore[assignment]
            done = await trio.run_process(
                [sys.executable, "-c", PROGRAM, str(lab.path), str(group), json.dumps(request)],
                capture_stdout=True,
                capture_stderr=True,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            return (done.stdout + done.stderr).decode()

        assert '"result"' in await ask(member, "status")
        assert "-32007" in await ask(member, "set_service")
        assert "PermissionError" in await ask(NOBODY, "status")
