"""What the network, the clock and the machine may do. `calls.py` has what the application asks
for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final, TypeAlias

from kadisc.config import CLIENT_VERSION
from kadisc.core.contract.events import DialOutcome
from kadisc.core.contract.identity import signed_item
from kadisc.endpoints import Endpoint, Family, family_of
from kadisc.wire import bencode, krpc
from kadisc.wire.items import Item, target_of_value
from kadisc.wire.messages import (
    AnnouncePeer,
    Error,
    FindNode,
    Get,
    GetPeers,
    Gossip,
    Knock,
    Message,
    Ping,
    Put,
    Query,
    Reach,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)

from .answers import BEHAVIOURS, ERROR_CODES, Network, target_of
from .cast import HOMES, NODES, OWN_IDS, STRANGERS, TAG, any_endpoint, any_id, any_record
from .stage import Asked, Stage

Move: TypeAlias = Callable[[Stage, Network, Random], None]
DAY_S: Final = 86_400.0
LONGEST_JUMP_S: Final = 115 * DAY_S


# --- answers --------------------------------------------------------------------------------------


def _pick(stage: Stage, rng: Random) -> Asked | None:
    return stage.asked.pop(rng.randrange(len(stage.asked))) if stage.asked else None


def answer(stage: Stage, network: Network, rng: Random) -> None:
    """One query of the core is answered, by the node that was asked."""
    asked = _pick(stage, rng)
    if asked is not None and (payload := network.answer(asked)) is not None:
        stage.receive(payload, asked.endpoint)
        if rng.random() < 0.1:
            stage.receive(payload, asked.endpoint)


def odd_answer(stage: Stage, network: Network, rng: Random) -> None:
    """An answer that the node that was asked has never given so far."""
    asked = _pick(stage, rng)
    if asked is None:
        return
    tid, drawn = asked.query.tid, rng.random()
    if drawn < 0.3:
        message: Message = Error(tid, rng.choice(ERROR_CODES), rng.choice(("", "no", "\x1b[2J\n")))
    else:
        message = network.reply(asked, rng.choice(BEHAVIOURS))
        if isinstance(message, Reply) and rng.random() < 0.5:
            target = target_of(asked.query)
            near = [*stage.core.own_ids.values(), *OWN_IDS, *([target] if target else [])]
            message.sender = any_id(rng, *near)
    payload = krpc.encode(message)
    if drawn > 0.9:
        payload = network.damaged(payload)
    stage.receive(payload, asked.endpoint)


def answer_all(stage: Stage, network: Network, rng: Random) -> None:
    asked_now, stage.asked = stage.asked, []
    for asked in asked_now[-40:]:
        if (payload := network.answer(asked)) is not None:
            stage.receive(payload, asked.endpoint)


def forged_answer(stage: Stage, network: Network, rng: Random) -> None:
    """With another transaction ID, or from another endpoint, than a query of the core has."""
    if not stage.asked:
        return
    asked = rng.choice(stage.asked)
    message, source = network.reply(asked, "liar"), asked.endpoint
    if rng.random() < 0.5:
        message.tid = rng.choice((rng.randbytes(4), b"", b"\0\1", message.tid[:2]))
    else:
        source = any_endpoint(rng)
    stage.send(message, source)


# --- queries of others ----------------------------------------------------------------------------


def _token(stage: Stage, source: Endpoint, rng: Random) -> bytes:
    """One that the core sent there, most of the time."""
    given = stage.tokens.get(source)
    if given and rng.random() < 0.85:
        return rng.choice(given)
    others = [token for tokens in stage.tokens.values() for token in tokens]
    return rng.choice(others) if others and rng.random() < 0.5 else rng.randbytes(8)


def any_item(rng: Random) -> tuple[Item, int]:
    """An item, and its target: a few values and keys, so that versions of one item meet."""
    value = bencode.encode(rng.choice((b"x", 5, [b"a", 1], {b"k": b"v"}, b"y" * 900)))
    if rng.random() < 0.4:
        return Item(value), target_of_value(value)
    who, salt = STRANGERS[rng.randrange(3)], rng.choice((b"", b"salt"))
    item = signed_item(who, value, rng.choice((0, 1, 2, 7, (1 << 63) - 1)), salt)
    if rng.random() < 0.1:
        item = replace(item, signature=bytes(64))
    return item, item.target


def any_query(stage: Stage, source: Endpoint, rng: Random) -> Query:
    tid = rng.randbytes(rng.choice((0, 1, 2, 4, 4, 4, 20)))
    own = [*stage.core.own_ids.values(), *OWN_IDS]
    sender, target = any_id(rng, *own), any_id(rng, *own)
    want = rng.choice((None, None, frozenset((b"n4",)), frozenset((b"n4", b"n6"))))
    kind = rng.randrange(14)
    query: Query
    if kind < 1:
        nonces = [None, rng.randbytes(8), *stage.nonces[-2:]]
        query = Ping(tid, sender, rng.choice(nonces))
    elif kind < 3:
        query = FindNode(tid, sender, target, want)
    elif kind < 4:
        query = GetPeers(tid, sender, target, want)
    elif kind < 6:
        target = rng.choice(OWN_IDS) if rng.random() < 0.7 else target
        implied = rng.random() < 0.5
        port = rng.randrange(0 if implied else 1, 65536)
        query = AnnouncePeer(tid, sender, target, port, _token(stage, source, rng), implied)
    elif kind < 7:
        query = Get(tid, sender, any_item(rng)[1], rng.choice((None, 0, 5)), want)
    elif kind < 8:
        item, _ = any_item(rng)
        cas = rng.choice((None, None, 0, 1, 7))
        query = Put(tid, sender, _token(stage, source, rng), item, cas)
    elif kind < 9:
        query = SampleInfohashes(tid, sender, target, want)
    elif kind < 12:
        query = _gossip(stage, source, tid, sender, rng)
    elif kind < 13:
        query = _reach(stage, source, tid, sender, rng)
    else:
        query = UnknownQuery(tid, sender, b"vote", rng.choice((None, target)), want)
    query.read_only = rng.random() < 0.05
    query.version = rng.choice((None, CLIENT_VERSION, b"LT\1\2"))
    if rng.random() < 0.3:
        query.asker_token = stage.asker_tokens.get(source) or rng.choice((bytes(8), b"12345678"))
    return query


def _gossip(stage: Stage, source: Endpoint, tid: bytes, sender: int, rng: Random) -> Gossip:
    query = Gossip(tid, sender, TAG if rng.random() < 0.95 else bytes(20), rng.randrange(17))
    if rng.random() < 0.75:
        query.token = _token(stage, source, rng)
    if rng.random() < 0.5:
        query.record = any_record(rng, source)
    query.pad = rng.choice((None, 0, 100, 400))
    if rng.random() < 0.3:
        query.challenge = rng.randbytes(16)
        query.asked = stage.home.get(family_of(source)) or any_endpoint(rng)
    query.bye = rng.random() < 0.05
    return query


def _reach(stage: Stage, source: Endpoint, tid: bytes, sender: int, rng: Random) -> Query:
    token = _token(stage, source, rng) if rng.random() < 0.8 else None
    nonce = rng.choice([rng.randbytes(8), *stage.nonces[-2:]])
    if rng.random() < 0.4:
        return Knock(tid, sender, nonce, TAG, any_endpoint(rng, family_of(source)), token)
    query = Reach(tid, sender, nonce, TAG, token)
    if rng.random() < 0.3:
        query.port = rng.randrange(1024, 65536)
    elif rng.random() < 0.5:
        query.record, query.tcp_port = any_record(rng, source), rng.randrange(1024, 65536)
    return query


def query(stage: Stage, network: Network, rng: Random) -> None:
    """One node, one query; half of the time it first gets a token for the next."""
    source = any_endpoint(rng)
    if rng.random() < 0.5:
        tag = TAG if stage.is_member else bytes(20)
        first = rng.choice(
            (
                GetPeers(b"gp", 7, rng.choice(OWN_IDS)),
                Get(b"gt", 7, any_item(rng)[1]),
                Gossip(b"gs", 7, tag, 0, pad=400),
            )
        )
        stage.send(first, source)
    stage.send(any_query(stage, source, rng), source)


def push(stage: Stage, network: Network, rng: Random) -> None:
    """A peer of the network gets a token of gossip, and pushes its record with it."""
    source = rng.choice(NODES)
    stage.send(Gossip(b"gs", 7, TAG, 0, pad=400), source)
    stage.send(
        Gossip(
            b"ps",
            any_id(rng),
            TAG,
            rng.choice((0, 8, 16)),
            token=_token(stage, source, rng),
            record=any_record(rng, source),
        ),
        source,
    )


def flood(stage: Stage, network: Network, rng: Random) -> None:
    """Many queries at once, from one node or from a subnet; some bear the transaction ID of a
    query of the core.
    """
    source = rng.choice(stage.asked).endpoint if stage.asked else any_endpoint(rng)
    asked = [each.query.tid for each in stage.asked if each.endpoint == source]
    tid = rng.choice(asked) if asked and rng.random() < 0.8 else rng.randbytes(4)
    count, spread = rng.choice((30, 150, 300)), rng.random() < 0.3
    kind = rng.randrange(3)
    for number in range(count):
        if kind == 0:
            sent: Query = Ping(tid, number)
        elif kind == 1:
            sent = FindNode(tid, number, rng.getrandbits(160))
        else:
            sent = any_query(stage, source, rng)
        where = source
        if spread and family_of(source) is Family.IPV4:
            where = Endpoint(source[:3] + bytes((number % 256,)) + source[4:])
        stage.send(sent, where)


def garbage(stage: Stage, network: Network, rng: Random) -> None:
    source = any_endpoint(rng)
    drawn = rng.random()
    if drawn < 0.3:
        payload = rng.randbytes(rng.choice((0, 1, 50, 600, 3000)))
    elif drawn < 0.9:
        payload = network.damaged(krpc.encode(any_query(stage, source, rng)))
    else:
        payload = b"d1:ad2:id20:" + bytes(20) + b"1:ble" * 40 + b"e1:q4:ping1:t2:aa1:y1:qe"
    stage.receive(payload, source)


# --- time -----------------------------------------------------------------------------------------


def tick(stage: Stage, network: Network, rng: Random) -> None:
    stage.advance(rng.choice((0.0, 0.001, 0.1, 0.3, 1.0, 5.0)))
    stage.tick()


def next_tick(stage: Stage, network: Network, rng: Random) -> None:
    """The timer wakes the core exactly when it wants to be woken."""
    for _ in range(rng.choice((1, 1, 3, 10))):
        deadline = stage.core.next_deadline()
        if deadline == float("inf") or deadline > stage.now + DAY_S:
            break
        stage.until(deadline)
        stage.tick()


def pause(stage: Stage, network: Network, rng: Random) -> None:
    stage.advance(rng.choice((30.0, 250.0, 700.0, 2000.0, 4000.0)))
    stage.tick()


def jump(stage: Stage, network: Network, rng: Random) -> None:
    """The machine slept, or its clock was set."""
    stage.advance(rng.choice((DAY_S / 2, 3 * DAY_S, 9 * DAY_S, LONGEST_JUMP_S)))
    if rng.random() < 0.5:
        stage.core.network_changed(stage.now)
        stage.drain()
    stage.tick()


def back(stage: Stage, network: Network, rng: Random) -> None:
    """The clock of the machine goes back; the pump shows the core none of that, but a case may have
    a core without a pump.
    """
    stage.advance(-rng.choice((0.001, 1.0, 30.0, 400.0, 4000.0, 2 * DAY_S)))
    if rng.random() < 0.5:
        stage.tick()


def play(stage: Stage, network: Network, rng: Random) -> None:
    """Some time passes in which the network answers."""
    stage.play(rng.choice((1.0, 5.0, 20.0, 60.0, 60.0, 300.0, 900.0)), network.answer, rng)


# --- the machine ----------------------------------------------------------------------------------


def turn(stage: Stage, network: Network, rng: Random) -> None:
    """Some nodes behave otherwise from now on; often all those that the table holds of a kind."""
    if rng.random() < 0.3:
        stage.behaviours.clear()
        return
    there = [entry.contact.endpoint for dht in stage.core.dhts.values() for entry in dht.table]
    pool = there if there and rng.random() < 0.7 else NODES
    behaviour = rng.choice(BEHAVIOURS)
    for endpoint in rng.sample(pool, rng.randint(1, min(len(pool), rng.choice((1, 4, 40))))):
        stage.behaviours[endpoint] = behaviour


def move_away(stage: Stage, network: Network, rng: Random) -> None:
    """The node has another address from now on, and may be told."""
    families = [family for family in stage.families if rng.random() < 0.7]
    for family in families:
        stage.home[family] = rng.choice(HOMES[family])
    if rng.random() < 0.6:
        stage.core.network_changed(
            stage.now, families=None if rng.random() < 0.5 else tuple(families)
        )
    stage.drain()


def socket(stage: Stage, network: Network, rng: Random) -> None:
    family = rng.choice(list(Family))
    if rng.random() < 0.5:
        stage.core.socket_lost(family, stage.now)
    else:
        destination = any_endpoint(rng, rng.choice(stage.families))
        if stage.asked and rng.random() < 0.7:
            destination = rng.choice(stage.asked).endpoint
        stage.core.send_failed(destination, stage.now)
    stage.drain()


def router(stage: Stage, network: Network, rng: Random) -> None:
    """What the shell learns of addresses, mappings and the last run."""
    core, family, now = stage.core, rng.choice(list(Family)), stage.now
    what = rng.randrange(4)
    if what == 0:
        ips = rng.sample(HOMES[family], rng.randrange(3))
        core.has_addresses(family, frozenset(each[:-2] for each in ips))
    elif what == 1:
        core.router_is_private(family, rng.random() < 0.5, now)
    elif what == 2:
        core.ended_on_this_port(family, rng.choice((0.0, 5.0, 900.0, 1e7)), now)
    else:
        mapped = Endpoint(rng.choice(HOMES[family])[:-2] + rng.choice((b"\x1a\xe1", b"\x40\1")))
        core.mapped(family, rng.choice((None, mapped, any_endpoint(rng, family))), now)
    stage.drain()


def dialled(stage: Stage, network: Network, rng: Random) -> None:
    dial = stage.dials.pop() if stage.dials else rng.randrange(5)
    stage.core.tcp_dialled(dial, rng.choice(list(DialOutcome)), stage.now)
    stage.drain()


def restart(stage: Stage, network: Network, rng: Random) -> None:
    """Often at another address, and sometimes with a state file that was torn or damaged."""
    if rng.random() < 0.6:
        for family in stage.families:
            stage.home[family] = rng.choice(HOMES[family])
    damage: Callable[[bytes], bytes] | None = None
    drawn = rng.random()
    if drawn < 0.1:
        part = rng.random()
        damage = lambda image: image[: int(len(image) * part)]  # noqa: E731
    elif drawn < 0.25:
        places = [rng.random() for _ in range(rng.choice((1, 20, 300)))]
        byte = rng.randrange(256)

        def damage(image: bytes) -> bytes:
            changed = bytearray(image)
            for place in places:
                changed[int(len(image) * place)] = byte
            return bytes(changed)

    stage.restart(damage)


MOVES: Final[dict[str, tuple[int, Move]]] = {
    "answer": (30, answer),
    "odd_answer": (14, odd_answer),
    "answer_all": (12, answer_all),
    "forged_answer": (4, forged_answer),
    "query": (24, query),
    "push": (8, push),
    "flood": (1, flood),
    "garbage": (4, garbage),
    "tick": (14, tick),
    "next_tick": (10, next_tick),
    "pause": (3, pause),
    "jump": (1, jump),
    "back": (2, back),
    "play": (4, play),
    "turn": (3, turn),
    "move_away": (2, move_away),
    "socket": (2, socket),
    "router": (2, router),
    "dialled": (1, dialled),
    "restart": (2, restart),
}
"""By name: how often it is made, out of the sum of all, and what it does."""
