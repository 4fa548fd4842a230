"""The folder that one node keeps its state in, and that no second node may use at the same time.

A folder that was asked for and that cannot be used is refused at the start: an operator who names
a folder means its key, and a node that runs with another one is lost to all that know it. So is a
folder that another node uses, because two nodes with one key would look like one node at two
addresses, and one that others may write (`private_files.py`). Where the folder is ``optional``, as
the default one of the command line, the node runs all the same: a file that cannot be read is left
alone, and a failed write is tried again. That also holds for what may pass by itself, as a full
disk, and for what goes wrong later. A damaged file is renamed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

from ...core.contract.saved_state import SavedBook, SavedPeerNetwork, SavedState
from ...errors import StateInUse, StateUnusable
from ...observe.describe import count
from ...observe.shell_events import StateDamaged, StateSetAside, StateUnsaved
from . import administration_file, identity_file
from .damage import DamagedState, NewerState, reason_of
from .identity_file import KeptIdentity, decode_identity, encode_identity
from .kept_beside import copy_of, other_families, without
from .private_files import (
    TooLarge,
    UnsafeFolder,
    check_folder,
    check_writable,
    folder_path,
    is_still_at,
    open_lock,
    read_file,
    remove_unfinished,
    replace_file,
    set_aside,
)
from .saved_nonces import SavedNonce
from .state_file import KeptState, read_state, replace_state

FILE_NAME = "state.sqlite3"
LOCK_NAME = "state.lock"

Notice = StateDamaged | StateSetAside | StateUnsaved

_PASSING = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EAGAIN,
    errno.EINTR,
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
)
"""Reasons that may pass by themselves: they are no reason not to start."""
_MAKING_ATTEMPTS = 3
"""How often a folder is made that another start, which failed, removes at the same instant."""


class Unsaved(Exception):
    """The state cannot be saved; the text says why."""


class StateFolder:
    """One folder and its lock. All methods block; they may be called from any thread.
    ``optional``: whether the node may run without it.
    """

    def __init__(self, folder: str | os.PathLike[str], *, optional: bool = False) -> None:
        """Raises StateUnusable where the path begins with the home of an unknown user."""
        self.path = folder_path(folder)
        self.file = self.path / FILE_NAME
        self.identity_file = self.path / identity_file.FILE_NAME
        self._optional = optional
        self._lock_file = self.path / LOCK_NAME
        self._lock: int | None = None
        self._made: list[Path] = []
        """What this start has made, in this order: folders, and the file of the lock."""
        self._busy = threading.Lock()
        self._refuses_to_write = False
        self._was_remade = False
        self._unreadable_for_good: str | None = None
        """Why a file cannot be read, where that will not pass by itself."""
        self._key: bytes | None = None
        """The secret in the folder; None while it has none, or none that could be read."""
        self._beside: KeptState | None = None
        """What the files hold beside the network of this node; None where that is not known: the
        next save reads them. To read them at each save would take longer than to write them.
        """
        self._seen: tuple[int, ...] = ()
        """Tells the file that was read or written last from any other."""

    @property
    def is_locked(self) -> bool:
        """Whether this process holds the lock."""
        return self._lock is not None

    @property
    def is_in_place(self) -> bool:
        """Whether this process holds the lock, and its file is still the one at its path. Does not
        wait for a save.
        """
        lock = self._lock
        return lock is not None and is_still_at(self._lock_file, lock)

    def open(self) -> tuple[KeptState, tuple[Notice, ...]]:
        """Locks the folder and returns its state, and events that say what was wrong with it.
        Raises StateInUse where another node uses it, and StateUnusable where others may write it
        or, unless it is optional, where it cannot be written or its key cannot be read; then
        nothing is left of what this call has made.
        """
        try:
            return self._open()
        except BaseException:
            self.undo()
            raise

    def _open(self) -> tuple[KeptState, tuple[Notice, ...]]:
        try:
            self.acquire()
            check_writable(self.file)
        except _InUse as in_use:
            raise StateInUse(f"{in_use}; give each node its own --state-dir") from None
        except UnsafeFolder as unsafe:
            raise StateUnusable(str(unsafe)) from None
        except OSError as error:
            reason = f"the state cannot be saved in {self.path}: {reason_of(error)}"
            if not _may_pass(error):
                self._refuse(reason)
            trouble = StateUnsaved(reason)
            if self._lock is None:
                # A folder that cannot be written may still have a key and contacts.
                kept = _kept_in(self.path)
                self._key = kept.seed
                return kept, (trouble,)
            return self._all_that_is_kept((trouble,))
        remove_unfinished(
            self.path, (FILE_NAME, identity_file.FILE_NAME, administration_file.FILE_NAME)
        )
        return self._all_that_is_kept(())

    def _all_that_is_kept(
        self, troubles: tuple[Notice, ...]
    ) -> tuple[KeptState, tuple[Notice, ...]]:
        kept, notices = self._read()
        identity, more = self._read_identity()
        kept = _joined(kept, identity)
        self._key = kept.seed
        if kept.seed is None and self._unreadable_for_good is not None:
            self._refuse(self._unreadable_for_good)
        if not any(isinstance(notice, StateUnsaved) for notice in (*notices, *more)):
            self._beside, self._seen = copy_of(kept), _version_of(self.file)
        return kept, (*troubles, *notices, *more)

    def undo(self) -> None:
        """Unlocks the folder, and removes what this start has made and nothing has been put into:
        for a start that fails.
        """
        with self._busy:
            made, self._made = self._made, []
            if self._lock is None:
                made = [path for path in made if path != self._lock_file]
            for path in reversed(made):
                with contextlib.suppress(OSError):
                    # The lock is still held: a node that waits for it finds that its file is gone.
                    path.unlink() if path == self._lock_file else path.rmdir()
        self.close()

    def _read(self) -> tuple[KeptState, tuple[Notice, ...]]:
        try:
            kept = read_state(self.file) or KeptState()
            return kept, (self._partly_damaged(kept.left_out),) if kept.left_out else ()
        except NewerState as newer:
            self._refuses_to_write = True
            return KeptState(), (self._newer(self.file, newer),)
        except DamagedState as damage:
            return KeptState(), (_set_aside(self.file, damage),)
        except (OSError, MemoryError) as error:
            return KeptState(), (self._unreadable(self.file, error),)

    def _read_identity(self) -> tuple[KeptIdentity, tuple[Notice, ...]]:
        path = self.identity_file
        try:
            return _identity_in(path), ()
        except NewerState as newer:
            self._refuses_to_write = True
            return KeptIdentity(), (self._newer(path, newer),)
        except DamagedState as damage:
            return KeptIdentity(), (_set_aside(path, damage),)
        except (OSError, MemoryError) as error:
            return KeptIdentity(), (self._unreadable(path, error),)

    def _newer(self, path: Path, newer: NewerState) -> StateUnsaved:
        return self._unread(f"{path} stays as it is: {newer}", newer)

    def _unreadable(self, path: Path, error: Exception) -> StateUnsaved:
        return self._unread(f"{path} cannot be read: {reason_of(error)}", error)

    def _unread(self, reason: str, error: Exception) -> StateUnsaved:
        if not _may_pass(error):
            self._unreadable_for_good = reason
        return StateUnsaved(reason)

    def _refuse(self, reason: str) -> None:
        """Raises StateUnusable, unless the folder is optional."""
        if not self._optional:
            raise StateUnusable(
                f"{reason}; --state-dir names another folder, --ephemeral runs without any"
            ) from None

    def save(
        self,
        seed: bytes,
        network: str,
        saved: SavedState,
        nonces: tuple[SavedNonce, ...] | None = None,
    ) -> bool:
        """Replaces the contacts, the address book and the published items of one network, the
        node's own addresses, and the nonces of port mappings where they are given. Returns whether
        the folder or its lock had been removed since the last save, and was made again. Raises
        Unsaved.

        Other networks stay. A key that is in the folder stays too: where a file could not be read
        at the start, the key of this run is only temporary.
        """
        with self._busy:
            if self._refuses_to_write:
                raise Unsaved(f"{self.file} was written by a later version of kadisc")
            try:
                self.acquire()
                kept = self._kept()
                if None not in (self._key, kept.seed) and kept.seed != self._key:
                    raise Unsaved(f"{self.path} is now another node's: it has another key")
                self._key = kept.seed = kept.seed or seed
                kept.addresses.update(
                    {dht.family: dht.ip for dht in saved.dhts if dht.ip is not None}
                )
                kept.contacts[network] = (
                    *other_families(kept, network, saved),
                    *(contact for dht in saved.dhts for contact in dht.contacts),
                )
                if saved.peer_network is not None:
                    kept.peer_networks[network] = saved.peer_network
                kept.published[network] = saved.published
                if nonces is not None:
                    kept.nonces = nonces
                kept.runs = saved.runs
                # First what must not be lost. It seldom changes, so it is seldom written.
                image = encode_identity(_identity_of(kept))
                if read_file(self.identity_file) != image:
                    replace_file(self.identity_file, image)
                replace_state(self.file, kept)
                self._beside, self._seen = without(kept, network, saved), _version_of(self.file)
                was_remade, self._was_remade = self._was_remade, False
                return was_remade
            except Unsaved:
                raise
            except (_InUse, UnsafeFolder, DamagedState, NewerState) as error:
                raise Unsaved(str(error)) from None
            except Exception as error:  # noqa: BLE001
                # OSError, and MemoryError or sqlite3.Error of the database in memory.
                raise Unsaved(f"{self.file} cannot be written: {reason_of(error)}") from None

    def close(self) -> None:
        """Unlocks the folder."""
        with self._busy:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _kept(self) -> KeptState:
        if self._beside is not None and _version_of(self.file) in ((), self._seen):
            return copy_of(self._beside)
        try:
            kept = read_state(self.file) or KeptState()
        except DamagedState:
            set_aside(self.file)
            kept = KeptState()
        try:
            return _joined(kept, _identity_in(self.identity_file))
        except DamagedState:
            set_aside(self.identity_file)
            return kept

    def _partly_damaged(self, left_out: int) -> StateDamaged:
        return StateDamaged(str(self.file), f"{count(left_out, 'entry', 'entries')} left out")

    def acquire(self) -> None:
        """Makes the folder and locks it until `close` or the end of the process, a crash included.
        A folder or a lock that was removed meanwhile is made again; so a second node that has
        locked a new file is noticed. Raises OSError, UnsafeFolder and _InUse.
        """
        attempts = _MAKING_ATTEMPTS
        while self._lock is None or not is_still_at(self._lock_file, self._lock):
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None
                self._was_remade = True
            self._make_folder()
            try:
                check_folder(self.path)
                is_new = not os.path.lexists(self._lock_file)
                self._lock = self._locked(open_lock(self._lock_file))
            except FileNotFoundError:
                attempts -= 1
                if not attempts:
                    raise
                continue
            if is_new:
                self._made.append(self._lock_file)

    def _make_folder(self) -> None:
        missing = []
        folder = self.path
        while not os.path.lexists(folder) and folder != folder.parent:
            missing.append(folder)
            folder = folder.parent
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._made += reversed(missing)

    def _locked(self, handle: int) -> int:
        """The same handle, with the lock; otherwise it is closed."""
        # Imported here because Windows has no fcntl: there only --state-dir fails.
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(handle, 20).decode("ascii", "replace").strip()
            os.close(handle)
            raise _InUse(
                f"another node uses the state folder {self.path}"
                + (f" (process {owner})" if owner.isdigit() else "")
            ) from None
        except OSError:
            os.close(handle)
            raise
        # On a full disk the number of the process is missing; the lock holds all the same.
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, b"%d\n" % os.getpid())
        return handle


def _may_pass(error: Exception) -> bool:
    return isinstance(error, MemoryError) or (
        isinstance(error, OSError) and error.errno in _PASSING
    )


class _InUse(Exception):
    """Another node uses the folder."""


def read_saved_state(folder: str | os.PathLike[str], network: str) -> SavedState:
    """The state of one network in a folder, without a lock and without writing; an empty one where
    it cannot be read. Without contacts of that network it has those of the others: they are nodes
    of a DHT, which knows no networks. Blocks for a few ms.
    """
    kept = _kept_in(folder_path(folder))
    return (
        kept.saved_state(network, contacts_of_others=True)
        if kept != KeptState()
        else SavedState(())
    )


def read_seed(folder: str | os.PathLike[str]) -> bytes | None:
    """The secret of the key in a folder, read as by `read_saved_state`; None where it has none."""
    return _kept_in(folder_path(folder)).seed


def _kept_in(folder: Path) -> KeptState:
    """What can be read in a folder, without a lock and without writing; nothing where others may
    write into it.
    """
    kept, identity = KeptState(), KeptIdentity()
    try:
        check_folder(folder)
    except (OSError, UnsafeFolder):
        return kept
    with contextlib.suppress(OSError, MemoryError, DamagedState, NewerState):
        kept = read_state(folder / FILE_NAME) or kept
    with contextlib.suppress(OSError, MemoryError, DamagedState, NewerState):
        identity = _identity_in(folder / identity_file.FILE_NAME)
    return _joined(kept, identity)


def _identity_in(path: Path) -> KeptIdentity:
    """Raises OSError, DamagedState and NewerState."""
    try:
        image = read_file(path)
    except TooLarge as error:
        raise DamagedState(str(error)) from None
    return KeptIdentity() if image is None else decode_identity(image)


def _joined(kept: KeptState, identity: KeptIdentity) -> KeptState:
    """What both files say. The identity is written first: after a crash between the two, or where
    one of them comes from a backup, it is right, and the larger sequence counts.
    """
    kept.seed = identity.seed or kept.seed
    kept.addresses |= identity.addresses
    for network, sequence in identity.sequences.items():
        known = kept.peer_networks.get(network, SavedPeerNetwork(0, SavedBook()))
        kept.peer_networks[network] = replace(known, sequence=max(sequence, known.sequence))
    return kept


def _version_of(path: Path) -> tuple[int, ...]:
    """Empty where there is no file."""
    try:
        status = path.lstat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _identity_of(kept: KeptState) -> KeptIdentity:
    sequences = {network: each.sequence for network, each in kept.peer_networks.items()}
    return KeptIdentity(kept.seed, dict(kept.addresses), sequences)


def _set_aside(path: Path, damage: DamagedState) -> StateSetAside | StateUnsaved:
    try:
        aside = set_aside(path)
    except OSError as error:
        return StateUnsaved(
            f"{path} is damaged ({damage}) and cannot be renamed: {reason_of(error)}"
        )
    return StateSetAside(str(path), str(aside), str(damage))
