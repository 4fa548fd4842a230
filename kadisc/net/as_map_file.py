"""The map of autonomous systems that the operator gives, read from its file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ..as_map import MAX_BYTES, AsMap
from ..errors import UsageError


def as_map_in(path: str | None) -> AsMap | None:
    """The map in a file; None where no path is given. All nodes of a process share one map, which
    is read again when the file has changed. Raises UsageError.
    """
    if path is None:
        return None
    try:
        status = Path(path).stat()
        return _read(Path(path), status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise UsageError(
            f"the AS map {path} cannot be read: {(error.strerror or str(error)).lower()}"
        ) from None
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None


@lru_cache(maxsize=1)
def _read(path: Path, _changed_ns: int, _size: int) -> AsMap:
    with path.open("rb") as file:
        return AsMap(file.read(MAX_BYTES + 1))  # bounded: a device has no end
