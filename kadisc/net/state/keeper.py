"""Loads a node's state at the start, and saves it after the first join, while something changes,
and at the end.

All reading and writing happens in a thread: a slow disk stalls no datagram.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from random import Random
from typing import Protocol, TypeVar

import trio

from ...config import Config
from ...core.contract.events import (
    AddressChanged,
    ContactAdded,
    ContactRemoved,
    Joined,
    PeerLost,
    PeerVerified,
    RecordChanged,
)
from ...core.contract.identity import Identity
from ...core.contract.saved_state import SavedRun, SavedState
from ...endpoints import port_of
from ...errors import KadiscError
from ...observe.shell_events import (
    MappingChanged,
    ShellEvent,
    StateFolderRemade,
    StateKeptBack,
    StateSaved,
    StateUnsaved,
)
from ...wire.items import Item
from ..transport.pump import Pump
from .administration_file import (
    FILE_NAME as ADMINISTRATION,
)
from .administration_file import (
    SavedAdministration,
    read_administration,
    write_administration,
)
from .damage import reason_of
from .kept_back import split
from .saved_nonces import SavedNonce
from .start_mark import PROVEN_S, StartMark
from .state_folder import StateFolder, Unsaved

T = TypeVar("T")
_LAST_SAVE_S = 5.0
"""The last save may take so long: a disk that hangs must not keep a program from ending."""
_STALE_AFTER = 20
"""After so many intervals without a change the state is saved anyway, so that the ages in it stay
true.
"""


class RunInThread(Protocol):
    """`in_thread`, or what takes its place."""

    async def __call__(self, call: Callable[[], T], *, abandon_on_cancel: bool = True) -> T: ...


async def in_thread(call: Callable[[], T], *, abandon_on_cancel: bool = True) -> T:
    """Runs a blocking call in a thread. When the caller is cancelled, it returns at once and the
    call goes on by itself; without ``abandon_on_cancel`` it returns when the call does. Raises
    RuntimeError where the system has no thread left.
    """
    # A limiter of its own: name servers that do not answer can hold all threads of trio's.
    return await trio.to_thread.run_sync(
        call, abandon_on_cancel=abandon_on_cancel, limiter=trio.CapacityLimiter(1)
    )


async def in_thread_if_possible(call: Callable[[], T], *, abandon_on_cancel: bool = True) -> T:
    """As `in_thread`; but the event loop waits for the call where no thread can be started. For
    what must be done at the start and at the end.
    """
    began = False

    def noted() -> T:
        nonlocal began
        began = True
        return call()

    try:
        return await in_thread(noted, abandon_on_cancel=abandon_on_cancel)
    except RuntimeError:
        if began:
            raise
        return call()


class Keeper:
    """Keeps one node's state in one folder. ``saved`` is the state at the start, ``identity`` the
    saved key pair, or a new one where none is saved.
    """

    def __init__(self, config: Config, folder: StateFolder, rng: Random) -> None:
        """Blocks. Raises StateUnusable as `StateFolder.open`."""
        kept, notices = folder.open()
        self._notices: list[ShellEvent] = [*notices]
        self._mark = StartMark(folder.path)
        self.administration = SavedAdministration()
        """The bans and static peers by command, as they are in the folder."""
        if folder.is_locked:
            self._mark.leave()
            self.administration, notice = read_administration(folder.path)
            self._notices += [notice] if notice is not None else []
        self.saved, self._kept_back = split(kept.saved_state(config.network), self._mark.unclean)
        if self._kept_back.is_any:
            self._notices.append(StateKeptBack(self._mark.unclean, bool(self._kept_back.peers)))
        self.callers_error: BaseException | None = None
        """What the block of the caller raised, which is no fault of this node."""
        self._since = 0.0
        self.identity = Identity(kept.seed) if kept.seed is not None else Identity.new(rng)
        self._config = config
        self._folder = folder
        self._failing = any(isinstance(notice, StateUnsaved) for notice in self._notices)
        self.saved_at_wall_s: float | None = None
        """When the state was last saved in this run, in seconds since 1970."""
        self.failed_saves = 0
        self._changed = kept.seed is None
        self._wanted_now = trio.Event()
        self._pump: Pump | None = None
        self._is_ending = False
        self._published: Callable[[], tuple[Item, ...]] = lambda: self.saved.published
        self._saved_published = self.saved.published
        self.saved_nonces = kept.nonces
        """The nonces of port mappings that are in the file."""
        self._nonces: Callable[[], tuple[SavedNonce, ...]] = lambda: self.saved_nonces

    @property
    def has_folder(self) -> bool:
        """Whether this node holds the lock of the folder; not where nothing can be written."""
        return self._folder.is_locked

    @property
    def is_failing(self) -> bool:
        """Whether the last save failed; it is tried again."""
        return self._failing

    def folder_is_in_place(self) -> bool:
        """Whether the lock that this node holds was neither removed nor replaced. Blocks."""
        return self._folder.is_in_place

    async def save_administration(self, saved: SavedAdministration) -> str | None:
        """Returns why it could not be saved for the next run; None if it was."""
        if not self._folder.is_locked:
            return f"the state folder {self._folder.path} cannot be written"
        self.administration = saved
        try:
            await in_thread(partial(write_administration, self._folder.path, saved))
        except (OSError, RuntimeError, MemoryError) as error:
            return f"{self._folder.path / ADMINISTRATION} cannot be written: {reason_of(error)}"
        return None

    def keep_nonces(self, nonces: Callable[[], tuple[SavedNonce, ...]]) -> None:
        """``nonces`` returns the nonces of port mappings that the next run is to use."""
        self._nonces = nonces

    def start(
        self, nursery: trio.Nursery, pump: Pump, published: Callable[[], tuple[Item, ...]]
    ) -> None:
        """``published`` returns the items that the next run is to publish."""
        self._pump = pump
        self._since = pump.now()
        self._published = published
        # The core has taken it up: a full address book would be in memory twice.
        self.saved = SavedState((), None, self.saved.published)
        pump.dispatch.tap(self._note)
        nursery.start_soon(self._keep, pump, name="kadisc keeper")
        nursery.start_soon(self._prove, name="kadisc start mark")

    async def close(self, error: BaseException | None = None) -> None:
        """Saves for the last time, shielded from cancellation, and unlocks the folder. ``error``:
        what the node ends with.
        """
        with trio.move_on_after(_LAST_SAVE_S, shield=True):
            if self._pump is not None:
                self._is_ending = True
                await self._save(self._pump, run=in_thread_if_possible)
            await self._change_mark(partial(self._ended, error))
            failed = error is not None and self._pump is None
            await in_thread_if_possible(self._folder.undo if failed else self._folder.close)

    def _ended(self, error: BaseException | None) -> None:
        if not isinstance(error, Exception) or error is self.callers_error:
            self._mark.take_away()
        elif isinstance(error, KadiscError):
            self._mark.take_back()

    async def _prove(self) -> None:
        await trio.sleep(PROVEN_S)
        await self._change_mark(self._mark.take_away)

    async def _change_mark(self, change: Callable[[], None]) -> None:
        """A mark that cannot be changed ends no node: at worst a later start is a careful one."""
        if self._folder.is_locked:
            with suppress(Exception):
                await in_thread_if_possible(change)

    def _note(self, event: object) -> None:
        if isinstance(event, Joined) or (
            # After a crash too the router renews and deletes a mapping only for its nonce.
            isinstance(event, MappingChanged) and self._nonces() != self.saved_nonces
        ):
            self._wanted_now.set()
        elif isinstance(
            event,
            ContactAdded
            | ContactRemoved
            | AddressChanged
            | PeerVerified
            | PeerLost
            | RecordChanged,
        ):
            self._changed = True

    async def _keep(self, pump: Pump) -> None:
        for notice in self._notices:
            pump.publish(notice)
        if self._changed:
            # The key is new: what other nodes learn of this one must be true after a crash too.
            await self._save(pump)
        skipped = 0
        while True:
            with trio.move_on_after(self._config.save_interval_s):
                await self._wanted_now.wait()
            if (
                self._wanted_now.is_set()
                or self._has_changed
                or skipped >= _STALE_AFTER
                or await self._is_removed()
            ):
                self._wanted_now = trio.Event()
                skipped = 0
                await self._save(pump)
            else:
                skipped += 1

    @property
    def _has_changed(self) -> bool:
        return (
            self._changed
            or self._published() != self._saved_published
            or self._nonces() != self.saved_nonces
        )

    async def _is_removed(self) -> bool:
        try:
            return self.has_folder and not await in_thread(self.folder_is_in_place)
        except RuntimeError:
            return False  # no thread is left: the next look is in time

    async def _save(self, pump: Pump, *, run: RunInThread | None = None) -> None:
        """Whatever goes wrong is told once, and tried again later: no save ends the node."""
        self._changed = False
        try:
            state = replace(
                await self._exported(pump), published=self._published(), runs=self._runs(pump)
            )
            state = self._kept_back.added_to(state, pump.now() - self._since)
            nonces = self._nonces()
            save = partial(
                self._folder.save, self.identity.seed, self._config.network, state, nonces
            )
            was_remade = await (run or in_thread)(save)
        except Unsaved as error:
            self._tell_unsaved(pump, str(error))
            return
        except Exception as error:  # noqa: BLE001
            # No thread or no memory is left, for example in a container with a limit of either.
            self._tell_unsaved(pump, f"the state cannot be saved: {reason_of(error)}")
            return
        self.saved_at_wall_s = pump.wall_s()
        self._saved_published = state.published
        self.saved_nonces = nonces
        if was_remade:
            if self.administration != SavedAdministration():
                await self.save_administration(self.administration)
            pump.publish(StateFolderRemade(str(self._folder.path)))
        if self._failing:
            self._failing = False
            pump.publish(StateSaved())

    def _runs(self, pump: Pump) -> tuple[SavedRun, ...]:
        ended_at_s = pump.wall_s() if self._is_ending else None
        return tuple(
            SavedRun(port.family, port_of(port.local_endpoint), ended_at_s) for port in pump.ports
        )

    async def _exported(self, pump: Pump) -> SavedState:
        """Datagrams are read between two slices."""
        export = pump.core.begin_export()
        while (state := export.step(pump.now())) is None:
            await trio.lowlevel.checkpoint()
        return state

    def _tell_unsaved(self, pump: Pump, reason: str) -> None:
        self._changed = True
        self.failed_saves += 1
        if not self._failing:
            self._failing = True
            pump.publish(StateUnsaved(reason))


@asynccontextmanager
async def open_keeper(
    config: Config, rng: Random, *, optional: bool = False
) -> AsyncIterator[Keeper | None]:
    """The keeper of ``config.state_dir``; None where no folder is given. Raises StateUnusable where
    another node uses the folder and, unless it is ``optional``, where it cannot be used.
    """
    if config.state_dir is None:
        yield None
        return
    # Not abandoned when cancelled: that would leave the folder locked.
    keeper = await in_thread_if_possible(
        partial(Keeper, config, StateFolder(config.state_dir, optional=optional), rng),
        abandon_on_cancel=False,
    )
    try:
        yield keeper
    except BaseException as error:
        await keeper.close(error)
        raise
    await keeper.close()
