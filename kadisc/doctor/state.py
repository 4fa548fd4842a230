"""The check ``state``: whether the node can save its key, contacts and address book, and what it
saved can be read.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..observe.describe import count
from .check import DoctorCheck
from .facts import DoctorFacts
from .finding import DoctorFinding, failure, ok, skipped, warning
from .machine import MachineFacts, StateFacts, Unknown

LEAST_FREE_BYTES = 50 << 20
"""A full state of ten networks has 1 MB, and a save needs room for two."""
IN_MEMORY = ("tmpfs", "ramfs")


def find(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    if not facts.is_lasting:
        return ()  # the node of this command saves nothing
    if facts.state_dir is None:
        return (
            warning(
                "",
                "the node keeps no state: its next run has a new key and knows no node",
                "start it with --state-dir DIR, and without --ephemeral",
            ),
        )
    if not facts.keeps_state:
        return (
            warning(
                "",
                f"the folder {facts.state_dir} cannot be written, so nothing is saved",
                "make the folder writable for the user of the node; it retries by itself",
            ),
        )
    if facts.cannot_save:
        return (
            warning(
                "",
                f"the last attempt to save key, contacts and address book in {facts.state_dir} "
                "failed",
                "the log says why, such as a full disk; the node retries by itself",
            ),
        )
    return (ok("", f"saved in {facts.state_dir}"),)


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.state
    if isinstance(known, Unknown):
        return (skipped("", f"the folder was not looked at: {known.reason}"),)
    wrong = tuple(_wrong(known))
    if wrong:
        return wrong
    if not known.exists:
        return (ok("", f"{known.path} is made at the first start"),)
    room = f", with {known.free_bytes >> 20} MB free" if known.free_bytes is not None else ""
    return (ok("", f"{known.path} is the node's alone, and can be written{room}"),)


def _wrong(known: StateFacts) -> Iterator[DoctorFinding]:
    path = known.path
    if known.owner != known.user:
        yield failure(
            "",
            f"{path} belongs to user {known.owner}, and the node is of user {known.user}",
            f"chown -R {known.user} {path}",
        )
    elif known.mode & 0o022:
        yield failure("", f"others may write into {path} (mode {known.mode:04o})", _private(known))
    elif known.mode & 0o300 != 0o300:
        yield failure(
            "",
            f"the node's own user may not write into {path} (mode {known.mode:04o})",
            _private(known),
        )
    elif known.refusal is not None:
        yield failure("", known.refusal, "chmod go-w the folder above, or use --state-dir DIR")
    elif known.mode & (0o007 if known.group_allowed else 0o077):
        yield warning("", f"others may look into {path} (mode {known.mode:04o})", _private(known))
    is_full = known.free_bytes is not None and known.free_bytes < LEAST_FREE_BYTES
    if is_full:
        assert known.free_bytes is not None
        say = failure if known.free_bytes < 1 << 20 else warning
        yield say(
            "",
            f"{path} has {known.free_bytes >> 10} kB of room left, and a save needs room for a "
            "second copy",
            f"make room on that disk (df {path}), or use --state-dir DIR on another one",
        )
    elif known.unwritable is not None:
        yield failure(
            "",
            f"{path} cannot be written: {known.unwritable}",
            "let its user write there, or use --state-dir DIR",
        )
    if known.file_system in IN_MEMORY:
        yield warning(
            "",
            f"{path} is in memory ({known.file_system}): after a restart of this machine the node "
            "has a new key",
            "use --state-dir DIR on a disk",
        )
    for file, reason in known.damaged.items():
        yield failure(
            "",
            f"{file} cannot be used: {reason}",
            f"put a backup in its place, or move it away: mv {file} {file}.old",
        )
    if known.set_aside:
        files = " ".join(known.set_aside)
        yield warning(
            "",
            f"{count(len(known.set_aside), 'damaged file')} of an earlier run: {files}",
            f"look at the disk, put a backup back if there is one, then rm {files}",
        )


def _private(known: StateFacts) -> str:
    return f"chmod {'0710' if known.group_allowed else '0700'} {known.path}"


STATE = DoctorCheck("state", find, look, needs=("state",))
