"""The contents of one frame, as values: the same scene in the same size gives the same frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..control.methods.snapshots import (
    NodeSnapshot,
    WatchedBucket,
    WatchedContact,
    WatchedOperation,
    WatchedPeer,
)
from ..control.methods.status import Status
from ..observe.observations import NOTHING_OBSERVED, Observations
from .glyphs import Glyphs
from .log_rows import LogRow
from .tail import TailLine
from .traffic import NO_FLOW, Flow


@dataclass(frozen=True, slots=True)
class Room:
    """What a part of the screen has: cells, lines, and the characters that it may use."""

    width: int
    height: int
    glyphs: Glyphs


@dataclass(frozen=True, slots=True)
class Others:
    """The other nodes in this process (a devnet)."""

    alive: int
    joined: int


@dataclass(frozen=True, slots=True)
class TableState:
    """What keys have changed in one view.

    Args:
        cursor: The key of the row that is chosen; empty for the first.
        place: Where that row was last, for the case that it is gone.
        scroll: For a view without rows: how many lines it is scrolled.
        sort: The title of the column that is sorted by; empty for the usual one.
        reverse: Whether the order is reversed.
        filter: What a row must contain, in any case of letters; several words, all of them.
    """

    cursor: str = ""
    place: int = 0
    scroll: int = 0
    sort: str = ""
    reverse: bool = False
    filter: str = ""


USUAL = TableState()
USUAL_INTERVAL_S = 1.0
"""The time between two frames, unless the user chooses another."""


@dataclass(frozen=True, slots=True)
class ViewState:
    """The state that keys change.

    Args:
        view: The name of the view.
        interval_s: The time between two frames.
        paused: Nothing new is shown.
        masked: Addresses are shown as ``xx.xx.x.x``.
        help: The help is open.
        typing: The filter is being typed.
        row: The key of the row whose details are shown; empty for none.
        asks_to_stop: The user is asked whether the node should stop.
        tables: What keys have changed in each view, by its name.
    """

    view: str = "overview"
    interval_s: float = USUAL_INTERVAL_S
    paused: bool = False
    masked: bool = False
    help: bool = False
    typing: bool = False
    row: str = ""
    asks_to_stop: bool = False
    tables: Mapping[str, TableState] = field(default_factory=dict)

    @property
    def table(self) -> TableState:
        """That of the view that is shown."""
        return self.tables.get(self.view, USUAL)

    def with_table(self, table: TableState) -> ViewState:
        return replace(self, tables={**self.tables, self.view: table})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the node says of a row (``why``). ``lines``: None until it has answered."""

    row: str
    lines: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Scene:
    """Everything that a view can show.

    Args:
        node: The node at one moment, with detail.
        flow_in: What it receives.
        flow_out: What it sends.
        tail: The latest events, the newest last.
        log: The events of the log, the newest first.
        rates: What each counter grew by lately, in a second.
        others: The other nodes of a devnet in this process.
        folder: The state folder that commands must name to find the node; empty if none.
        lost: Why there is no node at present; empty while there is one.
        ends_node: Whether the end of this program is the end of the node.
        answer: What the node says of the row whose details are shown.
        state: What keys have changed.
    """

    node: NodeSnapshot
    flow_in: Flow = NO_FLOW
    flow_out: Flow = NO_FLOW
    tail: tuple[TailLine, ...] = ()
    log: tuple[LogRow, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)
    others: Others | None = None
    folder: str = ""
    lost: str = ""
    ends_node: bool = False
    answer: Answer | None = None
    state: ViewState = field(default_factory=ViewState)

    @property
    def status(self) -> Status:
        return self.node.status

    @property
    def contacts(self) -> list[WatchedContact]:
        return self.node.contacts or []

    @property
    def operations(self) -> list[WatchedOperation]:
        return self.node.operations or []

    @property
    def peers(self) -> list[WatchedPeer]:
        return self.node.peers or []

    @property
    def observations(self) -> Observations:
        return self.node.observations or NOTHING_OBSERVED

    def buckets(self, family: str) -> list[BucketContacts]:
        """The buckets of one address family, with their contacts."""
        return self._buckets.get(family, [])

    @cached_property
    def _buckets(self) -> dict[str, list[BucketContacts]]:
        held: dict[tuple[str, int], list[WatchedContact]] = {}
        for contact in self.contacts:
            held.setdefault((contact.family, contact.bucket), []).append(contact)
        found: dict[str, list[BucketContacts]] = {}
        for each in self.node.buckets or []:
            contacts = held.get((each.family, each.index), [])
            found.setdefault(each.family, []).append(BucketContacts(each, contacts))
        return found


@dataclass(frozen=True, slots=True)
class BucketContacts:
    bucket: WatchedBucket
    contacts: list[WatchedContact]
