"""Text of others, made fit for a terminal and for a log.

Attack: a node puts control sequences into a text that is shown, such as that of a KRPC error (BEP
5). ESC and C1 characters set a title, clear the screen or paste into a shell; CR and LF forge
further lines, bidirectional controls turn the order of what is read. Names come from files, from
the command line and from name servers too. Defence: whatever may hold such a text passes here.
"""

from __future__ import annotations

from typing import Final

MAX_TEXT: Final = 200
"""The most characters that are shown of one text of another node or of a file."""
MAX_MESSAGE: Final = 1000
"""The most characters of one message, with all texts that it quotes."""


def printable(text: str) -> str:
    """The text with ``?`` for each character that is not printable: controls (C0, DEL, C1),
    bidirectional and other format controls, line and paragraph separators, surrogates, and what
    Unicode has not assigned.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "?" for c in text)


def one_line(text: str, limit: int = MAX_TEXT) -> str:
    """A text of others on one line, printable, and of at most ``limit`` characters."""
    return printable(text if len(text) <= limit else f"{text[: limit - 3]}...")
