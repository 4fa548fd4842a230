"""The contacts of the routing table, a row each."""

from __future__ import annotations

from ...control.methods.snapshots import WatchedContact
from ..buckets import age_style
from ..columns import failures_column, rtt_column
from ..figures import age
from ..lines import Line
from ..row_table import RowColumn, RowTable, table_lines
from ..scene import Room, Scene
from ..view import View


def _state(contact: WatchedContact) -> str:
    return "failing" if contact.failures else "unconfirmed" if contact.inbound else "ok"


_COLUMNS = (
    RowColumn[WatchedContact](
        "bucket",
        lambda it: str(it.bucket),
        6,
        is_number=True,
        value=lambda it: it.bucket,
        largest_first=True,
        style=lambda it: "strong",
    ),
    RowColumn[WatchedContact](
        "endpoint", lambda it: it.endpoint, 21, grows_to=47, rank=0, value=lambda it: it.endpoint
    ),
    RowColumn[WatchedContact]("client", lambda it: it.client or "-", 9, grows_to=24, rank=3),
    rtt_column(WatchedContact, rank=1),
    RowColumn[WatchedContact](
        "age",
        lambda it: age(it.age_s),
        4,
        is_number=True,
        rank=4,
        value=lambda it: it.age_s,
        largest_first=True,
    ),
    RowColumn[WatchedContact](
        "verified",
        lambda it: age(it.verified_s_ago),
        8,
        is_number=True,
        rank=2,
        value=lambda it: it.verified_s_ago,
        style=lambda it: age_style(it.verified_s_ago),
    ),
    failures_column(WatchedContact, rank=5),
    RowColumn[WatchedContact](
        "state",
        _state,
        11,
        rank=6,
        style=lambda it: {"ok": "good", "unconfirmed": "note", "failing": "bad"}[_state(it)],
    ),
    RowColumn[WatchedContact](
        "id", lambda it: it.id, 10, grows_to=40, rank=7, style=lambda it: "quiet"
    ),
)


def contact_table(scene: Scene) -> RowTable[WatchedContact]:
    return RowTable(
        "contacts",
        _COLUMNS,
        scene.contacts,
        key=lambda it: it.endpoint,
        sort="bucket",
        empty="no contacts yet",
    )


def _draw(scene: Scene, room: Room) -> list[Line]:
    return table_lines(contact_table(scene), scene, room)


CONTACTS = View(
    "2",
    "contacts",
    "the routing table, a row each",
    _draw,
    table=contact_table,
    why=lambda endpoint: endpoint,
    parts=frozenset(("contacts",)),
)
