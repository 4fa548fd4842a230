"""Pictures of the views from 4 to 8 at three sizes, and what keys do in them.

The pictures are files in ``pictures/``; ``KADISC_WRITE_PICTURES=1`` writes them anew, to be looked
at before they are committed.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from kadisc.dashboard.frame import body_height, draw
from kadisc.dashboard.glyphs import ASCII, UNICODE, Glyphs
from kadisc.dashboard.lines import plain
from kadisc.dashboard.pressing import pressed
from kadisc.dashboard.scene import Scene
from kadisc.dashboard.traffic import CounterRates
from kadisc.observe.observations import Observations

from .view_scenes import ADDRESS, FEED, full_scene

PICTURES = Path(__file__).parent / "pictures"
NAMES = ("lookups", "traffic", "address", "chain", "log")
FULL = full_scene()


def shown(it: Scene, name: str) -> Scene:
    return replace(it, state=replace(it.state, view=name))


def text_of(it: Scene, width: int = 80, height: int = 24, glyphs: Glyphs = UNICODE) -> str:
    return "\n".join(plain(line).rstrip() for line in draw(it, width, height, glyphs)) + "\n"


def observed(it: Scene, **changes: object) -> Scene:
    seen = replace(it.observations, **changes)  # type: ignore[arg-type]
    return replace(it, node=msgspec.structs.replace(it.node, observations=seen))


def after(it: Scene, *keys: str, height: int = 24) -> Scene:
    for key in keys:
        it = replace(it, state=pressed(it, key, body_height(height)))
    return it


@pytest.mark.parametrize("size", [(80, 24), (160, 50), (200, 60)])
@pytest.mark.parametrize("name", NAMES)
def test_a_picture(name: str, size: tuple[int, int]) -> None:
    text = text_of(shown(FULL, name), *size)
    file = PICTURES / f"{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("KADISC_WRITE_PICTURES"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_in_ascii(name: str) -> None:
    assert text_of(shown(FULL, name), 120, 40, ASCII).isascii()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(1, 1), (20, 5), (50, 12), (79, 23), (118, 30), (300, 90)])
def test_every_size_has_its_picture(name: str, size: tuple[int, int]) -> None:
    for it in (FULL, observed(FULL, finished=(), running=(), loudest=(), addresses=(), feeds=())):
        lines = draw(shown(it, name), *size, UNICODE)
        assert len(lines) <= size[1]


def test_a_node_of_an_earlier_version_tells_less() -> None:
    node = msgspec.structs.replace(FULL.node, observations=None)
    for name in NAMES:
        assert text_of(shown(replace(FULL, node=node, log=()), name)).startswith(" kadisc")


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "name"), list(zip("45678", NAMES, strict=True)))
def test_each_view_has_its_key(key: str, name: str) -> None:
    assert after(FULL, key).state.view == name


def test_lookups_are_sorted_by_what_they_took() -> None:
    it = after(shown(FULL, "lookups"), "s", "s", "s", "s")
    text = text_of(it)
    assert "by took" in text
    first, second = text.splitlines()[6:8]
    assert "5.20 s" in first
    assert "3.75 s" in second
    assert "reversed" in text_of(after(it, "r"))


def test_lookups_are_filtered_by_outcome_and_chosen() -> None:
    it = after(shown(FULL, "lookups"), "/", *"no answer", "enter")
    text = text_of(it)
    assert "lookups 5 of 52" in text
    assert "done" not in "\n".join(text.splitlines()[6:])
    chosen = text_of(after(it, "enter"), 160)
    assert "outcome      no answer" in chosen
    assert "0707070707070707070707070707070707070707" in chosen


def test_a_suspicious_lookup_is_told() -> None:
    assert "1 suspicious" in text_of(shown(FULL, "lookups"))
    it = after(shown(FULL, "lookups"), "/", *"suspicious", "enter")
    assert "lookups 1 of 52" in text_of(it, 160)


def test_counters_of_drops_are_found() -> None:
    it = after(shown(FULL, "traffic"), "/", *"dropped", "enter")
    text = text_of(it, 120, 40)
    assert "counters 4 of" in text
    assert "unmatched reply" in text
    assert "answers in" not in text


def test_limits_that_are_lifted_or_reached_are_told() -> None:
    assert "; reached 50 times" in text_of(shown(FULL, "traffic"))
    assert "lifted" in text_of(observed(shown(FULL, "traffic"), limits_lifted=True), 160, 50)


def test_votes_for_another_address_are_found() -> None:
    it = after(shown(FULL, "address"), "/", *"another", "enter")
    assert "votes 3 of 24" in text_of(it)


@pytest.mark.parametrize(
    ("verdict", "nat", "words"),
    [
        ("no", "restricted", "a router or firewall lets in only hosts that this node has"),
        ("unknown", "unknown", "helpers in 9 networks, 8 needed for a no"),
    ],
)
def test_why_a_node_is_not_reached(verdict: str, nat: str, words: str) -> None:
    assert ADDRESS.reach is not None
    reach = msgspec.structs.replace(ADDRESS.reach, verdict=verdict, nat=nat, proven_s_ago=None)
    state = replace(ADDRESS, reach=reach, reached_by=None)
    text = text_of(observed(shown(FULL, "address"), addresses=(state,)), 160, 50)
    assert words in text
    assert "reached by   no stranger so far" in text


def test_what_is_not_tested_is_said() -> None:
    state = replace(ADDRESS, reach=None, untested="10.0.0.3 is a private address", tests=())
    assert "is a private address" in text_of(observed(shown(FULL, "address"), addresses=(state,)))


def test_without_a_feed_the_view_says_what_one_is() -> None:
    text = text_of(observed(shown(FULL, "chain"), feeds=()))
    assert "No kadisc feed is connected" in text
    assert "kadisc feed exec -- /usr/local/bin/add-peer {host} {port}" in text


def test_a_chain_node_in_trouble_says_why() -> None:
    down = msgspec.structs.replace(
        FEED,
        condition="down",
        outbound=None,
        inbound=None,
        trouble="http://127.0.0.1:9332: connection refused; trying again",
        service_offered=False,
        peers=(),
        peers_left_out=0,
    )
    text = text_of(observed(shown(FULL, "chain"), feeds=(down, FEED)), 160, 50)
    assert "because      http://127.0.0.1:9332: connection refused; trying again" in text
    assert "p2p withdrawn" in text
    assert "5 of 8 outbound" in text


def test_the_node_is_asked_about_the_peer_of_a_step() -> None:
    from kadisc.dashboard.views.chain import CHAIN

    it = after(shown(FULL, "chain"), "/", *"45.6.0.1", "enter", "enter")
    assert CHAIN.why is not None
    assert CHAIN.why(it.state.row) == "45.6.0.1:9333"
    assert CHAIN.why("chain step 3 of exec") == ""


def test_texts_of_others_cannot_move_the_cursor() -> None:
    odd = msgspec.structs.replace(FEED, chain="\x1b[2J evil", name="\x1b]0;x")
    for size in ((80, 24), (160, 50)):
        assert "\x1b" not in text_of(observed(shown(FULL, "chain"), feeds=(odd,)), *size)


def test_a_long_event_goes_on_in_the_next_line() -> None:
    text = text_of(shown(FULL, "log"))
    lines = text.splitlines()
    place = next(at for at, line in enumerate(lines) if "warning: no bootstrap" in line)
    words = " ".join(line[26:].strip() for line in lines[place : place + 4])
    assert "seed.example.net could not be resolved; retrying in the background" in words
    assert "…" not in "\n".join(lines[2:-1])


def test_the_log_is_filtered_and_scrolled() -> None:
    it = after(shown(FULL, "log"), "/", *"warning", "enter")
    assert "events 4 of 40" in text_of(it)
    bottom = text_of(after(shown(FULL, "log"), "G"))
    assert "aaaaaaaa at 45.0.1.1:6881" in bottom
    assert "aaaaaaaa at 45.38.1.1:6881" not in bottom
    oldest_first = text_of(after(shown(FULL, "log"), "r"))
    assert oldest_first.splitlines()[3].endswith("aaaaaaaa at 45.0.1.1:6881")


def test_addresses_are_masked() -> None:
    for name in NAMES:
        it = after(shown(FULL, name), "m")
        for size in ((80, 24), (160, 50)):
            text = text_of(it, *size)
            assert "84.1.2.3" not in text
            assert "45.6.0.1" not in text


# --- rates ----------------------------------------------------------------------------------------


def test_rates_are_of_the_last_seconds_and_begin_anew_with_the_node() -> None:
    rates = CounterRates({"received": 0, "sent": 5}, 0.0)
    assert rates.rates() == {}
    for second in range(1, 40):
        total = 10 * second if second > 20 else 0
        rates.sample({"received": total, "sent": 5}, float(second))
        rates.sample({"received": total, "sent": 5}, second + 0.5)
    assert rates.rates() == {"received": 10.0}
    rates.sample({"received": 3, "sent": 1}, 41.0)
    assert rates.rates() == {}
    rates.sample({"received": 7, "sent": 1}, 43.0)
    assert rates.rates() == {"received": 2.0}


def test_views_take_what_the_socket_tells() -> None:
    told = msgspec.json.encode(FULL.observations)
    assert msgspec.json.decode(told, type=Observations) == FULL.observations
