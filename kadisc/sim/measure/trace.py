"""Everything that happens, as JSON lines: deliveries and events, for whoever wants to look closely."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ...core.contract.events import Datagram, Event
from ...endpoints import Endpoint, format_endpoint
from ...errors import KadiscError, UsageError
from ..model.host import Host


class Trace:
    """Watches a world. Raises UsageError if the file cannot be written, KadiscError if there is no
    room for more.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115  # it stays open for the run; close() ends it
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
            raise self._no_room(error) from None

    def _write(self, record: dict[str, object]) -> None:
        try:
            self._file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise self._no_room(error) from None

    def _no_room(self, error: OSError) -> KadiscError:
        return KadiscError(f"--trace {self._path}: {error.strerror}")
