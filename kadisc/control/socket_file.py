"""The Unix socket in the state folder: its path, its creation with mode 0600, its removal."""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import BindError
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


class SocketFile:
    """A listening socket with mode 0600. The caller must hold the lock of the folder, which proves
    that a socket found there is the leftover of a killed node; it is replaced.
    """

    def __init__(self, path: Path) -> None:
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
