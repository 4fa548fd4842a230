"""Failures: which are the same, the smallest input that shows one, and how it is replayed."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .target import Target, run_one

ROOT = Path(__file__).parents[3]
MINIMISE_S = 20.0
"""Processor time that is spent on making one input smaller."""


@dataclass(frozen=True, slots=True)
class Failure:
    """``signature``: the error and the place in the tree where it was raised; failures with the
    same one count once.
    """

    target: str
    signature: str
    text: str
    data: bytes


def signature_of(error: BaseException) -> str:
    """The type of an error, and the innermost line of this tree that it passed through."""
    place = "?"
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_relative_to(ROOT) and ".venv" not in path.parts:
            place = f"{path.relative_to(ROOT)}:{frame.lineno}"
    return f"{type(error).__name__} at {place}"


def failure_of(target: Target, data: bytes, *, slowdown: float = 1.0) -> Failure | None:
    """Judges one input."""
    try:
        run_one(target, data, slowdown=slowdown)
    except Exception as error:  # noqa: BLE001 whatever is raised is what is looked for
        text = f"{type(error).__name__}: {error}"
        return Failure(target.name, signature_of(error), text, data)
    return None


def smallest(failure: Failure, target: Target, *, slowdown: float = 1.0) -> Failure:
    """The same failure by fewer bytes, as far as removing and blanking parts goes."""

    def fails(data: bytes) -> Failure | None:
        found = failure_of(target, data, slowdown=slowdown)
        return found if found is not None and found.signature == failure.signature else None

    return _shrunk(failure, fails, time.thread_time() + MINIMISE_S)


def _shrunk(failure: Failure, fails: Callable[[bytes], Failure | None], until: float) -> Failure:
    size = max(1, len(failure.data) // 2)
    while size:
        at = 0
        while at < len(failure.data) and time.thread_time() < until:
            found = fails(failure.data[:at] + failure.data[at + size :])
            if found is not None:
                failure = found
            else:
                at += size
        size //= 2
    for at in range(len(failure.data)):
        if time.thread_time() > until:
            break
        if failure.data[at] != 0x30:
            found = fails(failure.data[:at] + b"0" + failure.data[at + 1 :])
            failure = found or failure
    return failure


def save(failure: Failure, folder: Path) -> Path:
    """Writes the input into the folder; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{failure.target}-{hashlib.sha256(failure.data).hexdigest()[:12]}"
    path = folder / name
    path.write_bytes(failure.data)
    return path


def replay_command(target: str, path: Path) -> str:
    return f"python -m tests.fuzz.codec --target {target} --replay {path}"
