"""What the application, and the operator, may ask of the core."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any, Final

from kadisc.core.contract.events import LookupKind
from kadisc.core.contract.identity import signed_item
from kadisc.core.contract.service_filter import ServiceFilter
from kadisc.core.lookup.put import Draft
from kadisc.core.peers.network import PeerNetwork
from kadisc.endpoints import Endpoint, Family, family_of, format_endpoint
from kadisc.errors import UsageError
from kadisc.networks import NetworkSet
from kadisc.wire import bencode
from kadisc.wire.items import target_of_value

from .answers import Network
from .cast import HOMES, LOCAL, NODES, OWN, OWN_IDS, STRANGERS, any_endpoint, any_id
from .moves import Move
from .stage import Stage


def _seeds(family: Family, rng: Random) -> list[Endpoint]:
    return [any_endpoint(rng, family) for _ in range(rng.randrange(4))]


def ping(stage: Stage, network: Network, rng: Random) -> None:
    stage.start(lambda: stage.core.ping(any_endpoint(rng), stage.now))


def lookup(stage: Stage, network: Network, rng: Random) -> None:
    family = rng.choice(stage.families)
    kind = rng.choice(list(LookupKind))
    target = any_id(rng, *stage.core.own_ids.values())
    if kind is LookupKind.GET and stage.items:
        target = rng.choice(stage.items)[0]
    stage.start(
        lambda: stage.core.start_lookup(
            target,
            stage.now,
            family=family,
            kind=kind,
            k=rng.choice((None, None, 1, 3, 20, 60)),
            paths=rng.choice((1, 1, 2, 4, 16)),
            first_value=rng.random() < 0.3,
            for_peers=rng.random() < 0.2,
            salt=rng.choice((b"", b"salt")),
            seeds=_seeds(family, rng),
        )
    )


def join(stage: Stage, network: Network, rng: Random) -> None:
    family = rng.choice(stage.families)
    stage.start(lambda: stage.core.join(_seeds(family, rng), stage.now, family=family))


def announce(stage: Stage, network: Network, rng: Random) -> None:
    family = rng.choice(stage.families)
    stage.start(
        lambda: stage.core.announce(
            any_id(rng, *OWN_IDS),
            rng.randrange(1, 65536),
            stage.now,
            family=family,
            implied_port=rng.random() < 0.5,
            seeds=_seeds(family, rng),
        )
    )


def put(stage: Stage, network: Network, rng: Random) -> None:
    value = bencode.encode(rng.choice((b"x", 5, [b"a", 1], b"y" * 900)))
    family, who = rng.choice(stage.families), None
    if rng.random() < 0.6:
        who = rng.choice((OWN, STRANGERS[0]))
    draft = Draft(
        value,
        who,
        rng.choice((b"", b"salt")) if who is not None else b"",
        rng.choice((None, None, 0, 5, (1 << 63) - 1)),
        rng.choice((1, 9)),
        rng.choice((None, None, 0, 3)),
    )
    _note_item(stage, draft, rng)
    stage.start(lambda: stage.core.put(draft, stage.now, family=family, seeds=_seeds(family, rng)))


def _note_item(stage: Stage, draft: Draft, rng: Random) -> None:
    """Nodes of the network may hold a version of it."""
    fields: dict[bytes, Any] = {b"v": bencode.decode(draft.value)}
    target = target_of_value(draft.value)
    if draft.identity is not None:
        sequence = rng.choice((0, 1, 5, 6, (1 << 63) - 1))
        item = signed_item(draft.identity, draft.value, sequence, draft.salt)
        fields |= {b"k": item.key, b"seq": sequence, b"sig": item.signature}
        target = draft.target
    stage.items = [*stage.items[-12:], (target, fields)]


def cancel(stage: Stage, network: Network, rng: Random) -> None:
    """One that runs, or one that has ended, or one that never was."""
    running = stage.ends.running()
    pool = running if running and rng.random() < 0.8 else stage.ends.started
    if pool:
        stage.core.cancel(rng.choice(pool), stage.now)
    stage.drain()


def static_peer(stage: Stage, network: Network, rng: Random) -> None:
    endpoint = any_endpoint(rng)
    if rng.random() < 0.6:
        stage.errors_alone.kept.add(endpoint)
        stage.core.add_static_peer(endpoint, stage.now)
    else:
        stage.core.remove_static_peer(endpoint)
    stage.drain()


def look(stage: Stage, network: Network, rng: Random) -> None:
    """Everything that only reads."""
    core, now = stage.core, stage.now
    core.snapshot(now)
    core.operations(now)
    for family in stage.families:
        core.has_contacts(family)
        core.contact_count(family)
    core.stored_peers(rng.choice(OWN_IDS), now)
    core.stored_item(any_id(rng), now)
    core.export_state(now)
    stage.drain()


def export(stage: Stage, network: Network, rng: Random) -> None:
    """In slices, between which something happens."""
    slices = stage.core.begin_export()
    for _ in range(60):
        if slices.step(stage.now) is not None:
            break
        if stage.asked and (payload := network.answer(asked := stage.asked.pop())) is not None:
            stage.receive(payload, asked.endpoint)


# --- the own network ------------------------------------------------------------------------------


def _network_of(stage: Stage) -> PeerNetwork | None:
    return stage.core.peer_network


def check_peer(stage: Stage, network: Network, rng: Random) -> None:
    if stage.is_member:
        endpoint = any_endpoint(rng, rng.choice(stage.families))
        stage.start(lambda: stage.core.check_peer(endpoint, stage.now))


def find_peers(stage: Stage, network: Network, rng: Random) -> None:
    """The stream of peers: the next one, of a new or an old search."""
    if not stage.is_member:
        return
    if not stage.finders or rng.random() < 0.3:
        wanted = rng.choice((None, {"p2p": None}, {"p2p": 9333}, {"none": 1}))
        finder = stage.core.finder(
            offering=ServiceFilter(wanted),
            verified_within_s=rng.choice((1.0, 30.0, 600.0)),
            again_after_s=rng.choice((0.0, 60.0, 3600.0)),
        )
        stage.finders = [*stage.finders[-4:], finder]
    finder = rng.choice(stage.finders)
    for _ in range(rng.choice((1, 1, 5))):
        peer = stage.core.next_peer(finder, stage.now)
        stage.drain()
        if peer is None:
            break
    family = rng.choice(stage.families)
    if rng.random() < 0.2:
        stage.core.search_from(_seeds(family, rng), stage.now, family=family)
        stage.drain()


def use_peers(stage: Stage, network: Network, rng: Random) -> None:
    """Peers are taken at once, explained, and judged."""
    peers, now = _network_of(stage), stage.now
    if peers is None:
        return
    found = peers.peers(
        rng.choice((0, 1, 16, 200)),
        now,
        verified_within_s=rng.choice((None, 5.0, float("inf"))),
        but_not=[STRANGERS[3].public_key],
    )
    known = [*found, *peers.verified()]
    for each in known[:5]:
        peers.current(each, now)
        peers.age_s(each, now)
        peers.why(each.key, now)
        peers.why(each.endpoint, now)
    who: Any = rng.choice([*known, rng.choice(STRANGERS).public_key, rng.choice(NODES)])
    for _ in range(rng.choice((1, 1, 6))):
        peers.feedback(who, rng.choice(("good", "bad", "busy", "wrong-network")), now)
    peers.sample_slots(rng.randrange(20), now)
    stage.drain()


def report(stage: Stage, network: Network, rng: Random) -> None:
    peers = _network_of(stage)
    if peers is not None:
        endpoints = [
            any_endpoint(rng, rng.choice(stage.families)) for _ in range(rng.randrange(30))
        ]
        peers.report(endpoints, rng.choice(("operator", "lan", "file")), stage.now)
        stage.drain()


def book(stage: Stage, network: Network, rng: Random) -> None:
    """The book is exported and imported again, as a file of another node would be."""
    peers = _network_of(stage)
    if peers is not None:
        saved = peers.export(stage.now)
        own = rng.sample(HOMES[Family.IPV4], 2) if rng.random() < 0.5 else ()
        peers.import_book(saved.book, stage.now, own)
        stage.drain()


def services(stage: Stage, network: Network, rng: Random) -> None:
    chosen: dict[str, Any] = rng.choice(
        (
            {},
            {"p2p": 9333},
            {"p2p": 9334, "chain": b"\1\2"},
            {"a" * 16: b"v" * 32},
            {f"name{number}": b"v" * 32 for number in range(9)},
            {"": 1},
            {"p2p": 0},
        )
    )
    with suppress(UsageError):
        stage.core.set_services(chosen, stage.now)
    stage.drain()


def lan(stage: Stage, network: Network, rng: Random) -> None:
    core, endpoint, now = stage.core, rng.choice(LOCAL), stage.now
    if rng.random() < 0.2:
        endpoint = any_endpoint(rng)
    if family_of(endpoint) not in stage.families:
        return
    what = rng.randrange(3)
    if what == 0:
        core.lan_lost(endpoint, now)
    elif what == 1:
        core.set_lan_endpoints(rng.sample(LOCAL, 2))
    else:
        is_member, is_guarded = rng.random() < 0.7, rng.random() < 0.8
        core.lan_found(endpoint, now, is_member=is_member, is_guarded=is_guarded)
    stage.drain()


def bars(stage: Stage, network: Network, rng: Random) -> None:
    """The operator bans some nodes, or restricts the node to some, or lifts that."""

    def some() -> NetworkSet:
        hosts = [format_endpoint(each).rpartition(":")[0].strip("[]") for each in NODES]
        return NetworkSet(rng.sample(hosts, min(rng.choice((0, 0, 1, 5)), len(hosts))))

    everything = NetworkSet(("0.0.0.0/0", "::/0"))
    banned = everything if rng.random() < 0.1 else some()
    stage.core.set_bars(banned, some() if rng.random() < 0.2 else NetworkSet(()), stage.now)
    stage.drain()
    if rng.random() < 0.7:
        stage.core.set_bars(NetworkSet(()), NetworkSet(()), stage.now)
        stage.drain()


def leave(stage: Stage, network: Network, rng: Random) -> None:
    """The node says goodbye; some answers come, and then it is started again."""
    stage.core.leave(stage.now)
    stage.drain()
    for asked in stage.asked[-10:]:
        if (payload := network.answer(asked)) is not None:
            stage.receive(payload, asked.endpoint)
    _ = stage.core.awaits_tokens
    if rng.random() < 0.8:
        stage.restart(None)


CALLS: Final[dict[str, tuple[int, Move]]] = {
    "ping": (5, ping),
    "lookup": (8, lookup),
    "join": (6, join),
    "announce": (3, announce),
    "put": (3, put),
    "cancel": (2, cancel),
    "static_peer": (1, static_peer),
    "look": (1, look),
    "export": (1, export),
    "check_peer": (6, check_peer),
    "find_peers": (6, find_peers),
    "use_peers": (3, use_peers),
    "report": (3, report),
    "book": (1, book),
    "services": (1, services),
    "lan": (2, lan),
    "bars": (1, bars),
    "leave": (1, leave),
}
"""As `MOVES`."""
