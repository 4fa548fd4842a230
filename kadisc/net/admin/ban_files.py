"""Lists of banned networks in files, as others publish them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ...errors import UsageError
from ...networks import NetworkSet

MAX_BYTES: Final = 8 << 20
MAX_NETWORKS: Final = 200_000
"""In one file."""
_COMMENTS: Final = ("#", ";")


def read_ban_files(paths: Iterable[str]) -> dict[str, NetworkSet]:
    """The networks in each of the files. Blocks: a list of 100,000 takes 0.4 s. Raises
    UsageError that names the file, and the line of the first that is no network.
    """
    return {path: _read(_expanded(path)) for path in paths}


def _read(path: Path) -> NetworkSet:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"the ban file {path} cannot be read: {reason}") from None
    except (UnicodeDecodeError, RuntimeError):
        raise UsageError(f"the ban file {path} is not a text in UTF-8") from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"the ban file {path} has more than {MAX_BYTES >> 20} MiB")
    lines = _Lines(text, path)
    try:
        return NetworkSet(lines)
    except ValueError as error:
        raise UsageError(f"{path}, line {lines.number}: {error}") from None


class _Lines:
    """The networks in a text. ``number``: of the line of the last one, from 1 on."""

    def __init__(self, text: str, path: Path) -> None:
        self.number = 0
        self._text = text
        self._path = path

    def __iter__(self) -> Iterator[str]:
        found = 0
        for number, line in enumerate(self._text.splitlines(), 1):
            for mark in _COMMENTS:
                line = line.partition(mark)[0]
            if not (line := line.strip()):
                continue
            found += 1
            if found > MAX_NETWORKS:
                raise UsageError(
                    f"the ban file {self._path} has more than {MAX_NETWORKS:,} networks"
                )
            self.number = number
            yield line


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"the ban file {path}: there is no such home folder") from None
