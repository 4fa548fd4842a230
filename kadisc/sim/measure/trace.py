"""The trace of a run: every delivery and event as a JSON line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ...core.contract.events import Datagram, Event
from ...endpoints import Endpoint, format_endpoint
from ...errors import KadiscError, UsageError
from ..model.host import Host


class Trace:
    """A watcher. Raises UsageError if the file cannot be opened, KadiscError if a later write
    fails, as on a full disk.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            # The file stays open for the run; `close` closes it.
            self._file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115
        except OSError as error:
            raise UsageError(f"--trace {path}: {error.strerror}") from None

    def sent(self, host: Host, outbox: Sequence[Datagram], now: float) -> None:
        pass

    def received(self, host: Host, payload: bytes, source: Endpoint, now: float) -> None:
        self._write(
            {
                "t": now,
                "from": format_endpoint(source),
                "to": format_endpoint(host.endpoint),
                "payload": payload.hex(),
            }
        )

    def happened(self, host: Host, events: Sequence[Event], now: float) -> None:
        for event in events:
            self._write(
                {
                    "t": now,
                    "at": format_endpoint(host.endpoint),
                    "event": type(event).__name__,
                    "details": repr(event),
                }
            )

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise self._write_failed(error) from None

    def _write(self, record: dict[str, object]) -> None:
        try:
            self._file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise self._write_failed(error) from None

    def _write_failed(self, error: OSError) -> KadiscError:
        return KadiscError(f"--trace {self._path}: {error.strerror}")
