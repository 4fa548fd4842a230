"""Frames of the dashboard without a terminal: their text, and that they fit any size."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from wcwidth import wcswidth

from kadisc.core.addressing.external_address import Confidence
from kadisc.core.contract.reach_verdict import ReachVerdict
from kadisc.core.peers.network_snapshot import PeerNetworkSnapshot
from kadisc.core.peers.view import ViewSnapshot
from kadisc.core.reach.reach_snapshot import ReachSnapshot
from kadisc.core.snapshot import AddressSnapshot
from kadisc.dashboard.buckets import bucket_rows, columns_for, window
from kadisc.dashboard.frame import draw
from kadisc.dashboard.glyphs import ASCII, UNICODE, Glyphs
from kadisc.dashboard.header import address_words
from kadisc.dashboard.lines import plain
from kadisc.dashboard.paint import CLEAR, ENTER, STYLES, Canvas, Painter, as_text
from kadisc.dashboard.scene import Scene, View
from kadisc.endpoints import Family, make_endpoint
from kadisc.observe.lan import LanInterfaceSnapshot, LanSnapshot
from kadisc.observe.mappings import MappingSnapshot

from .dashboard_scenes import MANY_BUCKETS, OPERATIONS, bucket, dht, entries, scene

SCENES = {
    "usual": scene(),
    "two families": scene(dht(), dht(Family.IPV6, MANY_BUCKETS)),
    "full": scene(
        dht(buckets=MANY_BUCKETS), operations=OPERATIONS * 30, view=View(scroll=7, help=True)
    ),
    "fresh": scene(dht(buckets=()), operations=()),
    "odd names": scene(network="网络 \x1b[31m e\u0301\u200b\r\n" * 9),
}


def text_of(scene: Scene, width: int, height: int, glyphs: Glyphs = UNICODE) -> list[str]:
    return [plain(line).rstrip() for line in draw(scene, width, height, glyphs)]


def test_a_frame() -> None:
    assert (
        "\n".join(text_of(scene(), 80, 24))
        == """\
 kadisc 0.1.0  mainline  up 3m 12s                 devnet: 59 others, 58 joined
 IPv4  3f9a81c2d4…  joined  46 contacts, 12 candidates  3 queries in flight
       at 84.1.2.3:6881  agreed by 96 % of 24 subnets   bound to 0.0.0.0:6881
 bucket             filled   ok failing unconfirmed  verified     rtt last-used
      0 █▓········  31/128   28       1           2     3s–2m 37.5 ms        3s
      1 ██········   14/64   14       -           -     3s–1m 37.5 ms        3s
    2–3 empty
      4 █·········     1/8    1       -           -        3s 12.5 ms       15m

 traffic  in  1.2 kB/s    14/s ▁▁▂▃▃▄▅▆▆▇█  out    0 B/s     0/s
 queries  sent find_node 312, ping 4   received find_node 12345, ping 17
 dropped  unmatched reply 31, blocked 2   ignored: already known 203
 lookups  get_peers 012345678901…  12 answered, 17 datagrams sent
          find_node own ID  5 answered, 9 datagrams sent
          1 ping in progress

 12:00:01 joined    IPv4: joined the DHT, 45 contacts
 12:00:02 contact   ×45, last: aaaaaaaa at 198.51.100.7:6881, bucket 4
 12:03:09 removed   bbbbbbbb at 198.51.100.9:6881, bucket 1: no answer




 q quit   p pause   j k scroll   ? help"""
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


@given(st.sampled_from(sorted(SCENES)), st.integers(0, 300), st.integers(0, 100), st.booleans())
def test_it_fits_any_size(name: str, width: int, height: int, help: bool) -> None:
    it = SCENES[name]
    _assert_fits(replace(it, view=replace(it.view, help=help)), width, height, UNICODE)


def _assert_fits(it: Scene, width: int, height: int, glyphs: Glyphs) -> None:
    lines = draw(it, width, height, glyphs)
    assert len(lines) <= height
    for line in lines:
        text = plain(line)
        assert 0 <= wcswidth(text) <= width, text
        assert {style for _, style in line} <= {"", *STYLES}
        if glyphs is ASCII and "网" not in it.facts.network:
            assert text.isascii()


def test_it_fills_the_height_with_the_keys_last() -> None:
    for height in (4, 5, 24, 40):
        lines = text_of(scene(), 80, height)
        assert len(lines) == height
        assert lines[-1].startswith(" q quit")


def test_small_frames_still_name_the_node_and_a_bucket() -> None:
    lines = text_of(scene(), 40, 6)
    assert lines[0].startswith(" kadisc 0.1.0")
    assert "3f9a81c2d4" in lines[1]
    assert lines[2].startswith(" bucket")


def test_each_family_has_its_table() -> None:
    lines = text_of(scene(dht(), dht(Family.IPV6)), 100, 40)
    heads = [line for line in lines if line.startswith(" bucket")]
    assert [("IPv4" in head, "IPv6" in head) for head in heads] == [(True, False), (False, True)]
    assert any("[2001:db8:1234:1234:1234:1234:1234:1234]:6881" in line for line in lines)


def test_empty_buckets_are_folded() -> None:
    columns = columns_for(79, UNICODE)
    rows = bucket_rows(
        dht(buckets=(bucket(3, entries(1)), bucket(5, ()), bucket(9, entries(2)))), columns, UNICODE
    )
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
    rows = bucket_rows(dht(buckets=MANY_BUCKETS), columns_for(79, UNICODE), UNICODE)
    first, *others = [plain(row).strip() for row in window(rows, 4, scroll)]
    assert [first, *(row.split()[0] for row in others)] == shown


@pytest.mark.parametrize(
    ("held", "bar"),
    [
        (entries(16), "██████████"),
        (entries(8), "█████·····"),
        (entries(1), "█·········"),
        (entries(6, 1, 1), "███▓▒·····"),
        (entries(14, 1, 1), "████████▓▒"),
        (entries(0, 2, 0), "▓·········"),
        (entries(0, 0, 16), "▒▒▒▒▒▒▒▒▒▒"),
        (entries(1, 0, 2), "█▒········"),
    ],
)
def test_a_bar_shows_each_state(held: tuple[object, ...], bar: str) -> None:
    columns = columns_for(79, UNICODE)
    [_empty, row] = bucket_rows(dht(buckets=(bucket(3, held),)), columns, UNICODE)  # type: ignore[arg-type]
    assert bar in plain(row)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (AddressSnapshot(None, None, Confidence.UNKNOWN, 0, 0.0), "external address not known yet"),
        (
            AddressSnapshot(None, None, Confidence.UNKNOWN, 5, 0.0),
            "external address not known yet (5 subnets asked so far)",
        ),
        (
            AddressSnapshot(b"\1\2\3\4", None, Confidence.CONFIGURED, 0, 0.0),
            "at 1.2.3.4  as configured",
        ),
        (
            AddressSnapshot(b"\1\2\3\4", 5, Confidence.CONFIGURED, 9, 0.1),
            "at 1.2.3.4:5  as configured; agreed by 10 % of 9 subnets",
        ),
        (
            AddressSnapshot(b"\1\2\3\4", 5, Confidence.REMEMBERED, 0, 0.0),
            "at 1.2.3.4:5  from the last run",
        ),
        (
            AddressSnapshot(b"\1\2\3\4", 5, Confidence.VOTED, 12, 1.0),
            "at 1.2.3.4:5  agreed by 100 % of 12 subnets",
        ),
        (
            AddressSnapshot(b"\1\2\3\4", 5, Confidence.UNSTABLE, 12, 0.5),
            "at 1.2.3.4:5  unstable; agreed by 50 % of 12 subnets",
        ),
        (
            AddressSnapshot(b"\0" * 15 + b"\1", 5, Confidence.UNKNOWN, 0, 0.0),
            "at [::1]:5  uncertain; not reported by any node",
        ),
    ],
)
def test_the_certainty_of_the_address(address: AddressSnapshot, words: str) -> None:
    assert plain(address_words(address)).strip() == words


def test_states_are_shown() -> None:
    assert "joining" in "\n".join(text_of(scene(replace(dht(), joined=False)), 80, 24))
    assert "offline" in "\n".join(text_of(scene(replace(dht(), online=False)), 80, 24))
    assert text_of(scene(view=View(paused=True)), 80, 24)[0].endswith("paused")
    assert "no contacts yet" in "\n".join(text_of(SCENES["fresh"], 80, 24))


REACHED = ReachSnapshot(
    Family.IPV4,
    ReachVerdict.YES,
    make_endpoint("84.1.2.3", 6881),
    "mapped",
    "restricted",
    12.0,
    False,
    9,
    8,
    False,
)
MAPPED_BY_PCP = MappingSnapshot(
    "udp", Family.IPV4, 6881, REACHED.endpoint, "pcp", "192.168.1.1", 1e9, "mapped"
)


@pytest.mark.parametrize(
    ("reach", "mappings", "phrase"),
    [
        (REACHED, (MAPPED_BY_PCP,), "reachable (PCP)"),
        (replace(REACHED, how="direct"), (MAPPED_BY_PCP,), "reachable"),
        (replace(REACHED, how="direct"), (), "reachable"),
        (replace(REACHED, verdict=ReachVerdict.LIKELY), (), "likely reachable"),
        (replace(REACHED, verdict=ReachVerdict.NO), (), "not reachable"),
        (replace(REACHED, verdict=ReachVerdict.NO, is_testing=True), (), "not reachable"),
        (replace(REACHED, verdict=ReachVerdict.UNKNOWN, is_testing=True), (), "testing"),
        (replace(REACHED, verdict=ReachVerdict.UNKNOWN), (), "reachability unknown"),
    ],
)
def test_whether_it_is_reached_stands_behind_the_address(
    reach: ReachSnapshot, mappings: tuple[MappingSnapshot, ...], phrase: str
) -> None:
    usual = scene()
    shown = replace(usual, snapshot=replace(usual.snapshot, reach=(reach,)), mappings=mappings)
    for width, rest in (
        (80, "agreed by 96 % of 24 subnets"),
        (120, "agreed by 96 % of 24 subnets   bound to 0.0.0.0:6881"),
    ):
        lines = text_of(shown, width, 24)
        where = f"       at 84.1.2.3:6881  {phrase}  "
        assert lines[2].startswith(where + rest[: width - len(where) - 1])
    assert f"joined  {phrase}  46 contacts" in text_of(shown, 80, 8)[1]
    assert phrase not in "\n".join(text_of(usual, 80, 24))
    silent = replace(dht(), joined=False, contacts=0)
    unused = replace(shown, snapshot=replace(shown.snapshot, dhts=(silent,)))
    assert phrase not in "\n".join(text_of(unused, 80, 24))


def test_the_longest_address_leaves_room_for_whether_it_is_reached() -> None:
    usual = scene(dht(Family.IPV6))
    unknown = replace(REACHED, family=Family.IPV6, verdict=ReachVerdict.UNKNOWN)
    shown = replace(usual, snapshot=replace(usual.snapshot, reach=(unknown,)))
    assert "  reachability unknown" in text_of(shown, 80, 24)[2]


def test_in_a_private_network_there_are_no_strangers() -> None:
    private = AddressSnapshot(bytes((10, 0, 0, 3)), 6881, Confidence.CONFIGURED, 0, 0.0)
    usual = scene(replace(dht(), address=private))
    unknown = replace(REACHED, verdict=ReachVerdict.UNKNOWN, endpoint=None)
    shown = replace(usual, snapshot=replace(usual.snapshot, reach=(unknown,)))
    assert "at 10.0.0.3:6881  private network  " in text_of(shown, 80, 24)[2]


def test_nodes_on_the_lan_are_counted_beside_the_peers() -> None:
    usual = scene()
    network = PeerNetworkSnapshot(
        "mychain", b"", b"", 1, {}, 5, 5, 0, 0, 0, 0, 0, 20.0, 7, 5, ViewSnapshot(1, 100, 96, 4, ())
    )
    shown = replace(
        usual,
        snapshot=replace(usual.snapshot, peer_network=network),
        lan=LanSnapshot("on", (LanInterfaceSnapshot("eth0", 2, 1),)),
    )
    text = "\n".join(text_of(shown, 80, 24))
    assert "mychain  5 peers online  2 on the LAN  address book 5 verified, 7 unverified" in text
    assert "LAN" not in "\n".join(text_of(replace(shown, lan=LanSnapshot()), 80, 24))


def test_help_explains_the_glyphs() -> None:
    assert "inbound only" in "\n".join(text_of(scene(view=View(help=True)), 80, 24))


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
