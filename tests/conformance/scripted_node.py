"""A small node that keeps to the protocol except for one fault. Each fault has the name of the case
that must detect it.
"""

from __future__ import annotations

import hashlib
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

import trio
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from kadisc.conformance.datagrams import Pairs, write
from kadisc.endpoints import Endpoint, make_endpoint
from kadisc.errors import DecodeError
from kadisc.wire import bencode

Fields = dict[bytes, Any]
SECRET = b"secret"
CONTACTS = [
    (hashlib.sha1(b"%d" % n).digest(), bytes(make_endpoint(f"45.{n}.2.3", 6881)))
    for n in range(1, 101)
]
CRASHES_AT = {
    "empty",
    "truncated",
    "garbage",
    "negative-length",
    "deep-nesting",
    "huge-ints",
    "no-dict",
    "wrong-types",
    "fields-missing",
    "duplicate-keys",
    "trailing-data",
    "oversized",
}
"""Faults by which the node stops answering after a malformed datagram."""
REPLIES_ANYWAY = {
    "unknown-method": b"kadisc_conformance",
    "find-node-no-target": b"find_node",
    "get-peers-no-hash": b"get_peers",
    "announce-no-hash": b"announce_peer",
    "target-length": b"find_node",
    "querier-id-length": b"ping",
    "querier-id-missing": b"ping",
}
"""Faults by which a method is answered although arguments are missing."""


MAX_QUERIES = 250
"""Queries of one endpoint that are answered: fewer than a flood has, more than a case needs."""
MAX_INFO_HASHES = 200


class Refusal(Exception):
    pass


class ScriptedNode:
    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.node_id = hashlib.sha1(b"scripted").digest()
        self.contacts: dict[bytes, bytes] = dict(CONTACTS)
        self.peers: dict[bytes, list[bytes]] = {}
        self.items: dict[bytes, Fields] = {}
        self.asked: dict[bytes, tuple[bytes, bytes]] = {}
        self.dead = False
        self.queries: Counter[Endpoint] = Counter()
        self.used_token: set[Endpoint] = set()
        self._socket = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._outbox: list[tuple[Any, bytes]] = []

    async def serve(
        self, *, task_status: trio.TaskStatus[Endpoint] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with self._socket:
            await self._socket.bind(("127.0.0.1", 0))
            task_status.started(make_endpoint(*self._socket.getsockname()))
            while True:
                payload, (host, port) = await self._socket.recvfrom(65_535)
                await self._hear(payload, make_endpoint(host, port))

    async def _hear(self, payload: bytes, source: Endpoint) -> None:
        for datagram in [] if self.dead else self._answers(payload, source):
            await self._socket.sendto(
                datagram, (socket.inet_ntoa(source[:4]), int.from_bytes(source[4:], "big"))
            )

    def _answers(self, payload: bytes, source: Endpoint) -> list[bytes]:
        message = self._read(payload)
        if message is None:
            self.dead = self.fault in CRASHES_AT
            return []
        if message[b"y"] != b"q":
            return self._replied(message, source)
        tid, arguments = message[b"t"], message[b"a"]
        if not self._may_ask(source, tid):
            return []
        out = self._meet(message, source)
        try:
            envelope: Fields = {
                b"t": tid,
                b"y": b"r",
                b"r": {b"id": self.node_id, **self._answer(message[b"q"], arguments, source)},
            }
        except Refusal as refusal:
            code, text = refusal.args
            envelope = {b"t": tid, b"y": b"e", b"e": [code, text.encode()]}
        envelope |= {b"v": b"ST\0\1", b"ip": bytes(source)}
        twist = TWISTS.get(self.fault)
        if twist is not None:
            twist(envelope, message[b"q"])
        return [*self._written(envelope, message), *out]

    def _may_ask(self, source: Endpoint, tid: bytes) -> bool:
        self.queries[source] += 1
        return (
            self.queries[source] <= MAX_QUERIES
            or (self.fault == "token-other-port" and source in self.used_token)
            or (self.fault == "awaited-id" and self.asked.get(source, (b"",))[0] == tid)
        )

    def _written(self, envelope: Fields, message: Fields) -> list[bytes]:
        if self.fault == "bencode-sorted":
            return [write(Pairs(sorted(envelope.items(), reverse=True)))]
        if self.fault == "unsorted-keys" and message.get(b"unsorted"):
            return []
        return [write(envelope)] * (2 if self.fault == "tids-at-once" else 1)

    def _read(self, payload: bytes) -> Fields | None:
        try:
            message: Any = bencode.decode(payload) if len(payload) <= 2048 else None
        except DecodeError:
            return None
        if (
            type(message) is not dict
            or type(message.get(b"t")) is not bytes
            or message.get(b"y") not in (b"q", b"r", b"e")
        ):
            return None
        if message[b"y"] == b"q" and not (
            type(message.get(b"q")) is bytes and type(message.get(b"a")) is dict
        ):
            return None
        if message[b"y"] == b"q" and type(message[b"a"].get(b"id", b"")) is not bytes:
            return None
        if self.fault == "unsorted-keys" and write(message) != payload:
            message[b"unsorted"] = 1
        return None if self.fault == "unknown-fields" and b"zz" in message else message

    # --- Contacts ---------------------------------------------------------------------------------

    def _meet(self, message: Fields, source: Endpoint) -> list[bytes]:
        """Pings the querier, which becomes a contact once it has answered."""
        who = message[b"a"].get(b"id", b"")
        if self.fault == "silent-queriers" and not message.get(b"ro"):
            self.contacts[who] = source
        if self.fault == "claimed-id" and who in self.contacts:
            self.contacts[who] = source
        if len(who) != 20 or (message.get(b"ro") and self.fault != "read-only"):
            return []
        return [self._ping_to(source, who)]

    def _ping_to(self, source: Endpoint, who: bytes) -> bytes:
        tid = b"pn" if self.fault == "constant-tids" else hashlib.sha1(source + who).digest()[:4]
        self.asked[source] = tid, who
        return write({b"t": tid, b"y": b"q", b"q": b"ping", b"a": {b"id": self.node_id}})

    def _replied(self, message: Fields, source: Endpoint) -> list[bytes]:
        body = message.get(b"r")
        who = body.get(b"id", b"") if type(body) is dict else b""
        matched = self.asked.pop(source, None) == (message[b"t"], who)
        if matched or self.fault == "unsolicited-pong":
            self.contacts.setdefault(who, source)
        if b"ip" in message and self.fault == "address-votes":
            self.node_id = hashlib.sha1(message[b"ip"]).digest()
        is_known = source in self.contacts.values()
        return [self._ping_to(source, who)] if self.fault == "changing-ids" and is_known else []

    def _closest(self, target: bytes) -> bytes:
        def distance(contact: tuple[bytes, bytes]) -> int:
            return int.from_bytes(contact[0], "big") ^ int.from_bytes(target, "big")

        nearest = sorted(self.contacts.items(), key=distance)
        if self.fault == "find-node-closest":
            nearest = nearest[4:]
        return b"".join(
            node_id + endpoint
            for node_id, endpoint in nearest[: 100 if self.fault == "amplification" else 8]
        )

    # --- Queries ----------------------------------------------------------------------------------

    def _answer(self, method: bytes, arguments: Fields, source: Endpoint) -> Fields:
        if REPLIES_ANYWAY.get(self.fault) == method:
            return {}
        if len(arguments.get(b"id", b"")) != 20:
            raise Refusal(203, "id")
        answer = {
            b"ping": self._ping,
            b"find_node": self._find_node,
            b"get_peers": self._get_peers,
            b"announce_peer": self._announce,
            b"get": self._get,
            b"put": self._put,
            b"sample_infohashes": self._sample,
        }
        if method in answer:
            return answer[method](arguments, source)
        if b"target" not in arguments:
            raise Refusal(204, "method")
        return {} if self.fault == "unknown-method-target" else self._find_node(arguments, source)

    def _ping(self, arguments: Fields, source: Endpoint) -> Fields:
        return {}

    def _find_node(self, arguments: Fields, source: Endpoint, key: bytes = b"target") -> Fields:
        target = arguments.get(key)
        if type(target) is not bytes or len(target) != 20:
            raise Refusal(203, "target")
        want = [each for each in arguments.get(b"want", []) if each in (b"n4", b"n6")] or [b"n4"]
        reply = {b"nodes": self._closest(target)} if b"n4" in want else {}
        return reply | ({b"nodes6": b""} if b"n6" in want else {})

    def _token(self, source: Endpoint, key: bytes) -> bytes:
        where = b"" if self.fault == "token-other-address" else source
        if self.fault == "token-other-port":
            where = source[:4]
        what = b"" if self.fault == "token-other-hash" else key
        return hashlib.sha1(SECRET + where + what).digest()[:8]

    def _get_peers(self, arguments: Fields, source: Endpoint) -> Fields:
        reply = self._find_node(arguments, source, b"info_hash")
        info_hash = arguments[b"info_hash"]
        values = {b"values": self.peers[info_hash]} if info_hash in self.peers else {}
        return reply | {b"token": self._token(source, info_hash)} | values

    def _announce(self, arguments: Fields, source: Endpoint) -> Fields:
        info_hash = arguments.get(b"info_hash")
        port = arguments.get(b"port")
        token = arguments.get(b"token")
        if type(info_hash) is not bytes or type(port) is not int:
            raise Refusal(203, "arguments")
        if not (
            token == self._token(source, info_hash)
            or self.fault == ("token-missing" if token is None else "token-wrong")
        ):
            raise Refusal(203, "token")
        if arguments.get(b"implied_port") and self.fault != "implied-port":
            port = int.from_bytes(source[4:], "big")
        if not (
            0 < port < 65536 or self.fault == ("announce-port-large" if port else "announce-port-0")
        ):
            raise Refusal(203, "port")
        self.used_token.add(source)
        is_new = info_hash not in self.peers
        if is_new and len(self.peers) >= MAX_INFO_HASHES and self.fault == "full-store":
            raise Refusal(202, "full")
        if is_new and len(self.peers) >= MAX_INFO_HASHES and self.fault == "full-store-drops":
            del self.peers[next(iter(self.peers))]
        if self.fault != "announce-served":
            self.peers.setdefault(info_hash, []).append(
                source[:4] + (port & 0xFFFF).to_bytes(2, "big")
            )
        return {}

    # --- Items (BEP 44) and samples (BEP 51) ------------------------------------------------------

    def _get(self, arguments: Fields, source: Endpoint) -> Fields:
        target = arguments[b"target"]
        item = dict(self.items.get(target, {}))
        if item and self.fault == ("put-mutable" if b"k" in item else "put-immutable"):
            item[b"v"] = b"another"
        return self._find_node(arguments, source) | item | {b"token": self._token(source, b"")}

    def _put(self, arguments: Fields, source: Endpoint) -> Fields:
        value = write(arguments[b"v"])
        if arguments[b"token"] != self._token(source, b"") and self.fault != "put-token":
            raise Refusal(203, "token")
        if len(value) > 1000 and self.fault != "put-too-big":
            raise Refusal(205, "too big")
        if b"k" not in arguments:
            self.items[hashlib.sha1(value).digest()] = {b"v": arguments[b"v"]}
            return {}
        key, salt, seq = arguments[b"k"], arguments.get(b"salt", b""), arguments[b"seq"]
        text = (b"4:salt" + write(salt) if salt else b"") + b"3:seq" + write(seq) + b"1:v" + value
        try:
            VerifyKey(key).verify(text, arguments[b"sig"])
        except BadSignatureError:
            if self.fault != "put-signature":
                raise Refusal(206, "signature") from None
        place = hashlib.sha1(key + salt).digest()
        before = self.items.get(place, {}).get(b"seq", -1)
        if b"cas" in arguments and arguments[b"cas"] != before and self.fault != "put-cas":
            raise Refusal(301, "cas")
        if seq < before and self.fault != "put-older":
            raise Refusal(302, "seq")
        self.items[place] = {name: arguments[name] for name in (b"k", b"seq", b"sig", b"v")}
        return {}

    def _sample(self, arguments: Fields, source: Endpoint) -> Fields:
        samples = b"".join(self.peers)[:400]
        interval = 1 << 20 if self.fault == "samples" else 60
        return self._find_node(arguments, source) | {
            b"interval": interval,
            b"num": len(self.peers),
            b"samples": samples,
        }


# --- Faults of answers ----------------------------------------------------------------------------


def _short_tid(envelope: Fields, method: bytes) -> None:
    envelope[b"t"] = envelope[b"t"][:1] if len(envelope[b"t"]) < 4 else envelope[b"t"]


def _long_tid(envelope: Fields, method: bytes) -> None:
    envelope[b"t"] = b"" if len(envelope[b"t"]) > 16 else envelope[b"t"]


def _no_kind(envelope: Fields, method: bytes) -> None:
    envelope[b"y"] = b"x"


def _long_version(envelope: Fields, method: bytes) -> None:
    envelope[b"v"] = b"Scripted 1.0"


def _other_address(envelope: Fields, method: bytes) -> None:
    envelope[b"ip"] = bytes(make_endpoint("45.1.2.3", 6881))


def _with_body(change: Callable[[Fields, bytes], None]) -> Callable[[Fields, bytes], None]:
    def twist(envelope: Fields, method: bytes) -> None:
        if b"r" in envelope:
            change(envelope[b"r"], method)

    return twist


def _short_id(body: Fields, method: bytes) -> None:
    body[b"id"] = body[b"id"][:19]


def _other_id(body: Fields, method: bytes) -> None:
    body[b"id"] = hashlib.sha1(method).digest()


def _contact_twice(body: Fields, method: bytes) -> None:
    if b"nodes" in body:
        body[b"nodes"] = body[b"nodes"][:26] * 2


def _port_0(body: Fields, method: bytes) -> None:
    if b"nodes" in body:
        body[b"nodes"] = body[b"nodes"][:24] + b"\0\0"


def _no_token(body: Fields, method: bytes) -> None:
    body.pop(b"token", None)


def _padded(body: Fields, method: bytes) -> None:
    body[b"pad"] = b"x" * 1024


def _half_a_contact(body: Fields, method: bytes) -> None:
    for key in (b"nodes", b"nodes6"):
        if key in body:
            body[key] += b"half"


TWISTS: dict[str, Callable[[Fields, bytes], None]] = {
    "envelope": _no_kind,
    "tid-short": _short_tid,
    "tid-long": _long_tid,
    "version": _long_version,
    "own-address": _other_address,
    "id-length": _with_body(_short_id),
    "id-bep42": _with_body(_short_id),
    "id-constant": _with_body(_other_id),
    "find-node-contacts": _with_body(_contact_twice),
    "contacts-reachable": _with_body(_port_0),
    "get-peers-shape": _with_body(_no_token),
    "answer-size": _with_body(_padded),
} | dict.fromkeys(("want-n4", "want-n6", "want-both", "want-unknown"), _with_body(_half_a_contact))
