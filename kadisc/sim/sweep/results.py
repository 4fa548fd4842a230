"""Results as JSON lines: one finished run a line, written as soon as it is finished, so that no
result is lost if the sweep is interrupted.

The last line may be incomplete if a sweep was killed while it wrote; it is dropped, and that run is
repeated.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from ...errors import KadiscError, UsageError
from .sweep import Record

_WANTED: dict[str, type] = {"scenario": str, "seed": int, "command": str}


class ResultsFile:
    """The results file of a sweep, locked: two sweeps on one file would run everything twice."""

    def __init__(self, path: str) -> None:
        """Raises UsageError if the file cannot be written, or holds something else; then it is left
        unchanged.
        """
        self.path = path
        self.torn = False
        if Path(path).exists() and not Path(path).is_file():
            raise UsageError(f"--out {path}: that is not a file")
        try:
            self._file: BinaryIO = Path(path).open("a+b")  # noqa: SIM115  # __exit__ closes it
        except OSError as error:
            raise UsageError(f"--out {path}: {error.strerror}") from None
        try:
            self.records = self._resume()
        except BaseException:
            self._file.close()
            raise

    def add(self, record: Record) -> None:
        try:
            self._file.write(json.dumps(record, separators=(", ", ": ")).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise KadiscError(
                f"{self.path}: {error.strerror}; results are kept, and the same command resumes"
            ) from None
        self.records.append(record)

    def _resume(self) -> list[Record]:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"--out {self.path}: another sweep is writing to it") from None
        self._file.seek(0)
        records, good_bytes, content = _parsed(self._file.read(), self.path)
        if good_bytes < len(content):
            self.torn = True
            self._file.truncate(good_bytes)
        elif content and not content.endswith(b"\n"):
            self._file.write(b"\n")  # complete except for the end of the line
            self._file.flush()
        return records

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self.records:  # leave no empty file behind
            Path(self.path).unlink(missing_ok=True)
        with suppress(OSError):  # a failed write is tried once more; `add` has reported it
            self._file.close()


def read_results(path: str) -> tuple[list[Record], bool]:
    """The records, and whether the last line was incomplete. Raises UsageError for a file that
    cannot be read, is empty, or holds something else.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    records, good_bytes, _ = _parsed(content, path)
    if not records:
        raise UsageError(f"{path}: no results in it")
    return records, good_bytes < len(content)


def _parsed(content: bytes, path: str) -> tuple[list[Record], int, bytes]:
    """The records, the number of bytes of ``content`` that they take, and ``content``."""
    records, good_bytes = [], 0
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        record = _record(line)
        whole = line.endswith(b"\n")
        if record is None and (whole or number == 1) and line.strip():
            raise UsageError(f"{path}: line {number} is not a result of a simulation")
        if record is None and not whole:
            break
        if record is not None:
            records.append(record)
        good_bytes += len(line)
    return records, good_bytes, content


def _record(line: bytes) -> Record | None:
    try:
        record: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or any(
        not isinstance(record.get(name), kind) for name, kind in _WANTED.items()
    ):
        return None
    finished = isinstance(record.get("metrics"), dict)
    return record if finished or isinstance(record.get("failed"), str) else None
