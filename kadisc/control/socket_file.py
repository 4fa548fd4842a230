"""The socket in the state folder: where it is, and how it comes to be there with nobody else's
hands on it.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import BindError

SOCKET_NAME = "control.sock"
MAX_PATH_BYTES = 107 if sys.platform == "linux" else 103
"""The room in the system's struct sockaddr_un, less the byte that ends it."""
_BACKLOG = 128


def socket_path(state_dir: str | os.PathLike[str]) -> Path:
    return Path(state_dir).expanduser() / SOCKET_NAME


def unusable(path: Path) -> str | None:
    """Why there can be no socket of that name on this system, in words; None if there can."""
    if not hasattr(socket, "AF_UNIX"):
        return "this system has no Unix sockets"
    length = len(os.fsencode(path))
    if length > MAX_PATH_BYTES:
        return f"{path} has {length} bytes, and the path of a Unix socket at most {MAX_PATH_BYTES}; use a shorter --state-dir"
    return None


@contextmanager
def listening_at(path: Path) -> Iterator[socket.socket]:
    """A listening socket, mode 0600; gone at the end. What a killed node has left there is
    replaced: so this is for whoever holds the lock of the folder, and therefore knows that nobody
    listens. Raises BindError.
    """
    trouble = unusable(path)
    if trouble is not None:
        raise BindError(trouble)
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            listener.bind(os.fsencode(path))
            # Before listen: until then everybody is refused, and then it has its mode. A umask
            # would be the whole process's.
            path.chmod(0o600)
            ours = path.lstat()
            listener.listen(_BACKLOG)
            listener.setblocking(False)
        except OSError as error:
            raise BindError(f"{path} cannot be made: {_reason(error)}") from None
        try:
            yield listener
        finally:
            # Not if somebody has put another one there.
            with suppress(OSError):
                if os.path.samestat(path.lstat(), ours):
                    path.unlink()
    finally:
        listener.close()


def _remove_stale(path: Path) -> None:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise BindError(f"{path} is there and is no socket; move it away")
        path.unlink()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise BindError(f"{path} cannot be replaced: {_reason(error)}") from None


def _reason(error: OSError) -> str:
    return error.strerror.lower() if error.strerror else str(error)
