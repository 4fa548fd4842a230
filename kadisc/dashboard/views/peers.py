"""The peers of the own network, a row for each of their endpoints."""

from __future__ import annotations

from typing import Final

from ...control.methods.snapshots import WatchedPeer
from ...observe.services import services_words
from ..buckets import age_style
from ..columns import failures_column, rtt_column
from ..figures import age
from ..lines import Line
from ..row_table import RowColumn, RowTable, table_lines
from ..scene import Room, Scene
from ..view import View

_STATES: Final = {
    "online": "good",
    "failing": "bad",
    "unproven": "note",
    "remembered": "quiet",
    "unverified": "quiet",
}
_PLACES: Final = {state: place for place, state in enumerate(_STATES)}
_VERDICTS: Final = {"good": "good", "busy": "poor", "bad": "bad", "wrong-network": "bad"}


def _verified(peer: WatchedPeer) -> str:
    return "never" if peer.verified_s_ago is None else age(peer.verified_s_ago)


def _verified_style(peer: WatchedPeer) -> str:
    return "quiet" if peer.verified_s_ago is None else age_style(peer.verified_s_ago)


def _verdict(peer: WatchedPeer) -> str:
    if peer.verdict is None:
        return "-"
    return f"{peer.verdict} {age(peer.suppressed_s)}" if peer.suppressed_s else peer.verdict


_COLUMNS: Final = (
    RowColumn[WatchedPeer]("endpoint", lambda it: it.endpoint, 21, grows_to=47),
    RowColumn[WatchedPeer](
        "state",
        lambda it: it.state,
        10,
        rank=1,
        value=lambda it: _PLACES.get(it.state),
        style=lambda it: _STATES.get(it.state, ""),
    ),
    RowColumn[WatchedPeer](
        "services",
        lambda it: services_words(it.services) if it.services else "-",
        10,
        grows_to=60,
        rank=2,
    ),
    RowColumn[WatchedPeer](
        "verdict",
        _verdict,
        13,
        grows_to=19,
        rank=5,
        style=lambda it: _VERDICTS.get(it.verdict or "", "quiet"),
    ),
    RowColumn[WatchedPeer](
        "slots",
        lambda it: str(it.slots) if it.slots else "-",
        5,
        is_number=True,
        rank=4,
        value=lambda it: it.slots,
        largest_first=True,
        style=lambda it: "" if it.slots else "quiet",
    ),
    RowColumn[WatchedPeer](
        "book",
        lambda it: it.table,
        5,
        rank=7,
        style=lambda it: "" if it.table == "tried" else "quiet",
    ),
    rtt_column(WatchedPeer, rank=6),
    RowColumn[WatchedPeer](
        "verified",
        _verified,
        8,
        is_number=True,
        rank=3,
        value=lambda it: it.verified_s_ago,
        style=_verified_style,
    ),
    failures_column(WatchedPeer, rank=9),
    RowColumn[WatchedPeer](
        "reach",
        lambda it: "lan" if it.lan else it.reachable,
        7,
        rank=8,
        style=lambda it: {"yes": "good", "no": "poor"}.get(it.reachable, "quiet"),
    ),
    RowColumn[WatchedPeer]("source", lambda it: it.source, 11, grows_to=47, rank=10),
    RowColumn[WatchedPeer](
        "key", lambda it: it.key or "-", 10, grows_to=64, rank=11, style=lambda it: "quiet"
    ),
)


def peer_table(scene: Scene) -> RowTable[WatchedPeer]:
    network = scene.status.network
    return RowTable(
        "peers",
        _COLUMNS,
        scene.peers,
        key=lambda it: it.endpoint,
        sort="state",
        empty=f"no peers of the network {network} are known yet"
        if scene.status.peers is not None
        else "this node takes part in no network of peers: --network NAME",
    )


def _draw(scene: Scene, room: Room) -> list[Line]:
    return table_lines(peer_table(scene), scene, room)


PEERS: Final = View(
    "3",
    "peers",
    "the own network, a row each endpoint",
    _draw,
    table=peer_table,
    why=lambda endpoint: endpoint,
    parts=frozenset(("peers",)),
)
