"""Converts lines with rich: to escape sequences for the dashboard, to one `Text` for pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from rich.text import Text

from .lines import Line

ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"
"""Enters the alternate screen, hides the cursor and clears everything."""
CLEAR = "\x1b[0m\x1b[2J"
"""Resets the style and clears the screen."""

STYLES: dict[str, Style] = {
    name: Style.parse(definition)
    for name, definition in {
        "title": "bold reverse",
        "label": "cyan",
        "strong": "bold",
        "quiet": "dim",
        "good": "green",
        "fair": "cyan",
        "poor": "yellow",
        "bad": "bold red",
        "note": "magenta",
        "spark": "blue",
        "key": "bold",
        "section": "bold cyan",
        "sorted": "bold cyan underline",
        "cursor": "reverse",
        "here": "bold reverse",
        "alarm": "bold reverse red",
    }.items()
}
"""Styles in the 16 basic colours, which the user has chosen for the terminal."""


def as_text(lines: Sequence[Line]) -> Text:
    """The frame as one preformatted text."""
    text = Text(no_wrap=True, end="")
    for number, line in enumerate(lines):
        if number:
            text.append("\n")
        for words, style in line:
            text.append(words, STYLES.get(style))
    return text


class Painter:
    """Paints single lines, span by span. Printing through a rich console, which measures and wraps,
    takes several times as long.
    """

    def __init__(self, color_system: ColorSystem | None) -> None:
        self._color_system = color_system

    def paint(self, line: Line) -> str:
        if self._color_system is None:
            return "".join(text for text, _ in line)
        system = self._color_system
        return "".join(
            STYLES[style].render(text, color_system=system) if style else text
            for text, style in line
        )


def painter_for(stream: TextIO, *, colored: bool) -> Painter:
    """A painter with the colours of the terminal of ``stream``, from TERM and COLORTERM, or one for
    plain text.
    """
    if not colored:
        return Painter(None)
    name = Console(file=stream, force_terminal=True, no_color=False).color_system
    return Painter(
        {
            "standard": ColorSystem.STANDARD,
            "256": ColorSystem.EIGHT_BIT,
            "truecolor": ColorSystem.TRUECOLOR,
        }.get(name or "standard")
    )


class Canvas:
    """Tracks the lines that the terminal shows, and makes the text that updates them."""

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self._lines: Sequence[Line] = ()
        self._start = ENTER

    def redraw(self, start: str = CLEAR) -> None:
        """Makes the next frame begin with ``start`` and contain all lines, because the contents of
        the terminal are unknown.
        """
        self._lines = ()
        self._start = ENTER if ENTER in (self._start, start) else start

    def strokes(self, lines: list[Line]) -> str:
        """The text for the changed lines: for an idle node a few hundred bytes a second."""
        parts = [self._start]
        self._start = ""
        for row in range(max(len(lines), len(self._lines))):
            line = lines[row] if row < len(lines) else ()
            if row >= len(self._lines) or line != self._lines[row]:
                # The line is cleared before it is painted: after a full line the cursor stays on
                # the last cell, and would clear it.
                parts.append(f"\x1b[{row + 1};1H\x1b[K{self._painter.paint(line)}")
        self._lines = lines
        return "".join(parts)
