"""``kadisc book``: exports and imports the address book of the running node as JSON lines."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .descriptions import NEEDS_A_RUNNING_NODE
from .options import add_folder_options
from .output import print_json, say, show

if TYPE_CHECKING:
    from ..control.methods.book import BookImported

SUMMARY = "export the running node's address book, or import one"
DESCRIPTION = (
    "Writes the address book of the node that runs with this state folder to stdout, one JSON "
    "line for each peer, or reads such lines from a file into it. Imported peers are not returned "
    "until verified. " + NEEDS_A_RUNNING_NODE
)
EXAMPLES = """\
examples:
  kadisc book export > testnet.jsonl
  kadisc book import testnet.jsonl --state-dir ./node-b"""

_BYTES_PER_REQUEST = 40_000
"""With quotes and backslashes escaped, a request stays below the limit of the control socket."""
_LINES_PER_REQUEST = 100


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=("export", "import"), help="the direction")
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="for import: a file that export wrote"
    )
    add_folder_options(parser)
    parser.add_argument(
        "--json", action="store_true", help="for import: print JSON on stdout and nothing else"
    )


def execute(options: argparse.Namespace) -> int:
    from ..errors import UsageError
    from .tasks import run_until_signalled

    if options.what == "export":
        if options.file is not None:
            raise UsageError("book export writes to stdout: kadisc book export > FILE")
        return run_until_signalled(lambda: _export(options))
    if options.file is None:
        raise UsageError("book import needs a file: kadisc book import FILE")
    lines = _lines_of(Path(options.file))
    return run_until_signalled(lambda: _import(options, lines))


async def _export(options: argparse.Namespace) -> int:
    from ..control.methods.book import BOOK_EXPORT, BookExportParams
    from .asking import ask_running

    def tell(value: Mapping[str, object]) -> None:
        show(str(value["line"]))

    await ask_running(options, BOOK_EXPORT, BookExportParams(), tell=tell)
    return 0


async def _import(options: argparse.Namespace, lines: Sequence[str]) -> int:
    from ..control.methods.book import BOOK_IMPORT, BookImported, BookImportParams
    from ..observe.describe import count
    from .asking import ask_running

    done = BookImported(0, 0, 0, 0, 0, 0)
    for part in _parts(lines):
        imported = await ask_running(options, BOOK_IMPORT, BookImportParams(part))
        done.added += imported.added
        done.skipped += imported.skipped
        done.own += imported.own
        done.known += imported.known
        done.no_place += imported.no_place
        done.refused += imported.refused
    if options.json:
        print_json(done)
    else:
        say(f"{count(done.added, 'peer')} added; {done.skipped} skipped{_reasons(done)}")
    return 0


def _reasons(done: BookImported) -> str:
    """Why peers were skipped, in brackets; empty where none was."""
    reasons = (
        (done.known, "with an address in the book"),
        (done.own, "this node itself"),
        (done.no_place, "without a free place"),
        (done.refused, "not usable"),
    )
    words = [f"{number} {reason}" for number, reason in reasons if number]
    return f" ({', '.join(words)})" if words else ""


def _lines_of(path: Path) -> list[str]:
    """The lines of a book, checked as far as possible without the node. Raises UsageError."""
    from ..errors import UsageError
    from ..observe.book_lines import MAX_LINE_CHARS, MAX_LINES, parse_book

    try:
        with path.open(encoding="utf-8-sig") as file:
            lines: list[str] = []
            while len(lines) <= MAX_LINES and (line := file.readline(MAX_LINE_CHARS + 1)):
                lines.append(line)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None
    try:
        parse_book(lines, network_in(lines))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    return [line.strip() for line in lines if line.strip()]


def network_in(lines: Sequence[str]) -> str:
    """The network that the head line names. The node compares it with its own."""
    import json

    try:
        head = json.loads(next((line for line in lines if line.strip()), ""))
        return str(head["network"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _parts(lines: Sequence[str]) -> Iterator[list[str]]:
    """The lines in parts of the size of one request; each part begins with the head line."""
    head, *rest = lines
    part, size = [head], 0
    for line in rest:
        if len(part) > _LINES_PER_REQUEST or size + len(line.encode()) > _BYTES_PER_REQUEST:
            yield part
            part, size = [head], 0
        part.append(line)
        size += len(line.encode())
    yield part
