"""The own address: who says what it is, whether strangers reach the node and what shows it, port
mapping, and the links of this machine.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from ...control.methods.status import LanStatus, MappingStatus, SocketStatus
from ...observe.address_state import AddressState
from ...observe.describe import count
from ...observe.mappings import METHODS
from ...observe.reachability import NOT_LET_IN, ago, unknown_words
from ..lines import Line, clean
from ..panels import bar, beside, named, wrapped
from ..row_table import RowColumn, RowTable, section_line, table_lines
from ..scene import Room, Scene
from ..view import View

_WIDE: Final = 118
_LEFT_CELLS: Final = 70
_VOTES_MIN: Final = 6
_BAR_CELLS: Final = 10
_CONFIDENCE: Final = {
    "voted": ("agreed by other nodes", "good"),
    "configured": ("as configured", "good"),
    "remembered": ("from the last run", "fair"),
    "unstable": ("unstable", "bad"),
    "unknown": ("not certain yet", "poor"),
}
_VERDICTS: Final = {"yes": "good", "likely": "fair", "no": "bad", "unknown": "poor"}
_STATES: Final = {"proven": "good", "testing": "fair", "failed": "bad", "unknown": "poor"}
_NAT: Final = {
    "none": "no NAT",
    "open": "a NAT that lets strangers in",
    "restricted": "a NAT or firewall that keeps strangers out",
    "dependent": "a NAT with another port towards each host",
    "double": "two NATs",
    "unknown": "kind of NAT not known",
}


@dataclass(frozen=True, slots=True)
class VoteRow:
    family: str
    voter: str
    sees: str
    agrees: bool


def vote_table(scene: Scene) -> RowTable[VoteRow]:
    states = scene.observations.addresses
    several = len(states) > 1
    return RowTable(
        "votes",
        _VOTE_COLUMNS if several else _VOTE_COLUMNS[:-1],
        [
            VoteRow(state.family.value, each.voter, each.sees, each.agrees)
            for state in states
            for each in reversed(state.votes)
        ],
        key=lambda it: f"{it.voter} ({it.family})",
        empty="no node has said where it sees this one",
        notes="one a netgroup, the newest first",
    )


_VOTE_COLUMNS: Final = (
    RowColumn[VoteRow]("voter", lambda it: it.voter, 18, grows_to=24),
    RowColumn[VoteRow](
        "sees",
        lambda it: it.sees,
        15,
        grows_to=39,
        rank=1,
        style=lambda it: "good" if it.agrees else "bad",
    ),
    RowColumn[VoteRow](
        "vote",
        lambda it: "agrees" if it.agrees else "another",
        7,
        rank=2,
        value=lambda it: it.agrees,
        style=lambda it: "quiet" if it.agrees else "bad",
    ),
    RowColumn[VoteRow]("family", lambda it: it.family, 6, rank=3),
)


# --- one family -----------------------------------------------------------------------------------


def address_lines(state: AddressState, room: Room) -> list[Line]:
    """What is known of the own address in one family."""
    where = state.ip or "not known yet"
    if state.ip is not None and state.port is not None:
        where = f"[{state.ip}]:{state.port}" if ":" in state.ip else f"{state.ip}:{state.port}"
    words, style = _CONFIDENCE.get(state.confidence, (state.confidence, ""))
    lines = [
        section_line("IPv6" if state.family.value == "ipv6" else "IPv4", "", room),
        named("address", (f"{where}  ", "strong"), (words, style), *_bound(state, where)),
        named("own ID", (state.own_id, "quiet")),
        named("votes", *_votes(state, room)),
    ]
    if state.port_voters:
        share = f"{round(100 * state.port_agreement)} % of {count(state.port_voters, 'netgroup')}"
        lines.append(named("port", (f"{share} see the same port", "")))
    return [*lines, *_reach_lines(state, room)]


def _bound(state: AddressState, where: str) -> Line:
    if not state.bound or state.bound == where:
        return ()
    return ((f"  bound to {clean(state.bound)}", "quiet"),)


def _votes(state: AddressState, room: Room) -> Line:
    if not state.votes:
        needed = f"none yet; {state.voters_needed} are needed"
        return ((needed, "poor"),)
    total = len(state.votes)
    agrees = sum(1 for each in state.votes if each.agrees)
    others = Counter(each.sees for each in state.votes if not each.agrees).most_common(1)
    dissent = f"; {others[0][1]} for {others[0][0]}" if others else ""
    again = ("  counting anew", "poor") if state.recounting else ("", "")
    return tuple(
        span
        for span in (
            *bar(agrees / total, _BAR_CELLS, room.glyphs),
            (f" {agrees} of {count(total, 'netgroup')} for it", ""),
            (dissent, "bad"),
            again,
        )
        if span[0]
    )


def _reach_lines(state: AddressState, room: Room) -> list[Line]:
    reach = state.reach
    if reach is None:
        return _wrapped("reachable", state.untested or "not tested", "quiet", room)
    since = f"  for {ago(state.since_s)}" if state.since_s is not None else ""
    how = {"direct": ", directly", "mapped": ", by the port mapping"}.get(reach.how or "", "")
    where = f" at {reach.endpoint}" if reach.endpoint is not None else ""
    lines = [
        named(
            "reachable",
            (reach.verdict, _VERDICTS.get(reach.verdict, "")),
            (f"{where}{how}", ""),
            (f"{since}{'; testing again' if reach.testing else ''}", "quiet"),
        )
    ]
    if reach.verdict == "no":
        lines += _wrapped("because", NOT_LET_IN.get(reach.nat, "no stranger gets in"), "", room)
    elif reach.verdict == "unknown":
        lines += _wrapped("because", unknown_words(reach), "", room)
    lines.append(named("reached by", *_evidence(state)))
    for test in state.tests:
        kind = "port mapping" if test.is_mapped else "as seen"
        missed = f", {test.misses} did not" if test.misses else ""
        lines.append(
            named(
                "test",
                (f"{test.endpoint} ({kind}) ", ""),
                (test.state, _STATES.get(test.state, "")),
                (f"; {test.proofs} got in{missed}", "quiet"),
            )
        )
    helpers = f"{count(reach.helpers, 'netgroup')}, a no needs {reach.helpers_needed}"
    lines.append(named("helpers", (helpers, "")))
    lines.append(named("NAT", (_NAT.get(reach.nat, reach.nat), "")))
    if reach.one_way:
        words = "datagrams of strangers arrive, but answers to them do not get back"
        lines += _wrapped("one way", words, "bad", room)
    return lines


def _evidence(state: AddressState) -> Line:
    reach = state.reach
    if reach is None or reach.proven_s_ago is None:
        return (("no stranger so far", "quiet"),)
    when = f"{ago(reach.proven_s_ago)} ago"
    if state.reached_by is None:
        return ((f"a stranger, {when}", ""),)
    how = {"query": "by a query of its own", "probe": "sent by a helper"}
    words = how.get(state.reached_how or "", "")
    return ((state.reached_by, "strong"), (f"  {words}, {when}", ""))


def _wrapped(name: str, words: str, style: str, room: Room) -> list[Line]:
    texts = wrapped(clean(words), max(20, room.width - 16))
    return [named(name if not place else "", (text, style)) for place, text in enumerate(texts)]


# --- the machine ----------------------------------------------------------------------------------


def machine_lines(scene: Scene, room: Room) -> list[Line]:
    """Port mappings, tested services, sockets that are not open, and the LAN."""
    status = scene.status
    lines = [section_line("mapping and links", "", room)]
    for mapping in status.mappings:
        lines += _wrapped("mapping", *_mapping(mapping), room)
    for name, service in sorted(status.services.items()):
        words = f"TCP {service.port} is {service.answer} from outside"
        asked = f": {service.accepted} of {count(service.asked, 'helper')} got a connection"
        style = {"open": "good", "closed": "bad"}.get(service.answer, "poor")
        lines.append(named(clean(name), (f"{words}{asked}", style)))
    for socket in status.sockets:
        if socket.state != "open":
            lines += _wrapped("socket", _socket(socket), "bad", room)
    lines += _lan(status.lan, room)
    return lines


def _mapping(mapping: MappingStatus) -> tuple[str, str]:
    port = f"{mapping.protocol} {mapping.internal}"
    odd = f": {mapping.reason}" if mapping.reason else ""
    if mapping.external is not None and mapping.method is not None:
        method = METHODS.get(mapping.method, mapping.method)
        return f"{port} -> {mapping.external} by {method} on {mapping.gateway}{odd}", "good"
    match mapping.state:
        case "asking":
            return f"{port}: asking {mapping.gateway or 'the router'}", "fair"
        case "paused":
            return f"{port}: not mapped{odd}", "poor"
    return f"{port}: port mapping is off", "quiet"


def _socket(socket: SocketStatus) -> str:
    reason = f": {socket.reason}" if socket.reason else ""
    return f"{socket.endpoint} is {socket.state}{reason}"


def _lan(lan: LanStatus, room: Room) -> list[Line]:
    if lan.state != "on":
        style = "quiet" if lan.state == "off" else "poor"
        return _wrapped("LAN", lan.reason or f"beacons are {lan.state}", style, room)
    lines = []
    for each in lan.interfaces:
        words = f"{each.members} of our network, {count(each.others, 'other')}"
        style = "good" if each.members else ""
        lines.append(named("LAN", (f"{clean(each.name)}: {words}", style)))
    return lines or [named("LAN", ("no interface has beacons", "quiet"))]


# --- the whole ------------------------------------------------------------------------------------


def _draw(scene: Scene, room: Room) -> list[Line]:
    if room.height <= 0:
        return []
    is_wide = room.width >= _WIDE
    width = min(room.width // 2 + 6, 100) if is_wide else room.width
    part = Room(width - 1 if is_wide else width, room.height, room.glyphs)
    facts: list[Line] = []
    for state in scene.observations.addresses:
        facts += address_lines(state, part)
    facts += machine_lines(scene, part)
    if is_wide:
        rest = Room(room.width - width, room.height, room.glyphs)
        votes = table_lines(vote_table(scene), scene, rest)
        return beside(facts, votes, width, room.glyphs.more)[: room.height]
    space = max(min(_VOTES_MIN, room.height // 3), room.height - len(facts))
    facts = facts[: room.height - space]
    return [*facts, *table_lines(vote_table(scene), scene, Room(room.width, space, room.glyphs))]


ADDRESS = View(
    "6",
    "address",
    "the own address, votes, reachability, port mapping, LAN",
    _draw,
    table=vote_table,
    parts=frozenset(("observations",)),
)
