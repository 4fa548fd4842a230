"""One simulation of `scripts/digests`, in a process of its own: digest_child.py DIR ARGUMENTS...

Runs ``kadisc sim run ARGUMENTS... --json`` with the kadisc of the checkout in DIR, which must be on
PYTHONPATH, and prints what happened as JSON. The digest is made here, not by the checkout: it is
over time, source, destination and payload of each delivery, and knows no name of a class or module.
"""

from __future__ import annotations

import importlib
import io
import json
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import Any

DIGEST_CLASSES = (
    ("kadisc.sim.digest", "Digest"),
    ("kadisc.sim.measure.digest", "Digest"),
)
"""Where a checkout may have the class that is told of every delivery: the first that exists. Its
methods are ``delivery(now, source, destination, payload)`` and ``events(now, where, events)``."""

HEAD = Struct(">dBBI").pack
"""Time, and the lengths of source, destination and payload."""


class Deliveries:
    """All of a run, in the order in which they happen; a run may have several worlds."""

    def __init__(self) -> None:
        self.count = 0
        self.hash = blake2b(digest_size=16)

    def add(self, now: float, source: bytes, destination: bytes, payload: bytes) -> None:
        self.count += 1
        head = HEAD(now, len(source), len(destination), len(payload))
        self.hash.update(b"".join((head, source, destination, payload)))


def listen() -> Deliveries:
    """Takes the place of the checkout's own digest."""
    deliveries, found = Deliveries(), digest_class()

    def delivery(_: object, now: float, source: bytes, destination: bytes, payload: bytes) -> None:
        deliveries.add(now, source, destination, payload)

    def events(_: object, now: float, where: bytes, happened: Iterable[object]) -> None:
        pass

    for method in (delivery, events):
        if not hasattr(found, method.__name__):
            sys.exit(f"{found.__module__}.{found.__name__} has no method {method.__name__}")
        setattr(found, method.__name__, method)
    return deliveries


def digest_class() -> type:
    for module, name in DIGEST_CLASSES:
        try:
            found: type = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise  # the module exists, and needs one that does not
        else:
            return found
    known = ", ".join(f"{module}.{name}" for module, name in DIGEST_CLASSES)
    sys.exit(f"there is none of {known}; add its present name to scripts/digest_child.py")


def numbers(measured: Any) -> Iterator[float | None]:
    """Those in the measurements of a run, without their names, which may change."""
    if isinstance(measured, dict):
        for value in measured.values():
            yield from numbers(value)
    elif isinstance(measured, list):
        for value in measured:
            yield from numbers(value)
    elif measured is None or isinstance(measured, int | float):
        yield measured


def main(checkout: str, *arguments: str) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    import kadisc

    if Path(str(kadisc.__file__)).resolve().parents[1] != Path(checkout).resolve():
        sys.exit(f"kadisc was imported from {kadisc.__file__}, not from {checkout}")
    deliveries = listen()
    from kadisc.cli.main import main as kadisc_main

    output = io.StringIO()
    with redirect_stdout(output):
        code = kadisc_main(["sim", "run", *arguments, "--json"])
    if code:
        return code
    measured = json.dumps([*numbers(json.loads(output.getvalue())["metrics"])]).encode()
    told = {
        "deliveries": deliveries.count,
        "digest": deliveries.hash.hexdigest(),
        "measured": blake2b(measured, digest_size=4).hexdigest(),
    }
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
