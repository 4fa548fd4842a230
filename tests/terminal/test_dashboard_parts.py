"""The parts that frames are made of: figures, sparklines, traffic, folded events, keys."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadisc.contacts import Contact
from kadisc.core.contract.events import (
    AddressChanged,
    ContactAdded,
    ContactRemoved,
    Joined,
    WentOffline,
)
from kadisc.dashboard import figures
from kadisc.dashboard.activity import count_lines
from kadisc.dashboard.chart import chart_lines
from kadisc.dashboard.glyphs import ASCII, UNICODE, Glyphs, glyphs_for, sparkline
from kadisc.dashboard.keys import is_unfinished, keys_in
from kadisc.dashboard.lines import clean, fit, line_cells, plain
from kadisc.dashboard.pressing import pressed
from kadisc.dashboard.scene import Scene
from kadisc.dashboard.tail import KEPT, Tail
from kadisc.dashboard.traffic import KEPT_S, Flow, TrafficHistory
from kadisc.endpoints import Family, make_endpoint
from kadisc.observe.event_document import event_document
from kadisc.observe.shell_events import BootstrapFailing

from .dashboard_scenes import scene


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (3599, "59m"),
        (3600, "1h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (float("inf"), "-"),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    assert figures.age(seconds) == text


@given(st.floats(min_value=0, allow_nan=False))
def test_figures_keep_their_width(value: float) -> None:
    assert len(figures.age(value)) <= 4
    if value < 9e11:
        assert len(figures.byte_rate(value)) <= 8
    if value < 9e8:
        assert len(figures.number(value)) <= 5
    if value < 999:
        assert len(figures.delay(value)) <= 8


def test_other_figures() -> None:
    assert [figures.delay(s) for s in (None, 0.00042, 0.0123, 0.345, 1.2)] == [
        "-",
        "0.42 ms",
        "12.3 ms",
        "345 ms",
        "1.20 s",
    ]
    assert [figures.duration(s) for s in (7, 185, 7620, 12 * 86400 + 3 * 3600)] == [
        "7s",
        "3m 05s",
        "2h 07m",
        "12d 3h",
    ]
    assert [figures.byte_rate(r) for r in (0, 999, 1234, 98_765, 2_000_000, 3e9)] == [
        "0 B/s",
        "999 B/s",
        "1.2 kB/s",
        "99 kB/s",
        "2.0 MB/s",
        "3.0 GB/s",
    ]
    assert [figures.number(n) for n in (0, 0.4, 3, 12, 12345, 123456, 1.2e6)] == [
        "0",
        "0.4",
        "3",
        "12",
        "12345",
        "123k",
        "1.2M",
    ]


@pytest.mark.parametrize(
    ("environment", "glyphs"),
    [
        ({"LANG": "en_US.UTF-8"}, UNICODE),
        ({"LANG": "C", "LC_CTYPE": "C.utf8"}, UNICODE),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, ASCII),
        ({"LC_ALL": "", "LANG": "de_DE.ISO-8859-1"}, ASCII),
        ({}, ASCII),
    ],
)
def test_the_locale_decides_on_the_glyphs(environment: dict[str, str], glyphs: Glyphs) -> None:
    assert glyphs_for(environment) is glyphs


def test_sparklines() -> None:
    assert sparkline([0, 1, 4, 8], 4, UNICODE) == " ▁▄█"
    assert sparkline([0, 0.001, 8], 3, UNICODE) == " ▁█"
    assert sparkline([8, 8, 0, 0], 2, UNICODE) == "█ "
    assert sparkline([0, 0], 2, UNICODE) == "  "
    assert sparkline([1], 0, UNICODE) == sparkline([], 5, UNICODE) == ""
    assert sparkline([0, 8], 2, ASCII) == " @"


def test_lines_are_cut_with_a_mark() -> None:
    line = (("abc", "good"), ("def", ""))
    assert fit(line, 6, "~") == line
    assert plain(fit(line, 5, "~")) == "abcd~"
    assert plain(fit(line, 3, "~")) == "ab~"
    assert plain(fit(line, 1, "~")) == "~"
    assert plain(fit(line, 0, "~")) == ""
    assert plain(fit((("网络网", ""),), 4, "~")) == "网 ~"


def test_names_cannot_move_the_cursor() -> None:
    assert clean("a\x1b[2Jb\n\u202e") == "a?[2Jb??"
    assert clean("grüße") == "grüße"


# --- traffic --------------------------------------------------------------------------------------


def counters(received: int, received_bytes: int) -> dict[str, int]:
    return {"received": received, "received_bytes": received_bytes, "sent": 0, "sent_bytes": 0}


def test_rates_are_of_the_last_seconds() -> None:
    traffic = TrafficHistory(counters(100, 5000), now=10.0)
    traffic.sample(counters(110, 6000), now=11.0)
    received, sent = traffic.flows()
    assert (received.bytes_per_s, received.datagrams_per_s) == (200.0, 2.0)
    assert received.history[-1] == 1000.0
    assert sent.bytes_per_s == 0.0
    for second in range(12, 20):
        traffic.sample(counters(110, 6000), now=float(second))
    assert traffic.flows()[0].bytes_per_s == 0.0
    assert sum(traffic.flows()[0].history) == 1000.0


def test_samples_may_come_too_often_or_late() -> None:
    traffic = TrafficHistory(counters(0, 0), now=0.0)
    for tenth in range(1, 40):
        traffic.sample(counters(tenth, tenth * 10), now=tenth / 10)
    assert sum(traffic.flows()[0].history) == 300.0
    traffic.sample(counters(10_000, 100_000), now=500.0)
    assert len(traffic.flows()[0].history) == KEPT_S


def test_a_chart_has_a_scale_and_a_column_for_each_second() -> None:
    flow = Flow(4000.0, 10.0, (*(0.0,) * 57, 500.0, 1000.0, 4000.0))
    rates, *lines, axis = chart_lines("in", flow, 75, 4, UNICODE)
    assert plain(rates) == "        in 4.0 kB/s  10 datagrams/s"
    assert [plain(line)[-3:] for line in lines] == ["  █", "  █", "  █", "▄██"]
    assert [plain(line)[:10].strip() for line in lines] == ["4.0 kB/s", "", "2.0 kB/s", "0"]
    assert {line_cells(line) for line in (*lines, axis)} == {71}
    assert plain(axis)[11:].startswith("60 s ago")
    assert plain(axis).endswith("now")
    wide = chart_lines("in", flow, 135, 4, UNICODE)
    assert plain(wide[-2])[-6:] == "▄▄████"
    assert chart_lines("in", flow, 60, 4, UNICODE) == []


@pytest.mark.parametrize(
    ("width", "most", "lines"),
    [
        (60, 1, [" sent     find_node 312  get_peers 87  gossip 48  ping 4"]),
        (44, 1, [" sent     find_node 312  +3 more"]),
        (44, 2, [" sent     find_node 312  get_peers 87", "          gossip 48  ping 4"]),
        (30, 2, [" sent     find_node 312", "          get_peers 87  +2 more"]),
    ],
)
def test_counts_that_do_not_fit_are_counted(width: int, most: int, lines: list[str]) -> None:
    sent = {"ping": 4, "gossip": 48, "get_peers": 87, "find_node": 312}
    it = scene()
    status = msgspec.structs.replace(
        it.status, counters={f"queries_sent.{name}": number for name, number in sent.items()}
    )
    it = replace(it, node=msgspec.structs.replace(it.node, status=status))
    shown = [plain(line) for line in count_lines(it, width, most)]
    assert shown[: len(lines)] == lines
    assert shown[len(lines) :] == [
        f" {name:<8} none" for name in ("received", "dropped", "ignored")
    ]


# --- events ---------------------------------------------------------------------------------------


def contact(number: int) -> Contact:
    return Contact(number << 128, make_endpoint(f"198.51.100.{number}", 6881))


def add(tail: Tail, event: object, clock: str, now: float) -> bool:
    """Adds an event as `subscribe` tells it, at that time of day."""
    document = event_document(event)  # type: ignore[arg-type]
    return tail.add({**document, "time": f"2026-01-01T{clock}+00:00"}, now)


def told(tail: Tail) -> list[tuple[str, str, int]]:
    return [(line.clock, line.name, line.count) for line in tail.lines()]


def test_repeating_events_are_folded_into_the_newest() -> None:
    tail = Tail()
    for number in range(1, 30):
        add(tail, ContactAdded(contact(number), 3), f"12:00:{number:02}", float(number))
        if number % 10 == 0:
            removed = ContactRemoved(contact(number), 3, "silent")
            add(tail, removed, f"12:00:{number:02}", float(number))
    assert told(tail) == [("12:00:20", "removed", 2), ("12:00:29", "contact", 29)]
    assert (
        tail.lines()[-1].words == f"{contact(29).id:040x}"[:8] + " at 198.51.100.29:6881, bucket 3"
    )


def test_old_and_different_events_are_not_folded() -> None:
    tail = Tail()
    add(tail, ContactRemoved(contact(1), 3, "silent"), "12:00:01", 1.0)
    add(tail, ContactRemoved(contact(2), 3, "moved"), "12:00:02", 2.0)
    add(tail, ContactRemoved(contact(3), 3, "silent"), "12:05:00", 300.0)
    add(tail, BootstrapFailing(Family.IPV4, "none answers"), "12:05:01", 301.0)
    add(tail, BootstrapFailing(Family.IPV6, "none answers"), "12:05:01", 301.0)
    assert [count for _, _, count in told(tail)] == [1, 1, 1, 1, 1]


def test_the_tail_is_bounded_and_refuses_other_events() -> None:
    tail = Tail()
    for number in range(300):
        assert add(tail, Joined(Family.IPV4, number), "12:00:00", 0.0)
    assert len(tail.lines()) == KEPT
    assert not tail.add({"event": "record_changed", "time": "", "message": ""}, 0.0)
    assert not tail.add({}, 0.0)


def test_words() -> None:
    tail = Tail()
    add(tail, AddressChanged(Family.IPV4, b"\1\2\3\4", 5, 0xAB << 152, 12), "12:00:00", 0.0)
    add(tail, WentOffline(Family.IPV4), "12:00:00", 0.0)
    address, offline = tail.lines()
    assert (address.name, address.words) == (
        "address",
        "IPv4: external address 1.2.3.4, reported by 12 subnets; own ID is now ab" + "0" * 38,
    )
    assert (offline.name, offline.style) == ("offline", "poor")


# --- keys -----------------------------------------------------------------------------------------


def test_keys_by_name() -> None:
    typed = b"jq\x1b[A\x1bOB\x1b[5~\x1b[1;5C\x00\xffp\x0c\t\x1b[Z\r\n\x7f\x08\x1b"
    assert keys_in(typed) == [
        *("j", "q", "up", "down", "page up", "p", "\x0c", "tab", "shift tab", "enter", "enter"),
        *("backspace", "backspace", "escape"),
    ]


@pytest.mark.parametrize("typed", [b"\x1b", b"j\x1b[", b"\x1b[5", b"\x1bO"])
def test_a_key_may_come_in_two_parts(typed: bytes) -> None:
    assert is_unfinished(typed)


@pytest.mark.parametrize("typed", [b"", b"j", b"\x1b[A", b"\x1b[5~", b"\x1bj"])
def test_whole_keys_are_not_waited_for(typed: bytes) -> None:
    assert not is_unfinished(typed)


def after(it: Scene, *keys: str, page: int = 20) -> Scene:
    for key in keys:
        it = replace(it, state=pressed(it, key, page))
    return it


def test_what_keys_do() -> None:
    it = after(scene(), "k", "up", "k", "j", "page up", "p", "x")
    assert it.state.table.scroll == 5  # as many as there are lines
    assert it.state.paused
    assert after(it, "end").state.table.scroll == 0
    assert after(scene(), "g").state.table.scroll == 5
