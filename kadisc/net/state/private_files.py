"""Files in a folder that only their owner may write, replaced wholly or not at all. The functions
block.

Attack: in a folder that others may write, another user puts a symbolic link in place of a file that
a node is about to write; the node overwrites a file of its user, or its state is read and written
where the attacker wants. Defence: such a folder is refused; a new file has a random name and is
opened with O_EXCL and O_NOFOLLOW; no file is opened through a link.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

from ...errors import StateUnusable

MAX_FILE_BYTES = 8 << 20
"""A larger file is refused: a full state of ten networks has 1 MB."""
NEW_SUFFIX = ".new"
"""Of a file that is being written."""

_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # the path may name a pipe


class UnsafeFolder(Exception):
    """Others may write a folder, or it belongs to another user; the text says what to do."""


class TooLarge(Exception):
    """A file has more bytes than any that kadisc writes."""


def folder_path(folder: str | os.PathLike[str]) -> Path:
    """The path of a folder, where ``~`` is the user's home. Raises StateUnusable where there is no
    such user, and for a text that cannot be a path.
    """
    if "\0" in os.fspath(folder):
        raise StateUnusable(f"{folder} cannot be the path of a folder")
    try:
        return Path(folder).expanduser()
    except RuntimeError:
        raise StateUnusable(f"{folder} cannot be used: there is no such home folder") from None


def check_folder(folder: Path) -> None:
    """Raises UnsafeFolder where a user other than this one (and root) can put files into the
    folder or something else in its place, and OSError where the folder cannot be looked at.

    As for the files of ssh, the folder must belong to the user. It may be writable by the user's
    private group, which has no other member (a umask of 002), but by no other group and not by
    everybody. A folder above it may be writable by everybody only with the sticky bit, as /tmp.
    """
    if not hasattr(os, "geteuid"):
        return  # Windows has other permissions
    status = folder.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if status.st_uid != os.geteuid():
        raise UnsafeFolder(
            f"the state folder {folder} belongs to {_user_name(status.st_uid)}; "
            "use a folder of your own, or give it to the user that runs the node (chown)"
        )
    if status.st_mode & stat.S_IWOTH or (
        status.st_mode & stat.S_IWGRP and not _is_private_group(status.st_gid)
    ):
        raise UnsafeFolder(
            f"others may write into the state folder {folder}; take that away (chmod go-w)"
        )
    for above in folder.resolve().parents:
        mode = above.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise UnsafeFolder(
                f"others may replace the state folder {folder}, because they may write into "
                f"{above}; use another folder"
            )


def check_writable(path: Path) -> None:
    """Raises OSError where no file can be made beside this one."""
    probe = path.with_name(f"{path.name}.{secrets.token_hex(8)}{NEW_SUFFIX}")
    os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600))
    probe.unlink()


def _user_name(uid: int) -> str:
    import pwd

    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user with the number {uid}"


def _is_private_group(gid: int) -> bool:
    """Whether a group is that of this user alone, as many systems make one for each user."""
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    alone = set(group.gr_mem) <= {user.pw_name}
    return gid == user.pw_gid and group.gr_name == user.pw_name and alone


def read_file(path: Path) -> bytes | None:
    """The bytes of a file; None where there is none. Raises OSError and TooLarge."""
    try:
        handle = os.open(path, os.O_RDONLY | _NO_LINK | _AT_ONCE)
    except FileNotFoundError:
        return None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path} is not a file")
        if status.st_size > MAX_FILE_BYTES:
            raise TooLarge(f"it has {status.st_size} bytes")
        return file.read(MAX_FILE_BYTES)


def replace_file(path: Path, image: bytes) -> None:
    """Replaces a file wholly or not at all, also in a power cut. Raises OSError."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}{NEW_SUFFIX}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o600)  # whatever the umask is
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    _sync_folder(path.parent)


def remove_unfinished(folder: Path, names: tuple[str, ...]) -> None:
    """Removes what crashes have left of files that were being written. For the one process that
    may write them.
    """
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name.endswith(NEW_SUFFIX) and path.name.startswith(names):
                path.unlink(missing_ok=True)


def open_lock(path: Path) -> int:
    """Opens or makes the file of a lock. Raises OSError."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK | _AT_ONCE, 0o600)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path} is not a file")
    return handle


def is_still_at(path: Path, handle: int) -> bool:
    """Whether an open file is still the one at its path: it may have been removed or replaced."""
    try:
        there, opened = os.lstat(path), os.fstat(handle)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino)


def set_aside(path: Path) -> Path:
    """Renames a damaged file, so that it is not overwritten, and returns its new name. Raises
    OSError.
    """
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.name}.damaged-{number}")):
        number += 1
    path.rename(aside)
    return aside


def _sync_folder(folder: Path) -> None:
    # Some file systems cannot sync a folder. There the name may lead to the old file after a power
    # cut; that is a complete file too.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
