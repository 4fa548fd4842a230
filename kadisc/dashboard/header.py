"""The top lines of a frame: the node's IDs, addresses, state and network."""

from __future__ import annotations

from ..core.addressing.external_address import Confidence
from ..core.snapshot import AddressSnapshot, DhtSnapshot
from ..endpoints import format_ip
from ..ids import format_id
from ..observe.describe import count, family_name
from ..observe.reachability import reach_phrase, untested_words
from .figures import duration
from .glyphs import Glyphs
from .lines import Line, clean, joined, spread
from .scene import Others, Scene

ID_DIGITS = 10


def title_line(scene: Scene, width: int, glyphs: Glyphs) -> Line:
    facts = scene.facts
    name = f" kadisc {facts.version}  {clean(facts.network)}  up {duration(scene.uptime_s)}"
    state = ""
    if scene.view.paused:
        state = "paused "
    elif scene.others:
        state = others_words(scene.others) + " "
    spans = spread(((name, ""),), ((state, ""),), width)
    return tuple((text, "title") for text, _ in spans if text)


def others_words(others: Others) -> str:
    return f"devnet: {count(others.alive, 'other')}, {others.joined} joined"


def identity_lines(scene: Scene, rows_each: int, glyphs: Glyphs) -> list[Line]:
    """One or two lines for each family."""
    lines: list[Line] = []
    queries = in_flight(scene)
    for dht in scene.snapshot.dhts:
        name = (f" {family_name(dht.family)}", "label")
        own_id = (f"  {format_id(dht.own_id)[:ID_DIGITS]}{glyphs.more}  ", "strong")
        address = address_words(dht.address)
        bound = scene.facts.listening.get(dht.family, "")
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
    own = scene.snapshot.peer_network
    if own is None or not (own.verified or own.book_verified or own.book_unverified):
        return []
    peers = (f"{count(own.online, 'peer')} online", "good" if own.online else "poor")
    book = (f"address book {own.book_verified} verified, {own.book_unverified} unverified", "")
    parts: list[Line] = [(peers,), (book,)]
    on_lan = sum(each.members for each in scene.lan.interfaces)
    if on_lan:
        parts.insert(1, ((f"{on_lan} on the LAN", "good"),))
    return [((f" {clean(own.network)}  ", "label"), *joined(parts, "  "))]


def folder_line(scene: Scene) -> list[Line]:
    """How commands find the node; no line where they do so by themselves."""
    if not scene.facts.state_dir:
        return []
    return [((" commands  ", "label"), (f"--state-dir {clean(scene.facts.state_dir)}", ""))]


def state_words(dht: DhtSnapshot) -> Line:
    if not dht.online:
        return (("offline", "bad"),)
    return (("joined", "good"),) if dht.joined else (("joining", "poor"),)


def reach_spans(scene: Scene, dht: DhtSnapshot) -> Line:
    """Whether strangers reach the node, in three words at most; empty if it does not test that, and
    where no node has answered, as on a machine without IPv6.
    """
    for reach in scene.snapshot.reach:
        if reach.family is dht.family and (dht.joined or dht.contacts):
            if untested_words(dht.address.ip, lan_only=False) is not None:
                return (("private network", "quiet"),)
            return (reach_phrase(reach, scene.mappings),)
    return ()


def with_reach(address: Line, reach: Line) -> Line:
    """``reach`` behind the endpoint, the first part of ``address``: a narrow frame cuts the end."""
    if not reach:
        return address
    where, *rest = address
    gap = "" if where[0].endswith(" ") else "  "
    return (where, (gap, ""), *reach, *((("  ", ""), *rest) if rest else ()))


def numbers(dht: DhtSnapshot) -> Line:
    return ((f"{count(dht.contacts, 'contact')}, {count(dht.candidates, 'candidate')}", ""),)


def in_flight(scene: Scene) -> Line:
    number = scene.snapshot.queries_in_flight
    noun = "query" if number == 1 else "queries"
    return ((f"{number} {noun} in flight", "" if number else "quiet"),)


def address_words(address: AddressSnapshot) -> Line:
    """The external address of the node, and how certain it is."""
    votes = f"{round(address.agreement * 100)} % of {count(address.voters, 'subnet')}"
    if address.ip is None:
        so_far = f" ({count(address.voters, 'subnet')} asked so far)" if address.voters else ""
        return ((f"external address not known yet{so_far}", "poor"),)
    where = (f"at {endpoint_of(address)}  ", "strong")
    voted = f"agreed by {votes}" if address.voters else ""
    match address.confidence:
        case Confidence.VOTED:
            return where, (voted, "good")
        case Confidence.CONFIGURED:
            return (
                where,
                ("as configured", "good"),
                (f"; {voted}" if voted else "", "good" if address.agreement >= 0.5 else "bad"),
            )
        case Confidence.REMEMBERED:
            return where, (f"from the last run{f'; {voted}' if voted else ''}", "fair")
        case Confidence.UNSTABLE:
            return where, (f"unstable; {voted or 'not reported by any node'}", "bad")
        case Confidence.UNKNOWN:
            return where, (f"uncertain; {voted or 'not reported by any node'}", "poor")


def endpoint_of(address: AddressSnapshot) -> str:
    """``host:port``, or ``host`` if the port is unknown, or an empty text."""
    if address.ip is None:
        return ""
    host = format_ip(address.ip) if len(address.ip) == 4 else f"[{format_ip(address.ip)}]"
    return f"{host}:{address.port}" if address.port else host
