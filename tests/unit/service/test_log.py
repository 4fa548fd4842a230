"""The log: its forms, its levels, and how often it may say the same."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
import trio
from trio.testing import MockClock

from kadisc.service.journal import is_journal
from kadisc.service.log import Log
from kadisc.service.log_addresses import masked, masked_fields
from kadisc.service.log_lines import LogEntry, journal_line, json_line, text_line
from kadisc.service.repeat_limit import LINES, MAX_KINDS, WINDOW_S, RepeatLimit

ALARM = LogEntry("warning", "suspicious_lookup", "lookup", "probably forged", {"answered": 3})
AT = datetime(2026, 11, 30, 12, 0, 0, 123456, tzinfo=UTC)


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_line_of_json_has_the_same_beginning_in_each_event() -> None:
    entry = LogEntry("info", "joined", "joined", "IPv4: joined", {"contacts": 3}, "ipv4")
    assert json_line(entry, AT, addresses="full") == (
        '{"ts": "2026-11-30T12:00:00.123Z", "level": "info", "event": "joined", "family": "ipv4", '
        '"message": "IPv4: joined", "contacts": 3}'
    )
    assert list(json.loads(json_line(ALARM, AT, addresses="full"))) == [
        *("ts", "level", "event", "family", "message", "answered"),
    ]


def test_a_line_of_the_journal_has_a_priority_and_no_clock() -> None:
    assert journal_line(ALARM, AT, addresses="full") == "<4>lookup: probably forged"
    assert journal_line(LogEntry("info", "stopped", "stopped", ""), AT, addresses="full") == (
        "<6>stopped"
    )
    line = text_line(ALARM, AT, addresses="full")
    assert re.fullmatch(
        r"2026-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d warning lookup     prob.*", line
    )


def test_only_the_level_that_is_wanted_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log("journal", print, level="warning")
    entries = [LogEntry(level, level, level, "") for level in ("debug", "info", "warning")]

    def levels() -> list[str]:
        for entry in entries:
            log.tell(entry)
        return [line[3:] for line in written(capsys)]

    assert levels() == ["warning"]
    log.level = "debug"
    assert levels() == ["debug", "info", "warning"]
    log.level = "info"
    assert levels() == ["info", "warning"]


async def test_a_change_of_the_level_wakes_up_who_waits(autojump_clock: MockClock) -> None:
    log = Log("text", print)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(log.level_changed)
        nursery.start_soon(log.level_changed)
        await trio.sleep(1)
        log.level = "info"
        await trio.sleep(1)
        assert len(nursery.child_tasks) == 2
        log.level = "debug"


FORGED = "lookups that found probably forged nodes"


async def test_an_event_that_others_cause_is_told_five_times_and_then_counted(
    autojump_clock: MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """Forged IDs near the targets of lookups: an alarm for each lookup."""
    log = Log("journal", print, now=trio.current_time)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(log.keep)
        for _ in range(46):
            log.tell(ALARM)
            await trio.sleep(1)
        log.tell(LogEntry("info", "other", "other", "is not held back"))
        lines = written(capsys)
        assert lines == 5 * ["<4>lookup: probably forged"] + ["<6>other: is not held back"]
        await trio.sleep(20)
        assert written(capsys) == [f"<4>lookup: 41 more in the last minute: {FORGED}"]
        log.tell(ALARM)
        await trio.sleep(600)
        assert written(capsys) == ["<4>lookup: probably forged"]
        nursery.cancel_scope.cancel()


def test_what_was_left_out_is_told_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log("json", print, now=lambda: 0.0)
    for _ in range(7):
        log.tell(ALARM)
    log.tell_left_out()
    assert len(written(capsys)) == LINES
    log.tell_left_out(all_of_them=True)
    [line] = written(capsys)
    record = json.loads(line)
    assert record["message"] == f"2 more in the last minute: {FORGED}"
    assert (record["event"], record["of"], record["lines"]) == (
        *("lines_omitted", "suspicious_lookup", 2),
    )
    log.tell_left_out(all_of_them=True)
    assert written(capsys) == []


def test_in_no_minute_are_there_more_than_five_and_none_is_forgotten() -> None:
    rng, limit = Random(5), RepeatLimit()
    now, given, counted = 0.0, 0, 0
    times: dict[str, list[float]] = {}
    for _ in range(20_000):
        now += rng.expovariate(1.0)
        counted += sum(lines for _, lines in limit.left_out(now))
        reason = rng.choice(("a", "b", "c"))
        given += 1
        if limit.allows(LogEntry("info", "event", "", "", reason=reason), now):
            times.setdefault(reason, []).append(now)
    counted += sum(lines for _, lines in limit.left_out(now, all_of_them=True))
    assert sum(map(len, times.values())) + counted == given
    for each in times.values():
        assert all(
            later - earlier >= WINDOW_S for earlier, later in zip(each, each[LINES:], strict=False)
        )


def test_reasons_without_end_take_bounded_memory_and_few_lines() -> None:
    limit, lines = RepeatLimit(), 0
    for number in range(10_000):
        entry = LogEntry("info", "event", "", "", reason=f"reason {number}")
        lines += limit.allows(entry, number / 1000)
    assert lines == MAX_KINDS + LINES
    assert len(limit.left_out(100)) == 1
    # When the minute is over, a new reason is one of its own again.
    assert limit.allows(LogEntry("info", "event", "", "", reason="new"), 100)


@pytest.mark.parametrize(
    ("text", "network", "none"),
    [
        (
            "found 45.1.2.3:7001 (key 00)",
            "found 45.1.2.0/24:7001 (key 00)",
            "found X:7001 (key 00)",
        ),
        ("at 45.1.2.3, and 9.8.7.6.", "at 45.1.2.0/24, and 9.8.7.0/24.", "at X, and X."),
        ("[2a01:db8:1:2::3]:7001", "[2a01:db8:1::/48]:7001", "[X]:7001"),
        ("2a01:db8:1:2::3: no route", "2a01:db8:1::/48: no route", "X: no route"),
        ("2a01:1::", "2a01:1::/48", "X"),
        ("fe80::1%eth0 is gone", "fe80::/48 is gone", "X is gone"),
        ("[::ffff:45.1.2.3]:1", "[45.1.2.0/24]:1", "[X]:1"),
        ("in 45.1.0.0/16", "in 45.1.0.0/16", "in X"),
        ("in 45.1.2.0/24", "in 45.1.2.0/24", "in X"),
        ("http://45.1.2.3:80/x", "http://45.1.2.0/24:80/x", "http://X:80/x"),
        *(
            (text, text, text)
            for text in (
                *("0.0.0.0:6881", "[::]:6881", "127.0.0.1:9", "[::1]:9", "at 12:30:45", "v1.2.3"),
                *("host.example:6881", "300.1.2.3", "x: y", "ab:cd", ""),
                "bootstrap.example.org:6881: no answer within 5.0 s",
            )
        ),
    ],
)
def test_addresses_are_named_as_the_operator_wants(text: str, network: str, none: str) -> None:
    assert masked(text, "full") == text
    assert masked(text, "network") == network
    assert masked(text, "none") == none.replace("X", "(address)")


def test_fields_are_masked_at_any_depth() -> None:
    fields = {"peers": [{"45.1.2.3:1": ("[2a01::1]:2", 3)}], "host": "45.1.2.3", "port": None}
    assert masked_fields(fields, "network") == {
        "peers": [{"45.1.2.0/24:1": ["[2a01::/48]:2", 3]}],
        "host": "45.1.2.0/24",
        "port": None,
    }
    entry = LogEntry("info", "event", "name", "at 45.1.2.3", fields)
    for line in (text_line, json_line, journal_line):
        assert "45.1.2.3" not in line(entry, AT, addresses="none")
        assert "2a01" not in line(entry, AT, addresses="none")


def test_the_journal_is_known_by_device_and_inode(tmp_path: Path) -> None:
    with (tmp_path / "stdout").open("w") as stream:
        found = os.fstat(stream.fileno())
        named = f"{found.st_dev}:{found.st_ino}"
        assert is_journal(stream, {"JOURNAL_STREAM": named})
        assert not is_journal(stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino + 1}"})
        assert not is_journal(stream, {"JOURNAL_STREAM": ""})
        assert not is_journal(stream, {})
    assert not is_journal(stream, {"JOURNAL_STREAM": named})
