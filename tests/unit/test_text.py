"""Text of others on its way to a terminal or a log."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadisc.cli.output import print_json, say, show
from kadisc.errors import ErrorAnswer, KadiscError, NoAnswer, UsageError
from kadisc.service.log import Log
from kadisc.service.log_lines import FORMATS, LogEntry
from kadisc.text import MAX_MESSAGE, MAX_TEXT, one_line, printable

HOSTILE = {
    "clears the screen": "\x1b[2J\x1b[H",
    "sets the title": "\x1b]0;owned\x07",
    "forges a line": "fine\r\nkadisc: all is well",
    "C1": "\x9b31mred\x85next",
    "DEL": "a\x7fb",
    "bidirectional": "\u202egnp.exe\u2066\u200f",
    "separators": "a\u2028b\u2029c",
    "lone surrogates": "a\ud800b\udc1bc",
    "no width": "a\u200bb\ufeffc\u2060",
    "tags": "a\U000e0041b",
    "long": "x" * 100_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_shown_is_one_printable_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = one_line(text)
    assert shown.isprintable()
    assert 0 < len(shown) <= MAX_TEXT
    for error in (KadiscError(text), UsageError(text), NoAnswer(text), ErrorAnswer(201, text)):
        assert str(error).isprintable()
        assert len(str(error)) <= MAX_MESSAGE
    assert ErrorAnswer(201, text).text == shown
    say(text)
    for form in FORMATS:
        Log(form, say).tell(LogEntry("info", "event", "name", text, {"text": text}))
    show(text)
    print_json({"text": text})
    out, err = capsys.readouterr()
    assert (out.count("\n"), err.count("\n")) == (5, 1)
    assert all(line.isprintable() for line in (out + err).split("\n"))


@given(st.text(st.characters(), max_size=400))
def test_any_text_becomes_printable_and_printable_text_stays(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(printable(text)) == printable(text)
    assert len(printable(text)) == len(text)
    assert one_line(text, 10_000) == printable(text)
    if text.isprintable():
        assert printable(text) == text


def test_letters_of_all_scripts_and_signs_stay() -> None:
    for text in ("my chain ☂", "Привет", "हिन्दी", "日本語", "é", "e\u0301"):
        assert printable(text) == text


def test_a_result_is_shown_in_what_the_terminal_can_encode(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ascii:
        encoding = "ascii"
        written = ""

        def write(self, text: str) -> int:
            self.written += text.encode("ascii").decode("ascii")
            return len(text)

        def flush(self) -> None:
            pass

    out = Ascii()
    monkeypatch.setattr(sys, "stdout", out)
    show("my chain ☂")
    assert out.written == "my chain \\u2602\n"
