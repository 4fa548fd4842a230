"""Who this node is, where others see it, and how it is getting on."""

from __future__ import annotations

from ..core.addressing.external_address import Confidence
from ..core.snapshot import AddressSnapshot, DhtSnapshot
from ..endpoints import format_ip
from ..ids import format_id
from ..observe.describe import count, family_name
from .figures import duration
from .glyphs import Glyphs
from .lines import Line, clean, joined, spread
from .scene import Others, Scene

ID_DIGITS = 10


def title_line(scene: Scene, width: int, glyphs: Glyphs) -> Line:
    facts = scene.facts
    name = f" kadisc {facts.version}  {clean(facts.network)}  up {duration(scene.uptime_s)}"
    state = (
        "paused " if scene.view.paused else others_words(scene.others) + " " if scene.others else ""
    )
    return tuple(
        (text, "title") for text, _ in spread(((name, ""),), ((state, ""),), width) if text
    )


def others_words(others: Others) -> str:
    return f"devnet: {count(others.alive, 'other')}, {others.joined} joined"


def identity_lines(scene: Scene, rows_each: int, glyphs: Glyphs) -> list[Line]:
    """One or two lines for each family."""
    lines: list[Line] = []
    under_way = in_flight(scene)
    for dht in scene.snapshot.dhts:
        name = (f" {family_name(dht.family)}", "label")
        own_id = (f"  {format_id(dht.own_id)[:ID_DIGITS]}{glyphs.more}  ", "strong")
        address = address_words(dht.address)
        bound = scene.facts.listening.get(dht.family, "")
        elsewhere = (
            ((f"bound to {clean(bound)}", "quiet"),)
            if bound and bound != endpoint_of(dht.address)
            else ()
        )
        if rows_each > 1:
            lines.append((name, own_id, *joined((state_words(dht), numbers(dht), under_way), "  ")))
            under_way = ()  # it is of all families
            lines.append(((" " * 7, ""), *joined((address, elsewhere), "   ")))
        else:
            lines.append((name, own_id, *joined((state_words(dht), numbers(dht), address), "  ")))
    return lines


def network_line(scene: Scene) -> list[Line]:
    """Peers of the network of one's own, where there is one and anything to tell of it."""
    own = scene.snapshot.peer_network
    if own is None or not (own.verified or own.book_verified or own.book_unverified):
        return []
    view = own.view
    peers = (f"{count(own.verified, 'peer')} verified", "good" if own.verified else "poor")
    slots = (f"{view.slots - view.vacant} of {view.slots} slots held, {view.mature} mature", "")
    book = (f"book: {own.book_verified} met, {own.book_unverified} heard of", "")
    return [((" net   ", "label"), *joined(((peers,), (slots,), (book,)), "   "))]


def state_words(dht: DhtSnapshot) -> Line:
    if not dht.online:
        return (("offline", "bad"),)
    return (("joined", "good"),) if dht.joined else (("joining", "poor"),)


def numbers(dht: DhtSnapshot) -> Line:
    return ((f"{count(dht.contacts, 'contact')}, {count(dht.candidates, 'candidate')}", ""),)


def in_flight(scene: Scene) -> Line:
    queries = scene.snapshot.queries_in_flight
    return (
        (
            f"{queries} {'query' if queries == 1 else 'queries'} in flight",
            "" if queries else "quiet",
        ),
    )


def address_words(address: AddressSnapshot) -> Line:
    """Where others see us, and how sure that is."""
    votes = f"{round(address.agreement * 100)} % of {count(address.voters, 'network')}"
    if address.ip is None:
        so_far = f" ({count(address.voters, 'network')} asked so far)" if address.voters else ""
        return ((f"own address not known yet{so_far}", "poor"),)
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
            return where, (f"unstable; now {voted or 'nobody says so'}", "bad")
        case Confidence.UNKNOWN:
            return where, (f"not sure; {voted or 'nobody says so'}", "poor")


def endpoint_of(address: AddressSnapshot) -> str:
    """``host:port`` as far as it is known."""
    if address.ip is None:
        return ""
    host = format_ip(address.ip) if len(address.ip) == 4 else f"[{format_ip(address.ip)}]"
    return f"{host}:{address.port}" if address.port else host
