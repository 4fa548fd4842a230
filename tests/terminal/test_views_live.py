"""The views from 4 to 8 on a real terminal: each shows what a real node does."""

from __future__ import annotations

import re

import pytest

from .watched import watched

pytestmark = pytest.mark.real  # a live terminal, beside which nothing should compute

RUN = ("run", "--devnet", "10", "--bind", "127.0.0.1:0", "--network", "viewed")


def test_views_show_what_the_node_does() -> None:
    with watched(*RUN, columns=160, rows=50) as terminal:
        terminal.until("9 others, 9 joined")
        terminal.type("4")
        terminal.until(lambda text: re.search(r"find_node +own-id +done .*[0-9a-f]{40} ipv4", text))
        terminal.type("5")
        terminal.until(lambda text: re.search(r"queries out find_node +[\d.]+ +[\d.]+ +\d+", text))
        terminal.until(lambda text: re.search(r"127\.\d+\.\d+\.0/24 +█", text))
        terminal.type("6")
        terminal.until(lambda text: re.search(r"votes \d+, one a netgroup", text))
        terminal.type("7")
        terminal.until("No kadisc feed is connected to this node.")
        terminal.type("8")
        terminal.until(lambda text: re.search(r"[\d:.]{12} joined +IPv4: joined the DHT", text))
        terminal.type("/bucket\r")
        terminal.until(lambda text: "with 'bucket'" in text and "joined the DHT" not in text)
        terminal.type("qy")
        assert terminal.end() == 0
