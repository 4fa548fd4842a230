"""The facts of files: configuration, state folder, lock, control socket. All functions block."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ...net.state.damage import DamagedState, NewerState, reason_of
from ...net.state.identity_file import FILE_NAME as IDENTITY_NAME
from ...net.state.identity_file import decode_identity
from ...net.state.private_files import (
    TooLarge,
    UnsafeFolder,
    check_folder,
    check_writable,
    read_file,
)
from ...net.state.state_file import read_state
from ...net.state.state_folder import FILE_NAME, LOCK_NAME
from ..machine import LockFacts, SocketFileFacts, StateFacts, Unknown
from .processes import PROC, lock_holder

CONNECT_S: Final = 2.0
_CREDENTIALS: Final = struct.Struct("3i")
"""Of Linux: process, user, group."""
DAMAGED: Final = ".damaged-"


def owner_of_process(pid: int) -> int | None:
    """The number of the user that a process runs as; None where the system does not tell."""
    try:
        return (PROC / str(pid)).stat().st_uid
    except OSError:
        return None


def state_facts(folder: Path, *, pid: int, group_allowed: bool) -> StateFacts | Unknown:
    """``pid``: of the running node, whose user the folder is to belong to; 0 for none."""
    user = owner_of_process(pid) if pid else os.geteuid()
    if user is None:
        return Unknown("the process of the node cannot be looked at from here")
    try:
        status = folder.stat()
    except FileNotFoundError:
        return _not_made_yet(folder, user)
    except OSError as error:
        return Unknown(f"{folder}: {reason_of(error)}")
    if not stat.S_ISDIR(status.st_mode):
        return StateFacts(str(folder), refusal=f"{folder} is no folder", user=user, owner=user)
    refusal = None
    if user == os.geteuid():
        try:
            check_folder(folder)
        except UnsafeFolder as error:
            refusal = str(error)
        except OSError as error:
            refusal = f"{folder} cannot be looked at: {reason_of(error)}"
    return StateFacts(
        str(folder),
        owner=status.st_uid,
        user=user,
        mode=stat.S_IMODE(status.st_mode),
        refusal=refusal,
        unwritable=_unwritable(folder) if user == os.geteuid() else None,
        file_system=file_system_of(folder),
        free_bytes=shutil.disk_usage(folder).free,
        damaged=_damaged(folder),
        set_aside=tuple(sorted(map(str, folder.glob(f"*{DAMAGED}*"))))[:8],
        group_allowed=group_allowed,
    )


def _not_made_yet(folder: Path, user: int) -> StateFacts:
    """What is known of a folder that the first start is to make: whether that can be done."""
    above = next((each for each in folder.parents if each.exists()), Path("/"))
    can = os.access(above, os.W_OK | os.X_OK)
    return StateFacts(
        str(folder),
        exists=False,
        owner=user,
        user=user,
        unwritable=None if can else f"this user may make no folder in {above}",
        file_system=file_system_of(above),
        free_bytes=shutil.disk_usage(above).free,
    )


def _unwritable(folder: Path) -> str | None:
    try:
        check_writable(folder / FILE_NAME)
    except OSError as error:
        return reason_of(error)
    return None


def _damaged(folder: Path) -> Mapping[str, str]:
    """The files of the state that no node could read."""
    found: dict[str, str] = {}
    try:
        read_state(folder / FILE_NAME)
    except (DamagedState, NewerState, OSError, MemoryError) as error:
        found[str(folder / FILE_NAME)] = reason_of(error)
    path = folder / IDENTITY_NAME
    try:
        image = read_file(path)
        if image is not None:
            decode_identity(image)
    except (DamagedState, NewerState, TooLarge, OSError, MemoryError) as error:
        found[str(path)] = reason_of(error)
    return found


def file_system_of(folder: Path, mounts: Path = PROC / "self" / "mountinfo") -> str | None:
    """The kind of the file system that a folder is in; None where the system does not tell."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    path, best, kind = str(folder.resolve()), "", None
    for line in lines:
        before, _, after = line.partition(" - ")
        words = before.split()
        if len(words) < 5 or not after:
            continue
        place = words[4].replace("\\040", " ")
        is_above = place == "/" or path == place or path.startswith(f"{place}/")
        if is_above and len(place) >= len(best):
            best, kind = place, after.split()[0]
    return kind


def lock_facts(folder: Path) -> LockFacts | Unknown:
    path = folder / LOCK_NAME
    try:
        told = lock_holder(path)
    except (FileNotFoundError, NotADirectoryError):
        return LockFacts(str(path), is_held=False)
    except OSError as error:
        return Unknown(f"{path}: {reason_of(error)}")
    if told is None:
        return Unknown("this system does not tell who holds a lock")
    return LockFacts(str(path), *told)


def socket_facts(path: Path, max_path_bytes: int) -> SocketFileFacts | Unknown:
    length = len(os.fsencode(path))
    if length > max_path_bytes:
        return SocketFileFacts(str(path), length, max_path_bytes, "missing")
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return SocketFileFacts(str(path), length, max_path_bytes, "missing")
    except OSError as error:
        return Unknown(f"{path}: {reason_of(error)}")
    is_socket = stat.S_ISSOCK(status.st_mode)
    return SocketFileFacts(
        str(path),
        length,
        max_path_bytes,
        "socket" if is_socket else "other",
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        os.geteuid(),
        *(_connects(path) if is_socket else ("refused", None)),
    )


def _connects(path: Path) -> tuple[str, int | None]:
    """What comes of a connection, and the process that listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(CONNECT_S)
        try:
            sock.connect(os.fspath(path))
        except ConnectionRefusedError:
            return "refused", None
        except PermissionError:
            return "denied", None
        except OSError as error:
            return reason_of(error), None
        return "yes", _listener(sock)


def _listener(sock: socket.socket) -> int | None:
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    told = sock.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    pid: int = _CREDENTIALS.unpack(told)[0]
    return pid or None
