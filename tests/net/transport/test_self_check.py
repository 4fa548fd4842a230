"""The self-check of a live node: a fault in its table is told once, counted, and ends nothing."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from kadisc.cli.main import build_parser
from kadisc.config import Config
from kadisc.endpoints import Family
from kadisc.errors import UsageError
from kadisc.net.api.node import Node
from kadisc.observe.shell_events import SelfCheckFailed

from ..lab import CONFIG, network, open_several

CHECKED: Config = replace(CONFIG, self_check=20)


async def some_traffic(nodes: list[Node]) -> None:
    for number in range(8):
        await nodes[-1].find_node(number << 150)


async def test_an_honest_network_has_no_fault(autojump_clock: MockClock) -> None:
    async with open_several(network(), 4, config=CHECKED) as nodes:
        await some_traffic(nodes)
        await trio.sleep(60)
        counters = nodes[0].counters()
        assert counters["self_checks"] > 2
        assert counters["self_check_faults"] == 0


async def test_a_corrupted_table_is_told_and_the_node_goes_on(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with open_several(network(), 6, config=CHECKED) as nodes:
        me = nodes[0]
        async with me.subscribe(SelfCheckFailed) as events:
            me.pump.core.dhts[Family.IPV4].table._one_scope_entries += 1
            with trio.fail_after(60):
                await some_traffic(nodes)
                await some_traffic(nodes)
                told = await events.__anext__()
            assert told.what == "entries that are not public are miscounted: 1"
        counters = me.counters()
        assert counters["self_check_faults"] > 1, "counted each time, and told once"
        assert (await me.find_node(1)).closest, "the node goes on"


async def test_without_the_option_nothing_is_checked(autojump_clock: MockClock) -> None:
    async with open_several(network(), 3) as nodes:
        await some_traffic(nodes)
        assert "self_checks" not in nodes[0].counters()


def test_the_option_of_the_command_takes_a_whole_number_and_no_other() -> None:
    parser = build_parser()
    assert vars(parser.parse_args(["run", "--self-check", "500"]))["self_check"] == 500
    for wrong in ("x", "-1", "1.5", "1000000000"):
        with pytest.raises((SystemExit, UsageError)):
            parser.parse_args(["run", "--self-check", wrong])
