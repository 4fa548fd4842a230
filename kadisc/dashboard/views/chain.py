"""The chain node, as each connected ``kadisc feed`` tells of it: its state, its peers, what was
offered to it, and the verdicts that followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ...observe.describe import count
from ...observe.feed_states import ChainPeerRow, FeedState
from ..figures import age
from ..lines import Line, clean, left
from ..panels import bar, beside, named, wrapped
from ..row_table import RowColumn, RowTable, section_line, table_lines
from ..scene import Room, Scene
from ..view import View

_WIDE: Final = 140
_PEERS_CELLS: Final = 44
_STEPS_MIN: Final = 6
_PEERS_MIN: Final = 4
_BAR_CELLS: Final = 8
_CONDITIONS: Final = {"up": "good", "starting": "fair", "down": "bad", "refused": "bad"}
_EVENTS: Final = {
    "offered": "fair",
    "would-offer": "fair",
    "connected": "good",
    "accepted": "good",
    "advertised": "good",
    "refused": "poor",
    "lost": "bad",
    "withdrawn": "bad",
}
_VERDICTS: Final = {"good": "good", "busy": "poor", "bad": "bad", "wrong-network": "bad"}
_NOBODY: Final = (
    "No kadisc feed is connected to this node.",
    "",
    "kadisc feed takes peers of this node's network, checks that they speak the protocol of the "
    "chain, offers them to a chain node, and tells this node what became of them. While it runs, "
    "this view shows the chain node, its peers, and each offer with its verdict.",
    "",
    "kadisc feed bitcoin --chain ltc --rpc http://127.0.0.1:9332 --rpc-cookie ~/.litecoin/.cookie",
    "kadisc feed exec -- /usr/local/bin/add-peer {host} {port}",
    "kadisc feed --help tells the rest.",
)


@dataclass(frozen=True, slots=True)
class StepRow:
    key: str
    feed: str
    number: int
    s_ago: float
    event: str
    peer: str
    verdict: str
    words: str


def step_rows(scene: Scene) -> list[StepRow]:
    """The steps of all feeders, the newest first."""
    rows = [
        StepRow(
            f"{step.peer or step.event} step {step.number} of {feed.name}",
            clean(feed.name),
            step.number,
            step.s_ago,
            clean(step.event),
            clean(step.peer or "-"),
            clean(step.verdict or "-"),
            clean(_without_peer(step.words, step.peer)),
        )
        for feed in scene.observations.feeds
        for step in feed.steps
    ]
    rows.sort(key=lambda row: (row.s_ago, -row.number))
    return rows


def _without_peer(words: str, peer: str | None) -> str:
    """The peer has a column of its own, and the verdict too."""
    if peer is not None:
        words = words.removeprefix(peer).lstrip()
    return words.partition(" -> ")[0]


_COLUMNS: Final = (
    RowColumn[StepRow](
        "ago",
        lambda it: age(it.s_ago),
        4,
        is_number=True,
        value=lambda it: it.s_ago,
        style=lambda it: "quiet",
    ),
    RowColumn[StepRow](
        "event",
        lambda it: it.event,
        11,
        rank=1,
        style=lambda it: _EVENTS.get(it.event, ""),
    ),
    RowColumn[StepRow]("peer", lambda it: it.peer, 21, grows_to=47, rank=2),
    RowColumn[StepRow](
        "verdict",
        lambda it: it.verdict,
        13,
        rank=3,
        style=lambda it: _VERDICTS.get(it.verdict, "quiet"),
    ),
    RowColumn[StepRow]("what", lambda it: it.words or "-", 16, grows_to=200, rank=4),
    RowColumn[StepRow]("feed", lambda it: it.feed, 8, grows_to=16, rank=5),
)


def step_table(scene: Scene) -> RowTable[StepRow]:
    return RowTable(
        "offers and verdicts",
        _COLUMNS,
        step_rows(scene),
        key=lambda it: it.key,
        sort="ago",
        empty="nothing was offered yet",
    )


# --- one feeder -----------------------------------------------------------------------------------


def feed_lines(feed: FeedState, room: Room) -> list[Line]:
    """The state of a feeder and of its chain node."""
    title = f"{clean(feed.name)}{' (dry run)' if feed.dry_run else ''}"
    lines = [section_line(title, f"runs for {age(feed.started_s_ago)}", room)]
    looked = f"  seen {age(feed.looked_s_ago)} ago" if feed.looked_s_ago is not None else ""
    lines.append(
        named(
            "chain node",
            (feed.condition, _CONDITIONS.get(feed.condition, "")),
            (f"  {clean(feed.chain)}", "strong"),
            (looked, "quiet"),
        )
    )
    if feed.trouble is not None:
        texts = wrapped(clean(feed.trouble), max(20, room.width - 16))
        lines += [
            named("" if place else "because", (text, "bad")) for place, text in enumerate(texts)
        ]
    if feed.outbound is not None:
        share = feed.outbound / feed.want if feed.want else 1.0
        style = "good" if feed.outbound >= feed.want else "poor"
        inbound = f", {feed.inbound} inbound" if feed.inbound is not None else ""
        lines.append(
            named(
                "its peers",
                *bar(min(1.0, share), _BAR_CELLS, room.glyphs, style),
                (f" {feed.outbound} of {feed.want} outbound{inbound}", ""),
                (f"; {feed.standing} by this feed", "quiet"),
            )
        )
    lines.append(
        named(
            "under way",
            (
                f"{count(feed.handshakes, 'handshake')}, {feed.awaited} offered and not connected "
                f"yet, {count(feed.candidates, 'candidate')}",
                "",
            ),
        )
    )
    lines.append(named("so far", *_counts(_told(feed.events))))
    lines.append(named("verdicts", *_counts(feed.verdicts)))
    if feed.service is not None:
        words = "offered to the network" if feed.service_offered else "withdrawn"
        style = "good" if feed.service_offered else "bad"
        lines.append(named("service", (f"{clean(feed.service)} ", "strong"), (words, style)))
    return lines


def _told(events: Mapping[str, int]) -> dict[str, int]:
    return {name: each for name, each in events.items() if name in _EVENTS}


def _counts(counts: Mapping[str, int]) -> Line:
    if not counts:
        return (("none yet", "quiet"),)
    spans: list[tuple[str, str]] = []
    for name, total in counts.items():
        style = _EVENTS.get(name) or _VERDICTS.get(name, "")
        spans += [(", " if spans else "", "quiet"), (f"{clean(name)} ", "quiet")]
        spans.append((str(total), style))
    return tuple(span for span in spans if span[0])


def peer_lines(feeds: tuple[FeedState, ...], room: Room) -> list[Line]:
    """The peers of the chain nodes."""
    rows = [(feed, row) for feed in feeds for row in feed.peers]
    hidden = sum(feed.peers_left_out for feed in feeds)
    total = len(rows) + hidden
    lines = [section_line("peers of the chain node", str(total), room)]
    if not rows:
        lines.append((("   none", "quiet"),))
    space = room.height - len(lines)
    shown = rows if len(rows) <= space and not hidden else rows[: max(0, space - 1)]
    lines += [_peer(row) for _, row in shown]
    if len(shown) < total:
        lines.append(((f"   +{total - len(shown)} more", "note"),))
    return lines[: room.height]


def _peer(row: ChainPeerRow) -> Line:
    return (
        (f" {left(clean(row.address), 24)} ", ""),
        (f"{row.direction:<4}", "quiet"),
        ("by this feed" if row.offered else "", "good"),
    )


# --- the whole ------------------------------------------------------------------------------------


def _draw(scene: Scene, room: Room) -> list[Line]:
    feeds = scene.observations.feeds
    if not feeds:
        texts = [part for text in _NOBODY for part in wrapped(text, max(20, room.width - 2))]
        return [
            (),
            *(((f" {text}", "quiet" if place else ""),) for place, text in enumerate(texts)),
        ]
    is_wide = room.width >= _WIDE
    width = room.width - _PEERS_CELLS if is_wide else room.width
    part = Room(width - 1 if is_wide else width, room.height, room.glyphs)
    states = [line for feed in feeds for line in feed_lines(feed, part)]
    if is_wide:
        states = states[: max(0, room.height - _STEPS_MIN)]
        steps = Room(part.width, room.height - len(states), room.glyphs)
        lines = [*states, *table_lines(step_table(scene), scene, steps)]
        peers = peer_lines(feeds, Room(_PEERS_CELLS, room.height, room.glyphs))
        return beside(lines, peers, width, room.glyphs.more)
    states = states[: max(0, room.height - _STEPS_MIN)]
    space = room.height - len(states)
    peers = []
    if space >= _STEPS_MIN + _PEERS_MIN:
        wanted = 1 + max(1, sum(len(feed.peers) for feed in feeds))
        peers = peer_lines(feeds, Room(room.width, min(wanted, space // 3), room.glyphs))
    steps = Room(room.width, space - len(peers), room.glyphs)
    return [*states, *table_lines(step_table(scene), scene, steps), *peers]


def _why(key: str) -> str:
    """The peer of the step; empty for one that concerns none."""
    first = key.partition(" ")[0]
    return first if ":" in first else ""


CHAIN = View(
    "7",
    "chain",
    "the chain node that kadisc feed feeds: peers, offers, verdicts",
    _draw,
    table=step_table,
    why=_why,
    parts=frozenset(("observations",)),
)
