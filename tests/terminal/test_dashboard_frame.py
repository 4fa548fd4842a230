"""Frames of the dashboard without a terminal: their text, and that they fit any size."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from wcwidth import wcswidth

from kadisc.control.methods.snapshots import WatchedContact
from kadisc.control.methods.status import (
    LanInterfaceStatus,
    LanStatus,
    MappingStatus,
    OwnAddress,
    PeersStatus,
)
from kadisc.dashboard.buckets import bucket_rows, columns_for, window
from kadisc.dashboard.frame import draw
from kadisc.dashboard.glyphs import ASCII, UNICODE, Glyphs
from kadisc.dashboard.header import address_words
from kadisc.dashboard.lines import plain
from kadisc.dashboard.paint import CLEAR, ENTER, STYLES, Canvas, Painter, as_text
from kadisc.dashboard.scene import Scene, TableState, ViewState
from kadisc.dashboard.view import View
from kadisc.dashboard.views import VIEWS
from kadisc.observe.reachability import ReachDocument

from .dashboard_scenes import (
    MANY_BUCKETS,
    OPERATIONS,
    Dht,
    bucket,
    contacts,
    in_view,
    ipv6,
    scene,
)

SCENES = {
    "usual": scene(),
    "two families": scene(Dht(), ipv6(MANY_BUCKETS)),
    "full": scene(
        Dht(buckets=MANY_BUCKETS),
        operations=OPERATIONS * 30,
        state=ViewState(tables={"overview": TableState(scroll=7)}),
    ),
    "fresh": scene(Dht(buckets=()), operations=()),
    "odd names": scene(network="网络 \x1b[31m e\u0301\u200b\r\n" * 9),
}


def text_of(scene: Scene, width: int, height: int, glyphs: Glyphs = UNICODE) -> list[str]:
    return [plain(line).rstrip() for line in draw(scene, width, height, glyphs)]


def test_a_frame() -> None:
    assert (
        "\n".join(text_of(scene(), 80, 24))
        == """\
 kadisc 0.1.0  mainline  up 3m 12s                 devnet: 59 others, 58 joined
 [1 overview] 2 contacts 3 peers 4 lookups 5 traffic 6 address 7 chain 8 log
 IPv4  3f9a81c2d4…  joined  46 contacts, 12 candidates  3 queries in flight
       at 84.1.2.3:6881  agreed by 96 % of 24 subnets   bound to 0.0.0.0:6881
 bucket             filled   ok failing unconfirmed  verified     rtt last-used
      0 █▓········  31/128   28       1           2     3s–2m 37.5 ms        3s
      1 ██········   14/64   14       -           -     3s–1m 37.5 ms        3s
    2–3 empty
      4 █·········     1/8    1       -           -        3s 12.5 ms       15m
 traffic of the last minute; counts since the start ───────────────────────────
 traffic  in  1.2 kB/s    14/s ▁▁▂▃▃▄▅▆▆▇█  out    0 B/s     0/s
 sent     find_node 312  ping 4
 received find_node 12345  ping 17
 dropped  unmatched reply 31  blocked 2
 ignored  already known 203
 lookups  get_peers 012345678901…  12 answered, 17 datagrams sent
          find_node own ID  5 answered, 9 datagrams sent
          1 ping in progress
 events the newest last ───────────────────────────────────────────────────────
 12:00:01 joined    IPv4: joined the DHT, 45 contacts
 12:00:02 contact   ×45, last: aaaaaaaa at 198.51.100.7:6881, bucket 4
 12:03:09 removed   bbbbbbbb at 198.51.100.9:6881, bucket 1: no answer

 q quit   j k scroll   p pause   Tab next view   m mask   ? help"""
    )


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize(
    "size",
    [
        (80, 24),
        (120, 40),
        (250, 70),
        (79, 23),
        (50, 14),
        (20, 5),
        (7, 3),
        (1, 1),
        (1, 24),
        (80, 1),
        (0, 0),
    ],
)
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_it_fits(name: str, size: tuple[int, int], glyphs: Glyphs) -> None:
    _assert_fits(SCENES[name], *size, glyphs)


@pytest.mark.parametrize("size", [(200, 60), (79, 23), (20, 5), (1, 1)])
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_each_view_fits(size: tuple[int, int], view: View) -> None:
    for glyphs in (UNICODE, ASCII):
        _assert_fits(in_view(SCENES["two families"], view=view.name), *size, glyphs)


@given(
    st.sampled_from(sorted(SCENES)),
    st.sampled_from([view.name for view in VIEWS]),
    st.integers(0, 300),
    st.integers(0, 100),
    st.sampled_from(["help", "masked", "typing", "asks_to_stop", "paused"]),
)
def test_it_fits_any_size(name: str, view: str, width: int, height: int, what: str) -> None:
    it = in_view(SCENES[name], view=view, **{what: True})
    _assert_fits(it, width, height, UNICODE)


def _assert_fits(it: Scene, width: int, height: int, glyphs: Glyphs) -> None:
    lines = draw(it, width, height, glyphs)
    assert len(lines) <= height
    for line in lines:
        text = plain(line)
        assert 0 <= wcswidth(text) <= width, text
        assert {style for _, style in line} <= {"", *STYLES}
        if glyphs is ASCII and "网" not in it.status.network:
            assert text.isascii()


def test_it_fills_the_height_with_the_keys_last() -> None:
    for height in (4, 5, 24, 40):
        lines = text_of(scene(), 80, height)
        assert len(lines) == height
        assert lines[-1].startswith(" q quit")


def test_small_frames_still_name_the_node_and_a_bucket() -> None:
    lines = text_of(scene(), 40, 6)
    assert lines[0].startswith(" kadisc 0.1.0")
    assert lines[1].startswith(" [1 overview]")
    assert "3f9a81c2d4" in lines[2]
    assert lines[3].startswith(" bucket")


def test_each_family_has_its_table() -> None:
    lines = text_of(scene(Dht(), ipv6()), 100, 40)
    heads = [line for line in lines if line.startswith(" bucket")]
    assert [("IPv4" in head, "IPv6" in head) for head in heads] == [(True, False), (False, True)]
    assert any("[2001:db8:1234:1234:1234:1234:1234:1234]:6881" in line for line in lines)


def test_empty_buckets_are_folded() -> None:
    columns = columns_for(79, UNICODE)
    buckets = (bucket(3, contacts(1)), bucket(5, []), bucket(9, contacts(2)))
    rows = bucket_rows(buckets, columns, UNICODE)
    assert [plain(row).split()[0] for row in rows] == ["0–2", "3", "4–8", "9"]
    assert [plain(row).split()[1] for row in rows if "empty" in plain(row)] == ["empty", "empty"]


@pytest.mark.parametrize(
    ("scroll", "shown"),
    [
        (0, ["+21 more (21 above)", "21", "22", "23"]),
        (2, ["+21 more (19 above, 2 below)", "19", "20", "21"]),
        (21, ["+21 more (21 below)", "0", "1", "2"]),
        (500, ["+21 more (21 below)", "0", "1", "2"]),
    ],
)
def test_the_deepest_are_shown_and_the_others_by_scrolling(scroll: int, shown: list[str]) -> None:
    rows = bucket_rows(MANY_BUCKETS, columns_for(79, UNICODE), UNICODE)
    first, *others = [plain(row).strip() for row in window(rows, 4, scroll)]
    assert [first, *(row.split()[0] for row in others)] == shown


@pytest.mark.parametrize(
    ("held", "bar"),
    [
        (contacts(16), "██████████"),
        (contacts(8), "█████·····"),
        (contacts(1), "█·········"),
        (contacts(6, 1, 1), "███▓▒·····"),
        (contacts(14, 1, 1), "████████▓▒"),
        (contacts(0, 2, 0), "▓·········"),
        (contacts(0, 0, 16), "▒▒▒▒▒▒▒▒▒▒"),
        (contacts(1, 0, 2), "█▒········"),
    ],
)
def test_a_bar_shows_each_state(held: list[WatchedContact], bar: str) -> None:
    columns = columns_for(79, UNICODE)
    [_empty, row] = bucket_rows((bucket(3, held),), columns, UNICODE)
    assert bar in plain(row)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (OwnAddress(None, None, "unknown", 0, 0.0, 4), "external address not known yet"),
        (
            OwnAddress(None, None, "unknown", 5, 0.0, 4),
            "external address not known yet (5 subnets asked so far)",
        ),
        (OwnAddress("1.2.3.4", None, "configured", 0, 0.0, 4), "at 1.2.3.4  as configured"),
        (
            OwnAddress("1.2.3.4", 5, "configured", 9, 0.1, 4),
            "at 1.2.3.4:5  as configured; agreed by 10 % of 9 subnets",
        ),
        (OwnAddress("1.2.3.4", 5, "remembered", 0, 0.0, 4), "at 1.2.3.4:5  from the last run"),
        (
            OwnAddress("1.2.3.4", 5, "voted", 12, 1.0, 4),
            "at 1.2.3.4:5  agreed by 100 % of 12 subnets",
        ),
        (
            OwnAddress("1.2.3.4", 5, "unstable", 12, 0.5, 4),
            "at 1.2.3.4:5  unstable; agreed by 50 % of 12 subnets",
        ),
        (
            OwnAddress("::1", 5, "unknown", 0, 0.0, 4),
            "at [::1]:5  uncertain; not reported by any node",
        ),
    ],
)
def test_the_certainty_of_the_address(address: OwnAddress, words: str) -> None:
    assert plain(address_words(address)).strip() == words


def test_states_are_shown() -> None:
    assert "joining" in "\n".join(text_of(scene(Dht(joined=False)), 80, 24))
    assert "offline" in "\n".join(text_of(scene(Dht(online=False)), 80, 24))
    assert text_of(scene(state=ViewState(paused=True)), 80, 24)[0].endswith("paused")
    assert text_of(scene(state=ViewState(interval_s=5.0)), 80, 24)[0].endswith("every 5 s")
    lost = replace(scene(state=ViewState(paused=True)), lost="no node runs")
    assert text_of(lost, 80, 24)[0].endswith("lost the node; looking for it")
    assert text_of(lost, 80, 24)[-2] == " no node runs"
    assert text_of(lost, 40, 24)[0].endswith("lost the node; looking for it")
    assert "no contacts yet" in "\n".join(text_of(SCENES["fresh"], 80, 24))


REACHED = ReachDocument("yes", "84.1.2.3:6881", "mapped", "restricted", 12.0, False, 9, 8, False)
MAPPED_BY_PCP = MappingStatus(
    "udp", "ipv4", 6881, "84.1.2.3:6881", "pcp", "192.168.1.1", 1e9, "mapped", None
)


@pytest.mark.parametrize(
    ("changes", "mappings", "phrase"),
    [
        ({}, (MAPPED_BY_PCP,), "reachable (PCP)"),
        ({"how": "direct"}, (MAPPED_BY_PCP,), "reachable"),
        ({"how": "direct"}, (), "reachable"),
        ({"verdict": "likely"}, (), "likely reachable"),
        ({"verdict": "no"}, (), "not reachable"),
        ({"verdict": "no", "testing": True}, (), "not reachable"),
        ({"verdict": "unknown", "testing": True}, (), "testing"),
        ({"verdict": "unknown"}, (), "reachability unknown"),
    ],
)
def test_whether_it_is_reached_stands_behind_the_address(
    changes: dict[str, object], mappings: tuple[MappingStatus, ...], phrase: str
) -> None:
    reach = msgspec.structs.replace(REACHED, **changes)
    shown = scene(Dht(reach=reach), mappings=mappings)
    for width, rest in (
        (80, "agreed by 96 % of 24 subnets"),
        (120, "agreed by 96 % of 24 subnets   bound to 0.0.0.0:6881"),
    ):
        lines = text_of(shown, width, 24)
        where = f"       at 84.1.2.3:6881  {phrase}  "
        assert lines[3].startswith(where + rest[: width - len(where) - 1])
    assert f"joined  {phrase}  46 contacts" in text_of(shown, 80, 9)[2]
    assert phrase not in "\n".join(text_of(scene(), 80, 24))
    unused = scene(Dht(reach=reach, joined=False, buckets=()), mappings=mappings)
    assert phrase not in "\n".join(text_of(unused, 80, 24))


def test_the_longest_address_leaves_room_for_whether_it_is_reached() -> None:
    unknown = msgspec.structs.replace(REACHED, verdict="unknown")
    shown = scene(replace(ipv6(), reach=unknown))
    assert "  reachability unknown" in text_of(shown, 80, 24)[3]


def test_in_a_private_network_there_are_no_strangers() -> None:
    shown = scene(Dht(address=OwnAddress("10.0.0.3", 6881, "configured", 0, 0.0, 4)))
    assert "at 10.0.0.3:6881  private network  " in text_of(shown, 80, 24)[3]


def test_nodes_on_the_lan_are_counted_beside_the_peers() -> None:
    peers = PeersStatus(5, 0, 5, 7)
    lan = LanStatus("on", [LanInterfaceStatus("eth0", 2, 1)], {}, None, {})
    text = "\n".join(text_of(scene(network="mychain", peers=peers, lan=lan), 80, 24))
    assert "mychain  5 peers online  2 on the LAN  address book 5 verified, 7 unverified" in text
    assert "LAN" not in "\n".join(text_of(scene(network="mychain", peers=peers), 80, 24))


def test_help_explains_the_glyphs() -> None:
    assert "inbound only" in "\n".join(text_of(scene(state=ViewState(help=True)), 80, 24))


# --- painting -------------------------------------------------------------------------------------


def test_without_colour_there_is_no_escape_sequence_in_a_line() -> None:
    for line in draw(scene(), 120, 40, UNICODE):
        assert Painter(None).paint(line) == plain(line)


def test_colours_change_nothing_but_colour() -> None:
    painter = Painter(ColorSystem.STANDARD)
    for line in draw(scene(), 120, 40, UNICODE):
        assert re.sub(r"\x1b\[[0-9;]*m", "", painter.paint(line)) == plain(line)


def test_a_picture_is_the_same_text() -> None:
    lines = draw(scene(), 80, 24, UNICODE)
    assert as_text(lines).plain == "\n".join(plain(line) for line in lines)


def test_only_changed_lines_are_written() -> None:
    canvas = Canvas(Painter(None))
    first = canvas.strokes([(("a", ""),), (("b", ""),), (("c", ""),)])
    assert first == f"{ENTER}\x1b[1;1H\x1b[Ka\x1b[2;1H\x1b[Kb\x1b[3;1H\x1b[Kc"
    assert canvas.strokes([(("a", ""),), (("x", ""),)]) == "\x1b[2;1H\x1b[Kx\x1b[3;1H\x1b[K"
    assert canvas.strokes([(("a", ""),), (("x", ""),)]) == ""
    canvas.redraw()
    assert canvas.strokes([(("a", ""),)]) == f"{CLEAR}\x1b[1;1H\x1b[Ka"
    canvas.redraw(ENTER)
    canvas.redraw()
    assert canvas.strokes([]) == ENTER
