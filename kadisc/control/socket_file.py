"""The Unix socket in the state folder: its path, its creation with mode 0600, or 0660 for a group,
its removal.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import BindError, UsageError
from ..net.state.private_files import folder_path

SOCKET_NAME = "control.sock"
MAX_PATH_BYTES = 107 if sys.platform == "linux" else 103
"""The size of the path in the system's struct sockaddr_un, less its final zero byte."""
_BACKLOG = 128


def socket_path(state_dir: str | os.PathLike[str]) -> Path:
    """Raises StateUnusable where the folder is in the home of an unknown user."""
    return folder_path(state_dir) / SOCKET_NAME


def unusable(path: Path) -> str | None:
    """Why a socket cannot have this path on this system, for people; None if it can."""
    if not hasattr(socket, "AF_UNIX"):
        return "this system has no Unix sockets"
    length = len(os.fsencode(path))
    if length > MAX_PATH_BYTES:
        return (
            f"{path} has {length} bytes, but the path of a Unix socket at most {MAX_PATH_BYTES}; "
            "use a shorter --state-dir"
        )
    return None


def group_id(group: str) -> int:
    """The number of a group, given by its name or number. Raises UsageError."""
    import grp

    try:
        if group.isascii() and group.isdigit():
            return grp.getgrgid(int(group)).gr_gid
        return grp.getgrnam(group).gr_gid
    except (KeyError, OverflowError):
        raise UsageError(f"this system has no group {group}") from None


class SocketFile:
    """A listening socket with mode 0600. The caller must hold the lock of the folder, which proves
    that a socket found there is the leftover of a killed node; it is replaced. With ``group``, the
    number of one, its members may open the socket: it has mode 0660, and the folder lets them pass,
    but neither read nor write it.
    """

    def __init__(self, path: Path, group: int | None = None) -> None:
        """Raises BindError."""
        problem = unusable(path)
        if problem is not None:
            raise BindError(problem)
        _remove_stale(path)
        self._path = path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.listener.bind(os.fsencode(path))
            # Before listen: until then the system refuses all clients. A umask instead would change
            # the whole process.
            path.chmod(0o600)
            if group is not None:
                _let_pass(path.parent, group)
                os.chown(path, -1, group, follow_symlinks=False)
                path.chmod(0o660)
            self._created = path.lstat()
            self.listener.listen(_BACKLOG)
            self.listener.setblocking(False)
        except OSError as error:
            self.listener.close()
            raise BindError(f"{path} cannot be created: {_reason(error)}") from None

    @property
    def is_in_place(self) -> bool:
        """False where the file was removed, or another process has replaced it."""
        try:
            return os.path.samestat(self._path.lstat(), self._created)
        except OSError:
            return False

    def close(self) -> None:
        """Removes the file, if it is still this one."""
        try:
            if self.is_in_place:
                with suppress(OSError):
                    self._path.unlink()
        finally:
            self.listener.close()


@contextmanager
def listening_at(path: Path) -> Iterator[socket.socket]:
    """The listener of a `SocketFile`, which is removed at the end. Raises BindError."""
    file = SocketFile(path)
    try:
        yield file.listener
    finally:
        file.close()


def _let_pass(folder: Path, group: int) -> None:
    """Members of the group may use what is in the folder, as far as its own mode allows that: the
    other files there are the user's alone.
    """
    status = folder.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_gid != group:
        mode &= ~0o070  # it was given to another group
        os.chown(folder, -1, group)
    folder.chmod(mode | stat.S_IXGRP)


def _remove_stale(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise BindError(f"{path} exists and is not a socket; move it away")
        path.unlink()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise BindError(f"{path} cannot be replaced: {_reason(error)}") from None


def _reason(error: OSError) -> str:
    return error.strerror.lower() if error.strerror else str(error)
