"""The corpus: a few inputs for each target, kept in the tree, named by the hash of their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from .target import Target

CORPUS = Path(__file__).parents[1] / "corpus"
MAX_BYTES = 22_000
MAX_FILES = 250
"""Bounds of what is kept for one target."""


def folder_of(target: Target) -> Path:
    return CORPUS / target.name


def kept_inputs(target: Target) -> list[bytes]:
    """What the tree keeps, in an order that does not depend on the file system."""
    return inputs_in(folder_of(target))


def inputs_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*"))] if folder.is_dir() else []


def first_inputs(target: Target) -> list[bytes]:
    """What a run begins with: the seeds, and what is kept."""
    return list(dict.fromkeys([*target.seeds(), *kept_inputs(target)])) or [b""]


def write_inputs(inputs: Iterable[bytes], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def keep(target: Target, inputs: Iterable[bytes]) -> tuple[int, int]:
    """Replaces what the tree keeps with these inputs, the smaller ones first, within the bounds.
    Returns their number and their bytes.
    """
    folder = folder_of(target)
    for path in folder.glob("*") if folder.is_dir() else ():
        path.unlink()
    chosen: list[bytes] = []
    size = 0
    for data in sorted(set(inputs), key=lambda each: (len(each), each)):
        if len(chosen) < MAX_FILES and size + len(data) <= MAX_BYTES:
            chosen.append(data)
            size += len(data)
    write_inputs(chosen, folder)
    return len(chosen), size
