"""``kadisc feed`` reads its configuration again, and goes on running."""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from kadisc.cli.feed_reload import LEVEL, WANT, FeedReloading
from kadisc.cli.main import build_parser
from kadisc.cli.options import values_given
from kadisc.cli.tasks import Hangups
from kadisc.feed.report import FeedReport
from kadisc.service.log_lines import LogEntry
from kadisc.service.notify import Notifier

from .commands import PATIENCE_S, next_event, running


def options(file: Path, *words: str) -> argparse.Namespace:
    return build_parser(["feed"]).parse_args(["feed", "handshake", "--config", str(file), *words])


async def test_want_and_the_level_take_effect_and_the_rest_is_named(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    file, taken, told = tmp_path / "a.toml", [], []
    file.write_text("")

    def show(entry: LogEntry) -> None:
        told.append((entry.level, entry.words))

    hangups, notifier = Hangups(), Notifier.from_environment(print)
    for words, want in ((), 5), (("--want", "3"), 3):
        given = options(file, *words)
        file.write_text("")
        taken.clear()
        reloading = FeedReloading(
            given,
            values_given(given),
            FeedReport(show),
            {WANT: lambda want: taken.append(want), LEVEL: lambda level: taken.append(level)},
        )
        told.clear()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reloading.keep, hangups, notifier)
            for text in (
                "",
                '[feed]\nwant = 5\n[log]\nlevel = "debug"\naddresses = "none"\n',
                "[feed]\nwant = 0\n[log]\nlevel = 'warning'\n",
            ):
                file.write_text(text)
                hangups.note()
                await trio.sleep(5)
            nursery.cancel_scope.cancel()
        # An option goes on to win over the file.
        changed = "feed.want and log.level" if want == 5 else "log.level"
        assert told[:2] == [
            ("info", "the configuration has not changed"),
            ("info", f"{changed} took effect; log.addresses needs a restart"),
        ]
        assert told[2][0] == "warning"
        assert "nothing was changed" in told[2][1]
        assert "feed.want: expected a number from 1 to 1000, not 0" in told[2][1]
        assert taken == ([5, "debug"] if want == 5 else ["debug"])


@pytest.mark.real
def test_sighup_and_a_reload_of_the_node_have_the_feed_read_its_configuration(
    tmp_path: Path,
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('network = "x"\n')
    here = "--config", str(file), "--state-dir", str(tmp_path / "s")
    node_words = "run", *here, "--bind", "127.0.0.1:0", "--no-routers", "--json"
    out = str(tmp_path / "peers")
    with running(*node_words) as node:
        next_event(node, "listening")
        feed_words = "feed", "file", "--out", out, "--look-every", "1", "--json", *here
        with running(*feed_words) as feed:
            assert next_event(feed, "chain")["want"] == 8
            for want, process in ((5, feed), (6, node)):
                file.write_text(f'network = "x"\n[feed]\nwant = {want}\n')
                process.send_signal(signal.SIGHUP)
                assert next_event(feed, "reload")["changed"] == ["feed.want"]
                assert next_event(feed, "chain")["want"] == want
            feed.send_signal(signal.SIGTERM)
            output, _ = feed.communicate(timeout=PATIENCE_S)
            assert feed.returncode == 130
            assert all(json.loads(line) for line in output.splitlines())
