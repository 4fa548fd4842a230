"""``book_export`` and ``book_import``: the address book as JSON lines, out of the running node and
into it.
"""

from __future__ import annotations

import msgspec
import trio

from ...observe.book_lines import format_book, parse_book
from ..call import Call, Method


class BookExportParams(msgspec.Struct, forbid_unknown_fields=True):
    """None. Each line comes as a partial result, ``{"line": ...}``, the head first."""


class BookExported(msgspec.Struct):
    """``lines``: how many were told, with the head."""

    lines: int


class BookImportParams(msgspec.Struct, forbid_unknown_fields=True):
    """``lines`` of an exported book, its head first; longer books come in several requests, each
    with the head.
    """

    lines: list[str]


class BookImported(msgspec.Struct):
    """``taken``: peers that are in the book now. The others were there already, or their places are
    taken.
    """

    taken: int
    refused: int


async def _export(params: BookExportParams, call: Call) -> BookExported:
    own = call.node.own_network
    lines = 0
    for line in format_book(own.export_book(), own.name):
        await trio.lowlevel.checkpoint()
        lines += 1
        if call.tell is not None:
            call.tell({"line": line})
    return BookExported(lines)


async def _import(params: BookImportParams, call: Call) -> BookImported:
    await trio.lowlevel.checkpoint()
    own = call.node.own_network
    book = parse_book(params.lines, own.name)
    refused = own.import_book(book)
    return BookImported(len(book.peers) - refused, refused)


BOOK_EXPORT = Method("book_export", BookExportParams, BookExported, _export)
BOOK_IMPORT = Method("book_import", BookImportParams, BookImported, _import)
