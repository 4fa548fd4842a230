"""``book_export`` and ``book_import``: the address book of the running node as JSON lines."""

from __future__ import annotations

import msgspec
import trio

from ...observe.book_lines import format_book, parse_book
from ..call import Call, Method


class BookExportParams(msgspec.Struct, forbid_unknown_fields=True):
    """No params. Each line comes as a partial result, ``{"line": ...}``, the head line first."""


class BookExported(msgspec.Struct):
    """``lines``: the number of lines sent, the head line included."""

    lines: int


class BookImportParams(msgspec.Struct, forbid_unknown_fields=True):
    """``lines`` of an exported book, its head line first. A longer book goes in several requests,
    each with the head line.
    """

    lines: list[str]


class BookImported(msgspec.Struct):
    """``added``: peers that are new in the book. ``skipped``: the others; of these ``own`` are the
    node itself, ``known`` have an address that is in the book, ``no_place`` a place in the table
    that is occupied, and ``refused`` an address that may not be used, or an entry that is not
    sound.
    """

    added: int
    skipped: int
    own: int
    known: int
    no_place: int
    refused: int


class BookLineNews(msgspec.Struct):
    """A partial result: the next line."""

    line: str


async def _export(params: BookExportParams, call: Call) -> BookExported:
    own = call.node.own_network
    lines = 0
    for line in format_book(await own.copy_book(), own.name):
        await trio.lowlevel.checkpoint()
        lines += 1
        if call.tell is not None:
            call.tell({"line": line})
    return BookExported(lines)


async def _import(params: BookImportParams, call: Call) -> BookImported:
    await trio.lowlevel.checkpoint()
    own = call.node.own_network
    book = parse_book(params.lines, own.name)
    done = own.import_book(book)
    return BookImported(
        added=done.added,
        skipped=len(book.peers) - done.added,
        own=done.own,
        known=done.known,
        no_place=done.no_place,
        refused=done.refused,
    )


BOOK_EXPORT = Method(
    "book_export", BookExportParams, BookExported, _export, partial=(BookLineNews,)
)
BOOK_IMPORT = Method("book_import", BookImportParams, BookImported, _import, writes=True)
