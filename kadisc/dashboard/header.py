"""The top lines of the overview: the node's IDs, addresses, state and network."""

from __future__ import annotations

from ..control.methods.status import FamilyStatus, OwnAddress
from ..endpoints import Family, ip_of, make_endpoint
from ..observe.describe import count, family_name
from ..observe.mappings import METHODS
from ..observe.reachability import reach_phrase, untested_words
from .glyphs import Glyphs
from .lines import Line, clean, joined
from .scene import Scene

ID_DIGITS = 10
WHOLE_ID_FROM = 112
"""The width from which the whole ID is shown."""


def identity_lines(scene: Scene, width: int, rows_each: int, glyphs: Glyphs) -> list[Line]:
    """One or two lines for each family."""
    lines: list[Line] = []
    queries = in_flight(scene)
    for dht in scene.status.families:
        name = (f" {family_name(Family(dht.family))}", "label")
        is_whole = rows_each > 1 and width >= WHOLE_ID_FROM
        shown = dht.id if is_whole else f"{dht.id[:ID_DIGITS]}{glyphs.more}"
        own_id = (f"  {shown}  ", "strong")
        address = address_words(dht.address)
        bound = dht.endpoint
        reach = reach_spans(scene, dht)
        elsewhere: Line = ()
        if bound and bound != endpoint_of(dht.address):
            elsewhere = ((f"bound to {clean(bound)}", "quiet"),)
        if rows_each > 1:
            lines.append((name, own_id, *joined((state_words(dht), numbers(dht), queries), "  ")))
            queries = ()  # the number is that of all families
            words = with_reach(address, reach)
            lines.append(((" " * 7, ""), *joined((words, elsewhere), "   ")))
        else:
            parts = (state_words(dht), reach, numbers(dht), address)
            lines.append((name, own_id, *joined(parts, "  ")))
    return lines


def network_line(scene: Scene) -> list[Line]:
    """The peers of the node's own network; no line if it has none and knows none."""
    own = scene.status.peers
    if own is None or not (own.online or own.book_verified or own.book_unverified):
        return []
    peers = (f"{count(own.online, 'peer')} online", "good" if own.online else "poor")
    book = (f"address book {own.book_verified} verified, {own.book_unverified} unverified", "")
    parts: list[Line] = [(peers,), (book,)]
    on_lan = sum(each.members for each in scene.status.lan.interfaces)
    if on_lan:
        parts.insert(1, ((f"{on_lan} on the LAN", "good"),))
    return [((f" {clean(scene.status.network)}  ", "label"), *joined(parts, "  "))]


def folder_line(scene: Scene) -> list[Line]:
    """How commands find the node; no line where they do so by themselves."""
    if not scene.folder:
        return []
    return [((" commands  ", "label"), (f"--state-dir {clean(scene.folder)}", ""))]


def state_words(dht: FamilyStatus) -> Line:
    if not dht.online:
        return (("offline", "bad"),)
    return (("joined", "good"),) if dht.joined else (("joining", "poor"),)


def reach_spans(scene: Scene, dht: FamilyStatus) -> Line:
    """Whether strangers reach the node, in three words at most; empty if it does not test that, and
    where no node has answered, as on a machine without IPv6.
    """
    if not (dht.joined or dht.contacts):
        return ()
    if dht.address.host is not None:
        ip = ip_of(make_endpoint(dht.address.host, 1))
        if untested_words(ip, lan_only=False) is not None:
            return (("private network", "quiet"),)
    return () if dht.reach is None else (reach_phrase(dht.reach, _method(scene, dht.family)),)


def _method(scene: Scene, family: str) -> str | None:
    """The name of the protocol by which the router forwards the port of the node."""
    for each in scene.status.mappings:
        if each.family == family and each.protocol == "udp" and each.method is not None:
            return METHODS.get(each.method, each.method)
    return None


def with_reach(address: Line, reach: Line) -> Line:
    """``reach`` behind the endpoint, the first part of ``address``: a narrow frame cuts the end."""
    if not reach:
        return address
    where, *rest = address
    gap = "" if where[0].endswith(" ") else "  "
    return (where, (gap, ""), *reach, *((("  ", ""), *rest) if rest else ()))


def numbers(dht: FamilyStatus) -> Line:
    return ((f"{count(dht.contacts, 'contact')}, {count(dht.candidates, 'candidate')}", ""),)


def in_flight(scene: Scene) -> Line:
    number = scene.status.queries_in_flight
    noun = "query" if number == 1 else "queries"
    return ((f"{number} {noun} in flight", "" if number else "quiet"),)


def address_words(address: OwnAddress) -> Line:
    """The external address of the node, and how certain it is."""
    votes = f"{round(address.agreement * 100)} % of {count(address.voters, 'subnet')}"
    if address.host is None:
        so_far = f" ({count(address.voters, 'subnet')} asked so far)" if address.voters else ""
        return ((f"external address not known yet{so_far}", "poor"),)
    where = (f"at {endpoint_of(address)}  ", "strong")
    voted = f"agreed by {votes}" if address.voters else ""
    match address.confidence:
        case "voted":
            return where, (voted, "good")
        case "configured":
            return (
                where,
                ("as configured", "good"),
                (f"; {voted}" if voted else "", "good" if address.agreement >= 0.5 else "bad"),
            )
        case "remembered":
            return where, (f"from the last run{f'; {voted}' if voted else ''}", "fair")
        case "unstable":
            return where, (f"unstable; {voted or 'not reported by any node'}", "bad")
    return where, (f"uncertain; {voted or 'not reported by any node'}", "poor")


def endpoint_of(address: OwnAddress) -> str:
    """``host:port``, or ``host`` if the port is unknown, or an empty text."""
    if address.host is None:
        return ""
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}" if address.port else host
