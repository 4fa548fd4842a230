"""The dashboard on a real terminal: it shows real nodes and restores the terminal."""

from __future__ import annotations

import re
import signal
import time

import pytest

from .commands import kadisc, next_event, running
from .impatient import MAINTENANCE, QUERY
from .watched import LEAVE, Watched, port_in, python_module, watched, watched_program

pytestmark = pytest.mark.real  # they time a live terminal, beside which nothing should compute

RUN = ("run", "--devnet", "10", "--bind", "127.0.0.1:0")
DRAW_EVERY_S = 1.0
"""The interval between two frames, unless a key changes it."""
SOON_S = 5.0
"""Five times the expected second."""


def assert_left_clean(terminal: Watched) -> None:
    assert terminal.output.count(b"\x1b[?1049h") == terminal.output.count(b"\x1b[?1049l") == 1
    assert terminal.output.count(b"\x1b[?25l") == terminal.output.count(b"\x1b[?25h") == 1
    after = terminal.output.partition(LEAVE)[2]
    assert re.fullmatch(
        rb"\d{4}-\d\d-\d\dT[\d:]{8}[+-]\d\d:\d\d info    stopped *(by SIG(INT|TERM))?\r\n",
        re.sub(rb"\x1b\[\d*m", b"", after),
    ), after


def is_whole(terminal: Watched, text: str) -> bool:
    """Whether the first and the last line are there: one read may end anywhere between them."""
    return text.startswith(" kadisc") and terminal.lines[-1].startswith(" q quit")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_it_shows_the_node_and_ends_with_q(size: tuple[int, int]) -> None:
    with watched(*RUN, columns=size[0], rows=size[1]) as terminal:
        text = terminal.until("9 others, 9 joined")
        assert text.startswith(" kadisc ")
        assert re.search(r"^ IPv4  [0-9a-f]{10,40}…?  join", text, re.MULTILINE)
        assert re.search(r"^ bucket +filled +ok", text, re.MULTILINE)
        # For any IDs: once in 500 times none of nine others is in the far half.
        terminal.until(lambda text: re.search(r"^ +\d+ +█.* \d+/\d+ ", text, re.MULTILINE))
        terminal.until("contact   ×")
        assert terminal.lines[-1].startswith(" q quit")
        asked = time.monotonic()
        terminal.type("qy")
        assert terminal.end() == 0
        assert time.monotonic() - asked < SOON_S
        assert_left_clean(terminal)


@pytest.mark.parametrize("how", ["ctrl-c", signal.SIGINT, signal.SIGTERM])
def test_each_way_of_ending_restores_the_terminal(how: str | signal.Signals) -> None:
    with watched(*RUN) as terminal:
        terminal.until("bucket")
        asked = time.monotonic()
        if isinstance(how, signal.Signals):
            terminal.send_signal(how)
        else:
            terminal.type("\x03")
        assert terminal.end() == 0
        assert time.monotonic() - asked < SOON_S
        assert_left_clean(terminal)


def test_an_error_restores_the_terminal() -> None:
    with watched_program(python_module("tests.terminal.broken")) as terminal:
        assert terminal.end() == 1
        restored, _, after = terminal.output.partition(LEAVE)
        assert restored.count(b"\x1b[?1049h") == 1
        assert b"ZeroDivisionError" in after


def test_it_follows_the_size_at_once_and_redraws_everything() -> None:
    with watched(*RUN, columns=120, rows=40) as terminal:
        terminal.until("9 others, 9 joined")
        for columns, rows in ((80, 24), (132, 50), (20, 5), (1, 1), (40, 10), (100, 30)):
            terminal.resize(columns, rows)
            asked = time.monotonic()
            shows_all = columns >= 20
            terminal.until(
                lambda text, shows_all=shows_all: (
                    not terminal.is_scribbled_over() and (not shows_all or is_whole(terminal, text))
                ),
                SOON_S,
            )
            assert time.monotonic() - asked < DRAW_EVERY_S * 5
        terminal.type("qy")
        assert terminal.end() == 0
        assert_left_clean(terminal)


def test_keys_pause_explain_and_redraw() -> None:
    with watched(*RUN) as terminal:
        terminal.until("9 others, 9 joined")
        terminal.type("?")
        terminal.until("failing (no answer)")
        terminal.type("?")
        terminal.until(lambda text: "failing (no answer)" not in text)
        terminal.type("p")
        terminal.until("paused")
        assert terminal.quiet_for(2 * DRAW_EVERY_S)
        terminal.type("p")
        terminal.until("9 others")
        terminal.type("\x0c")
        terminal.until(lambda text: terminal.output.count(b"\x1b[2J") == 2)
        terminal.type("qy")
        assert terminal.end() == 0


@pytest.mark.parametrize(("no_color", "colored"), [("", True), ("1", False)])
def test_no_color_is_respected(no_color: str, colored: bool) -> None:
    with watched(*RUN, NO_COLOR=no_color) as terminal:
        terminal.until("9 others, 9 joined")
        assert (re.search(rb"\x1b\[[\d;]+m", terminal.output) is not None) == colored
        terminal.type("qy")
        assert terminal.end() == 0


def test_a_locale_without_unicode_gets_ascii() -> None:
    with watched(*RUN, LC_ALL="C", LANG="C") as terminal:
        terminal.until(lambda text: re.search(r"^ +0 +#\.+ ", text, re.MULTILINE))
        assert terminal.output.isascii()


@pytest.mark.parametrize(("option", "term"), [([], "dumb"), (["--no-dashboard"], "xterm")])
def test_log_lines_without_a_dashboard(option: list[str], term: str) -> None:
    with watched(*RUN, *option, TERM=term) as terminal:
        terminal.until("10 of 10 nodes have joined")
        terminal.type("\x03")
        assert terminal.end() == 0
        assert b"\x1b[?1049h" not in terminal.output


def test_a_terminal_that_is_stopped_does_not_stop_the_node() -> None:
    with watched(*RUN) as terminal:
        port = port_in(terminal.until("9 others, 9 joined"))
        terminal.type("\x13")  # Ctrl-S
        terminal.until(lambda text: terminal.quiet_for(1.5 * DRAW_EVERY_S), 10 * DRAW_EVERY_S)
        for _ in range(3):  # also after output has piled up
            assert kadisc("ping", f"127.0.0.1:{port}", "--json").returncode == 0
        terminal.type("qy")
        assert terminal.end() == 0
        assert_left_clean(terminal)


def test_it_continues_after_the_terminal_was_stopped() -> None:
    with watched(*RUN) as terminal:
        terminal.until("9 others, 9 joined")
        terminal.type("\x13")
        terminal.until(lambda text: terminal.quiet_for(1.5 * DRAW_EVERY_S), 10 * DRAW_EVERY_S)
        terminal.type("\x11?")  # Ctrl-Q, and a key that can be seen
        terminal.until("failing (no answer)")
        terminal.type("qy")
        assert terminal.end() == 0


def test_an_unread_terminal_does_not_prevent_the_end() -> None:
    with watched(*RUN) as terminal:
        terminal.until("9 others, 9 joined")
        terminal.type("\x13")
        terminal.send_signal(signal.SIGTERM)
        assert terminal.process.wait(SOON_S) == 0


def test_dead_contacts_are_shown_as_failing_and_removed() -> None:
    """Another devnet joins and is killed: its nodes are shown as failing, then they are removed."""
    neighbours = 9 + 10
    check_s = MAINTENANCE.fresh_check_s * 1.1 + neighbours * MAINTENANCE.check_interval_s
    failing_s = check_s + QUERY.timeout_s
    removed_s = (
        failing_s
        + MAINTENANCE.retry_after_failure_s
        + neighbours * MAINTENANCE.check_interval_s
        + QUERY.timeout_s
    )
    with watched_program(
        python_module("tests.terminal.impatient"), columns=120, rows=40
    ) as terminal:
        port = port_in(terminal.until("9 others, 9 joined"))
        before = contacts_in(terminal.until("9 contacts,"))
        with running(
            "run",
            "--devnet",
            "10",
            "--bind",
            "127.0.0.1:0",
            "--bootstrap",
            f"127.0.0.1:{port}",
            "--json",
        ) as process:
            next_event(process, "joined")
            terminal.until(lambda text: contacts_in(text) > before)
            process.kill()
            killed = time.monotonic()
            terminal.until(lambda text: failing_in(text) > 0, 5 * failing_s)
            terminal.until(
                lambda text: ": no answer" in text and contacts_in(text) == before, 5 * removed_s
            )
            assert time.monotonic() - killed < 5 * removed_s
        terminal.type("qy")
        assert terminal.end() == 0


def contacts_in(text: str) -> int:
    match = re.search(r"(\d+) contacts?,", text)
    return int(match[1]) if match else 0


def failing_in(text: str) -> int:
    return sum(
        int(match[1])
        for match in re.finditer(r"^ +\d+ \S+ +\d+/\d+ +\S+ +(\d+) ", text, re.MULTILINE)
    )
