"""Small networks of every layout: each node gives its application each other one within seconds of
the last start, none is ever offline, and an idle network is quiet.

The matrix runs in virtual time; the cells that take longest are ``slow``. Six cells run on loopback
sockets (``real``).
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from kadisc.cli.main import build_parser
from kadisc.config.keys import KEYS
from kadisc.net.oneshot.network_search import NetworkSearch
from tests.support.small_networks import FAMILIES, LAYOUTS, course_of, on_sockets

from .lab import CONFIG, address, network, open_at
from .members import open_members

IDLE_QUERIES_PER_S = 0.3
"""Of the node that sends most, also of nodes of both families, which are in two DHTs."""
FAST = {
    (2, "loopback", "ipv4"): True,
    (2, "one host", "both"): False,
    (3, "one subnet", "ipv6"): False,
    (3, "far apart", "both"): False,
    (5, "one host", "ipv4"): False,
    (5, "one subnet", "ipv4"): True,
    (5, "one netgroup", "ipv6"): False,
    (10, "one subnet", "ipv4"): False,
}
"""The cells of the default run, and whether what they send when they are idle is counted there."""
CELLS = [
    pytest.param(*cell, id=" ".join(map(str, cell)), marks=() if cell in FAST else pytest.mark.slow)
    for cell in (
        (size, layout, families)
        for size in (2, 3, 5, 10, 20)
        for layout in LAYOUTS
        for families in FAMILIES
    )
]


def most_s(size: int) -> float:
    """The time in which all have found all, after the last start."""
    return 10.0 if size <= 10 else 30.0


@pytest.mark.parametrize(("size", "layout", "families"), CELLS)
async def test_each_node_gives_each_other_one(
    autojump_clock: MockClock, size: int, layout: str, families: str
) -> None:
    idle = FAST.get((size, layout, families), True)
    course = await course_of(size, LAYOUTS[layout], FAMILIES[families], idle=idle)
    assert course.least_given == size - 1
    assert course.all_found_s is not None
    assert course.all_found_s <= most_s(size)
    assert course.offline == 0
    assert course.queries_per_s <= IDLE_QUERIES_PER_S


def _two_in_one_subnet(number: int) -> str:
    return {3: "53.3.7.77:6881", 4: "53.3.7.78:6881"}.get(number, address(number))


async def test_a_stranger_finds_also_two_that_are_in_one_subnet(autojump_clock: MockClock) -> None:
    net, asker = (
        network(),
        replace(CONFIG, network="testnet", core=replace(CONFIG.core, read_only=True)),
    )
    async with open_members(net, range(1, 5), place=_two_in_one_subnet) as nodes:
        await trio.sleep(30.0)
        for number in range(30, 33):
            async with open_at(net, number, config=asker) as node:
                search = NetworkSearch(node, 50)
                await search.run([[address(1)]], 5.0)
                assert {peer.key for peer in search.peers} == {each.public_key for each in nodes}


@pytest.mark.real
@pytest.mark.parametrize("families", ["ipv4", "ipv6"])
@pytest.mark.parametrize("size", [2, 5, 20])
async def test_on_loopback_too(size: int, families: str) -> None:
    course = await on_sockets(size, FAMILIES[families], ask_s=5 * most_s(size))
    assert course.least_given == size - 1
    assert course.all_found_s is not None
    assert course.all_found_s <= 5 * most_s(size), "where others use the processors, too"
    assert course.offline == 0


# --- The page on private networks -----------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "private-network.md").read_text("utf-8")


def test_the_commands_and_the_file_of_the_page_are_understood() -> None:
    commands = re.findall(r"\$ kadisc ((?:.*\\\n)*.*)", PAGE)
    assert len(commands) >= 6
    parser = build_parser()
    for command in commands:
        parser.parse_args(command.replace("\\\n", " ").split())
    (file,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert set(tomllib.loads(file)) <= set(KEYS)
