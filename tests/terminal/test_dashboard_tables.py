"""Tables of rows in the views: order, filter, cursor, widths, masking, and the keys for them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadisc.dashboard.frame import draw
from kadisc.dashboard.glyphs import ASCII, UNICODE
from kadisc.dashboard.lines import cells, plain
from kadisc.dashboard.masking import masked_text
from kadisc.dashboard.paint import Painter
from kadisc.dashboard.pressing import MAX_FILTER, pressed
from kadisc.dashboard.row_table import (
    RowColumn,
    RowTable,
    column_widths,
    cursor_place,
    shown_rows,
)
from kadisc.dashboard.scene import Answer, Scene, TableState, ViewState
from kadisc.dashboard.views import VIEWS
from kadisc.dashboard.views.contacts import contact_table
from kadisc.dashboard.views.peers import peer_table

from .dashboard_scenes import in_view, scene

Row = tuple[str, float | None]
NAMES = RowColumn[Row]("name", lambda row: row[0], 4, grows_to=10)
RTTS = RowColumn[Row](
    "rtt", lambda row: str(row[1]), 5, is_number=True, rank=1, value=lambda row: row[1]
)
SIZES = RowColumn[Row](
    "size",
    lambda row: str(len(row[0])),
    4,
    rank=2,
    value=lambda row: len(row[0]),
    largest_first=True,
)
ROWS: tuple[Row, ...] = (("kad", 3.0), ("libtorrent", 1.0), ("Kad two", None), ("uT", 2.0))
TABLE = RowTable[Row]("rows", (NAMES, RTTS, SIZES), ROWS, key=lambda row: row[0], sort="rtt")


def names(state: TableState) -> list[str]:
    return [row[0] for row in shown_rows(TABLE, state)]


def after(it: Scene, *keys: str, page: int = 20) -> Scene:
    for key in keys:
        it = replace(it, state=pressed(it, key, page))
    return it


def text_of(it: Scene, width: int, height: int) -> list[str]:
    return [plain(line).rstrip() for line in draw(it, width, height, UNICODE)]


# --- rows -----------------------------------------------------------------------------------------


def test_what_is_unknown_comes_last_in_either_order() -> None:
    assert names(TableState()) == ["libtorrent", "uT", "kad", "Kad two"]
    assert names(TableState(reverse=True)) == ["kad", "uT", "libtorrent", "Kad two"]
    assert names(TableState(sort="size")) == ["libtorrent", "Kad two", "kad", "uT"]
    assert names(TableState(sort="no such column")) == [row[0] for row in ROWS]


def test_a_filter_wants_all_of_its_words_in_any_case() -> None:
    assert names(TableState(filter="KAD")) == ["kad", "Kad two"]
    assert names(TableState(filter=" two  kad ")) == ["Kad two"]
    assert names(TableState(filter="kad nobody")) == []


def test_the_cursor_stays_with_its_row_and_then_at_its_place() -> None:
    rows = shown_rows(TABLE, TableState())
    assert cursor_place(TABLE, rows, TableState(cursor="kad")) == 2
    assert cursor_place(TABLE, rows, TableState(cursor="gone", place=1)) == 1
    assert cursor_place(TABLE, rows, TableState(cursor="gone", place=9)) == 3
    assert cursor_place(TABLE, [], TableState(cursor="gone", place=9)) == 0


@pytest.mark.parametrize(
    ("width", "sizes"),
    [
        (3, {"name": 4}),
        (10, {"name": 9}),
        (11, {"name": 4, "rtt": 5}),
        (16, {"name": 4, "rtt": 5, "size": 4}),
        (18, {"name": 6, "rtt": 5, "size": 4}),
        (90, {"name": 10, "rtt": 5, "size": 4}),
    ],
)
def test_the_width_decides_on_columns_and_what_is_left_makes_texts_whole(
    width: int, sizes: dict[str, int]
) -> None:
    assert {column.title: size for column, size in column_widths(TABLE, width)} == sizes


# --- views ----------------------------------------------------------------------------------------


def test_a_large_terminal_shows_whole_ids() -> None:
    shown = "\n".join(text_of(in_view(scene(), view="contacts"), 200, 60))
    assert "0000" + "aa" * 18 in shown
    assert "…" not in shown
    narrow = text_of(in_view(scene(), view="contacts"), 80, 24)
    assert all(len(line) <= 80 for line in narrow)
    assert " 198.51.100.0:6881 " in "\n".join(narrow)


def test_contacts() -> None:
    it = in_view(scene(), view="contacts")
    assert "\n".join(text_of(it, 98, 12)) == CONTACTS


def test_peers() -> None:
    it = in_view(scene(network="mychain"), view="peers")
    assert "\n".join(text_of(it, 98, 8)) == PEERS


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_every_view_has_a_key_a_name_and_a_title(view: object) -> None:
    assert len({each.key for each in VIEWS}) == len({each.name for each in VIEWS}) == len(VIEWS)
    assert [each.key for each in VIEWS] == sorted(each.key for each in VIEWS)


@pytest.mark.parametrize("view", [view for view in VIEWS if view.table], ids=lambda it: it.name)
def test_the_chosen_row_is_seen_without_colour(view: object) -> None:
    assert hasattr(view, "name")
    it = in_view(scene(), view=view.name)
    for glyphs in (UNICODE, ASCII):
        marked = [
            line
            for line in draw(it, 120, 30, glyphs)
            if Painter(None).paint(line).startswith(glyphs.cursor)
        ]
        assert len(marked) <= 1


# --- keys -----------------------------------------------------------------------------------------


def test_keys_choose_the_view() -> None:
    it = scene()
    assert [after(it, view.key).state.view for view in VIEWS] == [view.name for view in VIEWS]
    assert after(it, "tab").state.view == VIEWS[1].name
    assert after(it, "shift tab").state.view == VIEWS[-1].name
    assert after(it, *["tab"] * len(VIEWS)).state.view == "overview"


def test_the_cursor_moves_within_the_rows() -> None:
    it = after(scene(), "3")
    rows = [row.endpoint for row in shown_rows(peer_table(it), it.state.table)]
    assert after(it, "j").state.table.cursor == rows[1]
    assert after(it, "down", "j", "j", "j").state.table.cursor == rows[-1]
    assert after(it, "k").state.table.cursor == rows[0]
    assert after(it, "G", "up").state.table.cursor == rows[-2]
    assert after(it, "G", "g").state.table.cursor == rows[0]
    many = after(scene(), "2")
    assert len(shown_rows(contact_table(many), many.state.table)) == 46
    assert after(many, "page down", page=10).state.table.place == 9
    assert after(many, "page down", "page down", "page up", page=10).state.table.place == 9


def test_a_filter_is_typed_and_removed() -> None:
    it = after(scene(), "3", "/", "q", "backspace", *"p2p", "tab", "enter")
    assert it.state.view == "peers"
    assert (it.state.table.filter, it.state.typing) == ("p2p", False)
    assert len(shown_rows(peer_table(it), it.state.table)) == 2
    assert after(it, "escape").state.table.filter == ""
    assert after(it, "/", "escape").state.table.filter == ""
    assert after(it, "tab").state.tables["peers"].filter == "p2p"
    assert len(after(it, "/", *"x" * 999).state.table.filter) == MAX_FILTER
    assert "filter: p2p_" in text_of(after(it, "/"), 80, 24)[-1]
    assert "2 of 3" in "\n".join(text_of(it, 80, 24))


def test_s_goes_through_the_columns_and_r_reverses() -> None:
    it = after(scene(), "3")
    titles = [column.title for column in peer_table(it).columns]
    assert after(it, "s").state.table.sort == "services"
    assert after(it, *["s"] * len(titles)).state.table.sort == "state"
    assert after(it, "r").state.table.reverse
    assert not after(it, "r", "s").state.table.reverse
    assert ", reversed" in "\n".join(text_of(after(it, "r"), 80, 24))


def test_enter_opens_the_details_of_a_row_and_escape_closes_them() -> None:
    it = after(scene(), "3", "j", "enter")
    assert it.state.row == "198.51.101.8:6881"
    assert "cd" * 32 in "\n".join(text_of(it, 80, 24))
    waits = replace(it, answer=Answer(it.state.row))
    assert "asking the node" in "\n".join(text_of(waits, 80, 24))
    told = replace(it, answer=Answer(it.state.row, ("  source    by \x1b[2J",)))
    assert "source    by ?[2J" in "\n".join(text_of(told, 80, 24))
    of_another = replace(it, answer=Answer("198.51.100.7:6881", ("nothing",)))
    assert "nothing" not in "\n".join(text_of(of_another, 80, 24))
    for key in ("escape", "enter", "j"):
        assert after(it, key).state.row == ""
    assert after(it, "1").state.view == "overview"
    assert after(scene(), "enter").state.row == ""


def test_the_interval_has_bounds() -> None:
    it = scene()
    assert after(it, "+").state.interval_s == 2.0
    assert after(it, *["+"] * 30).state.interval_s == 60.0
    assert after(it, *["-"] * 30).state.interval_s == 0.25
    odd = replace(it, state=ViewState(interval_s=3.3))
    assert after(odd, "-").state.interval_s == 1.0


def test_any_key_but_y_goes_on() -> None:
    it = in_view(scene(), asks_to_stop=True)
    assert "stop the node?" in text_of(it, 80, 24)[-1]
    for key in ("n", "escape", "q", "1", "tab", "/"):
        assert after(it, key).state == replace(it.state, asks_to_stop=False)


@given(
    st.lists(
        st.sampled_from(
            ["1", "2", "3", "tab", "shift tab", "j", "k", "up", "down", "page up", "page down"]
            + ["g", "G", "home", "end", "enter", "escape", "/", "s", "r", "p", "m", "?", "+", "-"]
            + ["a", " ", "\x0c", "backspace", "left", "right", "q", "y"]
        ),
        max_size=30,
    ),
    st.integers(0, 60),
)
def test_no_sequence_of_keys_leads_to_a_frame_that_does_not_fit(keys: list[str], page: int) -> None:
    it = after(scene(), *keys, page=page)
    lines = draw(it, 90, 20, UNICODE)
    assert len(lines) == 20
    assert all(cells(plain(line)) <= 90 for line in lines)


# --- masking --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("at 192.0.2.17:6881, bucket 3", "at xxx.x.x.xx:6881, bucket 3"),
        ("[2001:db8::1]:6881", "[xxxx:xxx::x]:6881"),
        ("external address 2001:db8::17, reported", "external address xxxx:xxx::xx, reported"),
        ("2001:db8:1:2:3:4:5:6", "xxxx:xxx:x:x:x:x:x:x"),
        ("10.0.0.0/24", "xx.x.x.x/24"),
        ("::1", "::x"),
        ("12:00:01 joined", "12:00:01 joined"),
        ("kadisc 0.1.0  up 3m 12s", "kadisc 0.1.0  up 3m 12s"),
        ("KD 0.1, LT 2.0.11", "KD 0.1, LT 2.0.11"),
        ("1.2 kB/s 3/128", "1.2 kB/s 3/128"),
    ],
)
def test_addresses_are_masked_and_nothing_else(text: str, masked: str) -> None:
    assert masked_text(text) == masked


@pytest.mark.parametrize("view", [view.name for view in VIEWS])
@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_address_is_left_in_a_masked_frame(view: str, width: int) -> None:
    it = in_view(scene(), view=view, masked=True)
    for state in (it.state, replace(it.state, row="198.51.100.7:6881")):
        shown = "\n".join(text_of(replace(it, state=state), width, 40))
        for address in ("198.51", "84.1.2", "2001:db8", "51.100"):
            assert address not in shown


CONTACTS = """\
 kadisc 0.1.0  mainline  up 3m 12s                                   devnet: 59 others, 58 joined
 1 overview   [2 contacts]   3 peers   4 lookups   5 traffic   6 address   7 chain   8 log
 contacts 46, by bucket ─────────────────────────────────────────────────────────────────────────
  bucket endpoint              client        rtt  age verified failures state       id
›      4 198.51.104.0:6881     KD 0.1    12.5 ms   1h       3s        - ok          0400aaaaaaaa…
       1 198.51.101.0:6881     KD 0.1    12.5 ms   1h       3s        - ok          0100aaaaaaaa…
       1 198.51.101.1:6881     KD 0.1    25.0 ms   1h       8s        - ok          0101aaaaaaaa…
       1 198.51.101.2:6881     KD 0.1    37.5 ms   1h      13s        - ok          0102aaaaaaaa…
       1 198.51.101.3:6881     KD 0.1    50.0 ms   1h      18s        - ok          0103aaaaaaaa…
       1 198.51.101.4:6881     KD 0.1    62.5 ms   1h      23s        - ok          0104aaaaaaaa…
       1 198.51.101.5:6881     KD 0.1    12.5 ms   1h      28s        - ok          0105aaaaaaaa…
 q quit   j k move   Enter details   / filter   s r sort   p pause   Tab next view   ? help"""
PEERS = """\
 kadisc 0.1.0  mychain  up 3m 12s                                    devnet: 59 others, 58 joined
 1 overview   2 contacts   [3 peers]   4 lookups   5 traffic   6 address   7 chain   8 log
 peers 3, by state ──────────────────────────────────────────────────────────────────────────────
  endpoint              state      services    verdict       slots book      rtt verified reach
› 198.51.100.7:6881     online     p2p=9333    good             14 tried 37.5 ms      12s yes
  198.51.101.8:6881     failing    fork=0xabc… wrong-networ…     - tried       -       6m no
  [2001:db8::7:1]:6881  unverified -           -                 - new         -    never unknown
 q quit   j k move   Enter details   / filter   s r sort   p pause   Tab next view   ? help"""
