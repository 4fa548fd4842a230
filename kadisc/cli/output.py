"""Output: stdout carries only the result, messages for people go to stderr."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TextIO

from ..observe.log_stamp import INFO, WARNING
from ..service.journal import ERROR, is_journal, prefix
from ..text import MAX_MESSAGE, one_line, printable


def print_json(document: object) -> None:
    """Prints one JSON document on one line. A msgspec struct becomes an object."""
    if hasattr(document, "__struct_fields__"):
        import msgspec  # already imported if there is a struct

        document = msgspec.to_builtins(document)
    # DEL is the one control character that JSON lets stand as it is.
    print(json.dumps(document, separators=(", ", ": ")).replace("\x7f", "\\u007f"), flush=True)


def print_error(code: str, message: str) -> None:
    """Prints the document of a command that failed: ``{"error": {"code", "message"}}``."""
    print_json(error_document(code, message))


def error_document(code: str, message: str) -> dict[str, dict[str, str]]:
    """The member ``error`` of a JSON document. ``code`` is in snake_case."""
    return {"error": {"code": code, "message": one_line(message, MAX_MESSAGE)}}


def print_unsuccessful(document: object, code: str, message: str) -> None:
    """Prints the document of a command that ends with an exit code other than 0 and yet has a
    result, such as an empty list: the result with an ``error`` as its last member.
    """
    import msgspec

    result: dict[str, object] = msgspec.to_builtins(document)
    print_json({**result, **error_document(code, message)})


def show(text: str) -> None:
    """Prints a line of the result on stdout. It may hold texts of others."""
    encoding = sys.stdout.encoding or "utf-8"
    line = printable(text).encode(encoding, "backslashreplace").decode(encoding)
    print(line, flush=True)


def show_text(text: str) -> None:
    """Prints a text of the user on stdout as it is, also with line breaks. Nothing in it is of
    others, but what is known to be printable.
    """
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def say(text: str, *, level: str | None = None) -> None:
    """Prints a message on stderr, on one line. It may quote other nodes, files and names. Where
    stderr cannot be written, as on a terminal that was closed, the message is lost and nothing
    else. ``level`` is for systemd's journal; by default it is a warning if it begins as one.
    """
    line = one_line(text, MAX_MESSAGE)
    if is_journal(sys.stderr):
        start = prefix(level or (WARNING if text.startswith("warning: ") else INFO))
    else:
        start = "kadisc: "
    with contextlib.suppress(OSError):
        print(f"{start}{line}", file=sys.stderr, flush=True)


def say_error(text: str) -> None:
    """Prints why the command has failed."""
    say(text, level=ERROR)


def is_lively(stream: TextIO) -> bool:
    """Whether the stream is a terminal on which a line can be rewritten and coloured."""
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"


def wants_color(stream: TextIO) -> bool:
    return is_lively(stream) and not os.environ.get("NO_COLOR")


class ProgressLine:
    """One line on stderr that is rewritten in place and removed at the end. The cursor is never
    hidden, so nothing has to be restored at any exit.
    """

    def __init__(self) -> None:
        self._shown = is_lively(sys.stderr)

    def show(self, text: str) -> None:
        if self._shown:
            # Cut to the width, because a wrapped line cannot be rewritten.
            width = _terminal_width(sys.stderr)
            print(f"\r\x1b[K{printable(text[: width - 1])}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _terminal_width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
