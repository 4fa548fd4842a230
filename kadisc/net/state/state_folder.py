"""The folder that one node keeps its state in, and that no second node may use at the same time.

The node runs whatever is wrong with the folder: a file that cannot be read is left alone, a damaged
file is renamed, a failed write is tried again. The one exception is a folder that another node
uses: two nodes with one key would look like one node at two addresses.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from ...core.contract.saved_state import SavedContact, SavedState
from ...errors import UsageError
from ...observe.describe import count
from ...observe.shell_events import StateDamaged, StateSetAside, StateUnsaved
from ...text import one_line
from .state_file import DamagedState, KeptState, NewerState, read_state, replace_state, set_aside

FILE_NAME = "state.sqlite3"
LOCK_NAME = "state.lock"


class Unsaved(Exception):
    """The state cannot be saved; the text says why."""


class StateFolder:
    """One folder and its lock. All methods block; they may be called from any thread."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = Path(folder).expanduser()
        self.file = self.path / FILE_NAME
        self._lock: int | None = None
        self._busy = threading.Lock()
        self._refuses_to_write = False

    @property
    def is_locked(self) -> bool:
        """Whether this process holds the lock."""
        return self._lock is not None

    def open(self) -> tuple[KeptState, tuple[StateDamaged | StateSetAside | StateUnsaved, ...]]:
        """Locks the folder and returns its state, and events that say what was wrong with it.
        Raises UsageError where another node uses it.
        """
        try:
            self.acquire()
        except _InUse as in_use:
            raise UsageError(f"{in_use}; give each node its own --state-dir") from None
        except OSError as error:
            # A folder that cannot be written may still have a key and contacts.
            return self._read_only(f"the state cannot be saved in {self.path}: {reason_of(error)}")
        try:
            kept = read_state(self.file) or KeptState()
            return kept, (self._partly_damaged(kept.left_out),) if kept.left_out else ()
        except NewerState as newer:
            self._refuses_to_write = True
            return KeptState(), (StateUnsaved(f"{self.file} stays as it is: {newer}"),)
        except DamagedState as damage:
            return KeptState(), (self._set_aside(damage),)
        except (OSError, MemoryError) as error:
            return KeptState(), (StateUnsaved(f"{self.file} cannot be read: {reason_of(error)}"),)

    def save(self, seed: bytes, network: str, saved: SavedState) -> None:
        """Replaces the contacts, the address book and the published items of one network, and the
        node's own addresses. Raises Unsaved.

        Other networks stay. A key that is in the file stays too: where the file could not be read
        at the start, the key of this run is only temporary.
        """
        with self._busy:
            if self._refuses_to_write:
                raise Unsaved(f"{self.file} was written by a later version of kadisc")
            try:
                self.acquire()
                kept = self._kept()
                kept.seed = kept.seed or seed
                kept.addresses.update(
                    {dht.family: dht.ip for dht in saved.dhts if dht.ip is not None}
                )
                kept.contacts[network] = (
                    *_other_families(kept, network, saved),
                    *(contact for dht in saved.dhts for contact in dht.contacts),
                )
                if saved.peer_network is not None:
                    kept.peer_networks[network] = saved.peer_network
                kept.published[network] = saved.published
                replace_state(self.file, kept)
            except (_InUse, DamagedState, NewerState) as error:
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
        try:
            return read_state(self.file) or KeptState()
        except DamagedState:
            set_aside(self.file)
            return KeptState()

    def _partly_damaged(self, left_out: int) -> StateDamaged:
        return StateDamaged(
            str(self.file),
            f"{count(left_out, 'line')} of the address book or of the published items "
            "cannot be read",
        )

    def _set_aside(self, damage: DamagedState) -> StateSetAside | StateUnsaved:
        try:
            aside = set_aside(self.file)
        except OSError as error:
            return StateUnsaved(
                f"{self.file} is damaged ({damage}) and cannot be renamed: {reason_of(error)}"
            )
        return StateSetAside(str(self.file), str(aside), str(damage))

    def _read_only(self, trouble: str) -> tuple[KeptState, tuple[StateUnsaved, ...]]:
        with contextlib.suppress(OSError, DamagedState, NewerState):
            return read_state(self.file) or KeptState(), (StateUnsaved(trouble),)
        return KeptState(), (StateUnsaved(trouble),)

    def acquire(self) -> None:
        """Makes the folder and locks it until `close` or the end of the process, a crash included.
        Raises OSError and _InUse.
        """
        if self._lock is not None:
            return
        # Imported here because Windows has no fcntl: there only --state-dir fails.
        import fcntl

        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
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
        self._lock = handle
        # On a full disk the number of the process is missing; the lock holds all the same.
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, b"%d\n" % os.getpid())


class _InUse(Exception):
    """Another node uses the folder."""


def read_saved_state(folder: str | os.PathLike[str], network: str) -> SavedState:
    """The state of one network in a folder, without a lock and without writing; an empty one where
    it cannot be read. Blocks for a few ms.
    """
    with contextlib.suppress(OSError, DamagedState, NewerState):
        kept = read_state(Path(folder).expanduser() / FILE_NAME)
        if kept is not None:
            return kept.saved_state(network)
    return SavedState(())


def read_seed(folder: str | os.PathLike[str]) -> bytes | None:
    """The secret of the key in a folder, read as by `read_saved_state`; None where it has none."""
    with contextlib.suppress(OSError, DamagedState, NewerState):
        kept = read_state(Path(folder).expanduser() / FILE_NAME)
        return kept.seed if kept is not None else None
    return None


def _other_families(kept: KeptState, network: str, saved: SavedState) -> Sequence[SavedContact]:
    """The contacts of families that this run has no socket for: they stay in the file."""
    families = [dht.family for dht in saved.dhts]
    return [
        contact
        for contact in kept.contacts.get(network, ())
        if contact.contact.family not in families
    ]


def reason_of(error: Exception) -> str:
    """What an error says, in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return one_line(" ".join(str(error).split())) or type(error).__name__
