"""The folder that one node keeps its state in, and that no second node may use at the same time.

Whatever is wrong with it, the node runs: what cannot be read is left alone, what is damaged is set
aside, what cannot be written is tried again. The one exception is a folder that another node has:
two nodes with one key would be one node in two places.
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
from .state_file import DamagedState, KeptState, NewerState, read_state, replace_state, set_aside

FILE_NAME = "state.sqlite3"
LOCK_NAME = "state.lock"


class Unsaved(Exception):
    """The state cannot be kept; the text says why."""


class StateFolder:
    """All methods block; they may be called from any thread."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = Path(folder).expanduser()
        self.file = self.path / FILE_NAME
        self._lock: int | None = None
        self._busy = threading.Lock()
        self._refuses_to_write = False

    @property
    def is_locked(self) -> bool:
        return self._lock is not None

    def open(self) -> tuple[KeptState, tuple[StateDamaged | StateSetAside | StateUnsaved, ...]]:
        """Takes the folder and returns what is kept there, and what was wrong with it. Raises
        UsageError where another node has it.
        """
        try:
            self._take()
        except _Taken as taken:
            raise UsageError(f"{taken}; give each node its own --state-dir") from None
        except OSError as error:
            # A folder that cannot be written may still tell who we are and whom we knew.
            return self._read_only(f"nothing can be kept in {self.path}: {_reason(error)}")
        try:
            kept = read_state(self.file) or KeptState()
            return kept, (self._partly_damaged(kept.left_out),) if kept.left_out else ()
        except NewerState as newer:
            self._refuses_to_write = True
            return KeptState(), (StateUnsaved(f"{self.file} stays as it is: {newer}"),)
        except DamagedState as damage:
            return KeptState(), (self._set_aside(damage),)
        except OSError as error:
            return KeptState(), (StateUnsaved(f"{self.file} cannot be read: {_reason(error)}"),)

    def save(self, seed: bytes, network: str, saved: SavedState) -> None:
        """Puts this network's contacts, address book and published items and our addresses in place
        of those that are kept. Raises Unsaved.

        Other networks stay, and so does a key that is there: after a start without a readable file
        ours is only a makeshift.
        """
        with self._busy:
            if self._refuses_to_write:
                raise Unsaved(f"{self.file} was written by a later version of kadisc")
            try:
                self._take()
                kept = self._kept()
                kept.seed = kept.seed or seed
                kept.addresses.update(
                    {dht.family: dht.ip for dht in saved.dhts if dht.ip is not None}
                )
                kept.contacts[network] = (
                    *_other_families(kept, network, saved),
                    *(c for dht in saved.dhts for c in dht.contacts),
                )
                if saved.peer_network is not None:
                    kept.peer_networks[network] = saved.peer_network
                kept.published[network] = saved.published
                replace_state(self.file, kept)
            except (_Taken, DamagedState, NewerState) as error:
                raise Unsaved(str(error)) from None
            except OSError as error:
                raise Unsaved(f"{self.file} cannot be written: {_reason(error)}") from None

    def close(self) -> None:
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
            f"{count(left_out, 'line')} of the address book or of the published items cannot be read",
        )

    def _set_aside(self, damage: DamagedState) -> StateSetAside | StateUnsaved:
        try:
            aside = set_aside(self.file)
        except OSError as error:
            return StateUnsaved(
                f"{self.file} is damaged ({damage}) and cannot be set aside: {_reason(error)}"
            )
        return StateSetAside(str(self.file), str(aside), str(damage))

    def _read_only(self, trouble: str) -> tuple[KeptState, tuple[StateUnsaved, ...]]:
        with contextlib.suppress(OSError, DamagedState, NewerState):
            return read_state(self.file) or KeptState(), (StateUnsaved(trouble),)
        return KeptState(), (StateUnsaved(trouble),)

    def _take(self) -> None:
        """Makes the folder, and locks it until we close it or end, however we end. Raises OSError
        and _Taken.
        """
        if self._lock is not None:
            return
        import fcntl  # here, because Windows has none: there only --state-dir fails, and not the import of this package

        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(handle, 20).decode("ascii", "replace").strip()
            os.close(handle)
            raise _Taken(
                f"another node keeps its state in {self.path}"
                + (f" (process {owner})" if owner.isdigit() else "")
            ) from None
        except OSError:
            os.close(handle)
            raise
        self._lock = handle
        with contextlib.suppress(OSError):  # on a full disk the name is missing, and the lock holds
            os.ftruncate(handle, 0)
            os.write(handle, b"%d\n" % os.getpid())


class _Taken(Exception):
    """Another node has the folder."""


def peek(folder: str | os.PathLike[str], network: str) -> SavedState:
    """The contacts kept there, for one who only looks: without a lock, without writing, none where
    they cannot be had. Blocks for a few ms.
    """
    with contextlib.suppress(OSError, DamagedState, NewerState):
        kept = read_state(Path(folder).expanduser() / FILE_NAME)
        if kept is not None:
            return kept.saved_state(network)
    return SavedState(())


def peek_seed(folder: str | os.PathLike[str]) -> bytes | None:
    """The secret of the key kept there, as `peek` looks for contacts."""
    with contextlib.suppress(OSError, DamagedState, NewerState):
        kept = read_state(Path(folder).expanduser() / FILE_NAME)
        return kept.seed if kept is not None else None
    return None


def _other_families(kept: KeptState, network: str, saved: SavedState) -> Sequence[SavedContact]:
    """Those of a family that this run has no socket for."""
    families = [dht.family for dht in saved.dhts]
    return [
        contact
        for contact in kept.contacts.get(network, ())
        if contact.contact.family not in families
    ]


def _reason(error: OSError) -> str:
    return error.strerror.lower() if error.strerror else str(error)
