"""Results as JSON lines: one finished run a line, written as soon as it is finished, so that
whatever ends a sweep takes no result along.

The last line may be torn, where a sweep was killed while it wrote; it is dropped, and that run is
run again.
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
    """A file that a sweep goes on with. Only one at a time may: two would run everything twice."""

    def __init__(self, path: str) -> None:
        """Raises UsageError where it cannot be written, or holds something else; then it is left as
        it was.
        """
        self.path = path
        self.torn = False
        if Path(path).exists() and not Path(path).is_file():
            raise UsageError(f"--out {path}: that is not a file")
        try:
            self._file: BinaryIO = Path(path).open("a+b")  # noqa: SIM115  # it stays open for the sweep; close() ends it
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
                f"{self.path}: {error.strerror}; what is there is kept, and the same command goes on from it"
            ) from None
        self.records.append(record)

    def _resume(self) -> list[Record]:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"--out {self.path}: another sweep is writing there") from None
        self._file.seek(0)
        records, good_bytes, content = _parsed(self._file.read(), self.path)
        if good_bytes < len(content):
            self.torn = True
            self._file.truncate(good_bytes)
        elif content and not content.endswith(b"\n"):
            self._file.write(b"\n")  # whole, but for its end
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
        if not self.records:  # nothing came of it: leave nothing behind
            Path(self.path).unlink(missing_ok=True)
        with suppress(
            OSError
        ):  # what could not be written is tried once more, and `add` has told of it
            self._file.close()


def read_results(path: str) -> tuple[list[Record], bool]:
    """The records, and whether the last line was torn. Raises UsageError for a file that cannot be
    read, is empty, or holds something else.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    records, good_bytes, _ = _parsed(content, path)
    if not records:
        raise UsageError(f"{path}: there are no results in it")
    return records, good_bytes < len(content)


def _parsed(content: bytes, path: str) -> tuple[list[Record], int, bytes]:
    """The records, how many bytes of the content they are, and the content."""
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
    return (
        record
        if isinstance(record.get("metrics"), dict) or isinstance(record.get("failed"), str)
        else None
    )
