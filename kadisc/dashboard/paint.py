"""Lines become what a terminal understands, by rich: as escape sequences for the live view, as one
`Text` for pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from rich.text import Text

from .lines import Line

ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"
"""The alternate screen, the cursor hidden, everything blank."""
CLEAR = "\x1b[0m\x1b[2J"

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
    }.items()
}
"""The sixteen colours that every terminal has and its owner has chosen."""


def as_text(lines: Sequence[Line]) -> Text:
    """The whole frame as one preformatted text."""
    text = Text(no_wrap=True, end="")
    for number, line in enumerate(lines):
        if number:
            text.append("\n")
        for words, style in line:
            text.append(words, STYLES.get(style))
    return text


class Painter:
    """Paints single lines, each span by itself: rich's own way over a console, which measures and
    wraps, takes several times as long.
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
    """With the colours that the terminal behind ``stream`` has, by TERM and COLORTERM; plain text
    if it is not to be coloured.
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
    """What the terminal shows, and what to write to make it show something else."""

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self._lines: Sequence[Line] = ()
        self._start = ENTER

    def start_anew(self, start: str = CLEAR) -> None:
        """Nothing of what is on the terminal is to be relied on; the next frame begins with
        ``start``.
        """
        self._lines = ()
        self._start = ENTER if ENTER in (self._start, start) else start

    def strokes(self, lines: list[Line]) -> str:
        """Only the lines that changed: a second of an idle node is a few hundred bytes."""
        parts, self._start = [self._start], ""
        for row in range(max(len(lines), len(self._lines))):
            line = lines[row] if row < len(lines) else ()
            if row >= len(self._lines) or line != self._lines[row]:
                # Cleared before, not after: behind the last cell of a full line the cursor stays on
                # that cell, and would clear it.
                parts.append(f"\x1b[{row + 1};1H\x1b[K{self._painter.paint(line)}")
        self._lines = lines
        return "".join(parts)
