"""The key in a state folder, for those that look at it or put one there while no node runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...core.contract.identity import Identity
from ...endpoints import Family
from ...errors import NotFound, StateInUse, StateUnusable
from ...observe.shell_events import StateSetAside, StateUnsaved
from .damage import DamagedState, NewerState, reason_of
from .identity_file import FILE_NAME, KeptIdentity, decode_identity, encode_identity
from .private_files import (
    TooLarge,
    UnsafeFolder,
    check_folder,
    folder_path,
    read_file,
    replace_file,
)
from .state_file import read_state
from .state_folder import FILE_NAME as STATE_NAME
from .state_folder import StateFolder


@dataclass(frozen=True, slots=True)
class KeyFound:
    """``addresses``: the node's own as it knew them last, 4 or 16 bytes, by family."""

    identity: Identity
    addresses: dict[Family, bytes]


def read_key(folder: str | Path) -> KeyFound:
    """The key in a folder, read without a lock, also while a node runs. Raises NotFound where the
    folder has none, and StateUnusable where it cannot be read or others may write there. Blocks.
    """
    path = folder_path(folder)
    try:
        check_folder(path)
    except FileNotFoundError:
        raise NotFound(
            f"there is no state folder {path}; kadisc run makes it, with a key"
        ) from None
    except OSError as error:
        raise StateUnusable(f"{path} cannot be used: {reason_of(error)}") from None
    except UnsafeFolder as unsafe:
        raise StateUnusable(str(unsafe)) from None
    troubles: list[str] = []
    kept = KeptIdentity()
    try:
        image = read_file(path / FILE_NAME)
        kept = decode_identity(image) if image is not None else kept
    except (OSError, MemoryError, DamagedState, NewerState, TooLarge) as error:
        troubles.append(f"{path / FILE_NAME}: {reason_of(error)}")
    if kept.seed is None:
        # The copy, which is there for a file that is lost or damaged.
        try:
            state = read_state(path / STATE_NAME)
            if state is not None and state.seed is not None:
                kept = KeptIdentity(state.seed, dict(state.addresses))
        except (OSError, MemoryError, DamagedState, NewerState, TooLarge) as error:
            troubles.append(f"{path / STATE_NAME}: {reason_of(error)}")
    if kept.seed is not None:
        return KeyFound(Identity(kept.seed), kept.addresses)
    if troubles:
        raise StateUnusable(f"the key cannot be read: {'; '.join(troubles)}")
    raise NotFound(f"{path} has no key yet; kadisc run makes one, kadisc key import takes one")


def put_key(folder: str | Path, wanted: KeptIdentity) -> tuple[Identity, bool, list[str]]:
    """Puts a key into a folder without one, and makes the folder where there is none. Returns the
    key, whether it is new there, and what was damaged and renamed. Raises StateInUse while a node
    runs there, and StateUnusable where the folder has another key or cannot be used. Blocks.
    """
    assert wanted.seed is not None
    identity = Identity(wanted.seed)
    store = StateFolder(folder)
    try:
        kept, notices = store.open()
    except StateInUse as error:
        used = str(error).partition(";")[0]
        raise StateInUse(f"{used}; stop it first: kadisc stop") from None
    try:
        if kept.seed is not None and kept.seed != wanted.seed:
            raise StateUnusable(
                f"{store.path} has another key, {Identity(kept.seed).public_key.hex()}, and no key"
                " is overwritten: export that one if it is still wanted, then move the files"
                f" {FILE_NAME} and {STATE_NAME} away, or name another --state-dir"
            )
        told = []
        for notice in notices:
            if isinstance(notice, StateSetAside):
                told.append(f"{notice.file} was damaged, and is now {notice.renamed_to}")
            elif isinstance(notice, StateUnsaved) and kept.seed is None:
                # It may have a key that cannot be read now.
                raise StateUnusable(notice.reason)
        if kept.seed is None:
            addresses = {**wanted.addresses, **kept.addresses}
            image = encode_identity(KeptIdentity(wanted.seed, addresses, wanted.sequences))
            try:
                replace_file(store.identity_file, image)
            except OSError as error:
                raise StateUnusable(
                    f"{store.identity_file} cannot be written: {reason_of(error)}"
                ) from None
    except BaseException:
        store.undo()
        raise
    store.close()
    return identity, kept.seed is None, told
