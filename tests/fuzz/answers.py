"""What the nodes of the small network answer to the queries of the core, each as it behaves now."""

from __future__ import annotations

from random import Random
from typing import Final

from kadisc.config import CLIENT_VERSION
from kadisc.contacts import Contact
from kadisc.endpoints import Endpoint, Family, family_of
from kadisc.ids import NodeId
from kadisc.wire import compact, krpc
from kadisc.wire.gossip import NamedPeer, pack_peers
from kadisc.wire.messages import (
    Error,
    FindNode,
    Get,
    GetPeers,
    Gossip,
    InfoHashSamples,
    Knock,
    Message,
    News,
    Query,
    Reach,
    ReachResult,
    Reply,
)

from .cast import (
    HOMES,
    NODES,
    OF_FAMILY,
    OWN_IDS,
    any_endpoint,
    any_id,
    any_record,
    home_id,
    key_at,
    proof_by,
)
from .stage import Asked, Stage

BEHAVIOURS: Final = (
    *("honest",) * 4,
    *("silent", "errors", "changing", "impostor", "liar", "malformed", "mixed"),
)
"""How a node behaves; those that turn have been honest before."""
ERROR_CODES: Final = (201, 202, 203, 204, 205, 206, 207, 301, 302, -5, 1 << 40)


def target_of(query: Query) -> NodeId | None:
    """The ID that a query is about."""
    for name in ("target", "info_hash"):
        if isinstance(found := getattr(query, name, None), int):
            return found
    return None


class Network:
    """Answers for all nodes. ``rng``: of the move that is being made."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.rng = Random(0)

    def behaves(self, endpoint: Endpoint) -> str:
        behaviour = self._stage.behaviours.get(endpoint, "honest")
        return self.rng.choice(BEHAVIOURS) if behaviour == "mixed" else behaviour

    def answer(self, asked: Asked) -> bytes | None:
        """The datagram that comes back; None for silence."""
        behaviour, rng = self.behaves(asked.endpoint), self.rng
        if behaviour == "silent":
            return None
        if behaviour == "errors":
            return krpc.encode(Error(asked.query.tid, rng.choice((201, 202, 203)), "no"))
        reply = self.reply(asked, behaviour)
        if behaviour == "malformed":
            return self.damaged(krpc.encode(reply))
        return krpc.encode(reply)

    def damaged(self, payload: bytes) -> bytes:
        """The same datagram with some bytes changed, lost or added."""
        rng, changed = self.rng, bytearray(payload)
        for _ in range(rng.randrange(1, 4)):
            changed[rng.randrange(len(changed))] = rng.choice(b"0123456789:delix\0\xff")
        return bytes(changed[: rng.choice((None, -1, 20))]) + rng.choice((b"", b"", b"xx"))

    def id_of(self, asked: Asked, behaviour: str) -> NodeId:
        rng, target = self.rng, target_of(asked.query)
        if behaviour == "changing":
            return any_id(rng) if rng.random() < 0.5 else rng.getrandbits(160)
        if behaviour == "impostor":
            own = [*self._stage.core.own_ids.values(), *OWN_IDS]
            return rng.choice(own if target is None else [*own, target])
        return home_id(asked.endpoint)

    def reply(self, asked: Asked, behaviour: str) -> Message:
        stage, rng, query = self._stage, self.rng, asked.query
        family = family_of(asked.endpoint)
        lies = behaviour in ("liar", "impostor")
        seen_as = stage.home[family] if family in stage.home else HOMES[family][0]
        if lies and rng.random() < 0.5:
            seen_as = rng.choice(HOMES[family]) if rng.random() < 0.7 else any_endpoint(rng, family)
        reply = Reply(
            query.tid,
            self.id_of(asked, behaviour),
            seen_as=seen_as,
            version=rng.choice((CLIENT_VERSION, CLIENT_VERSION, b"LT\2\0", None)),
        )
        if rng.random() < 0.5:
            reply.asker_token = rng.randbytes(8)
        target = target_of(query)
        if isinstance(query, (FindNode, GetPeers, Get)) or (lies and rng.random() < 0.2):
            reply.nodes = self.contacts(Family.IPV4, target, lies=lies)
            if family is Family.IPV6 or rng.random() < 0.2:
                reply.nodes6 = self.contacts(Family.IPV6, target, lies=lies)
            reply.token = b"a token of this node"
        if isinstance(query, GetPeers) and rng.random() < 0.6:
            reply.values = [
                each
                for _ in range(rng.randrange(8))
                if (each := any_endpoint(rng, family))[-2:] != b"\0\0"
            ]
        if isinstance(query, Get):
            reply.held = self.held(query)
        if isinstance(query, Gossip):
            reply.token = b"a token of gossip"
            reply.news = self.news(query, asked, lies=lies)
        if isinstance(query, (Reach, Knock)):
            reply.token = rng.choice((None, b"a token of reach"))
            reply.reach = ReachResult(
                rng.choice((None, True, False)),
                rng.choice((None, any_endpoint(rng, family))),
                rng.choice((None, 0, 1, 2)),
            )
        if rng.random() < 0.02:
            reply.samples = InfoHashSamples(rng.randrange(30_000), 7, rng.randbytes(40))
        return reply

    def contacts(self, family: Family, target: NodeId | None, *, lies: bool) -> bytes:
        rng = self.rng
        if lies:
            count = rng.choice((0, 1, 8, 30))
            near = [*self._stage.core.own_ids.values(), *([] if target is None else [target])]
            named = [Contact(any_id(rng, *near), any_endpoint(rng, family)) for _ in range(count)]
        else:
            nodes, first = OF_FAMILY[family], rng.randrange(40)
            chosen = [nodes[(first + 7 * step) % len(nodes)] for step in range(16)]
            named = [Contact(home_id(each), each) for each in chosen]
            if target is not None:
                named.sort(key=lambda each: each.id ^ target)
            named = named[:8]
        return compact.pack_contacts(named)

    def held(self, query: Get) -> dict[bytes, object] | None:
        """The fields of an item, sound, forged or none."""
        rng = self.rng
        items = [each for each in self._stage.items if each[0] == query.target]
        if not items or rng.random() < 0.3:
            return {b"v": rng.choice((b"x", 7, [b"y"], {b"a": 1}))} if rng.random() < 0.2 else None
        fields = dict(rng.choice(items)[1])
        if rng.random() < 0.15:
            fields[b"seq"] = rng.choice((-1, 0, 9, 1 << 62, b"no"))
        return fields

    def news(self, query: Gossip, asked: Asked, *, lies: bool) -> News:
        stage, rng, family = self._stage, self.rng, family_of(asked.endpoint)
        peers = [
            NamedPeer(
                Contact(any_id(rng), any_endpoint(rng, family)),
                rng.randrange(16),
                rng.randrange(16),
            )
            for _ in range(rng.randrange(query.want + 1 if not lies else 17))
        ]
        packed = pack_peers(peers)
        signer = key_at(asked.endpoint) if not lies or rng.random() < 0.5 else key_at(NODES[0])
        asker = stage.home.get(family, HOMES[family][0])
        return News(
            any_record(rng, asked.endpoint) if rng.random() < 0.9 else None,
            packed if family is Family.IPV4 else b"",
            packed if family is Family.IPV6 else b"",
            proof_by(signer, query, asker) if rng.random() < 0.9 else None,
            can=rng.random() < 0.5,
        )
