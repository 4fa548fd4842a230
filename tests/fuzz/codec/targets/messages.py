"""Datagrams: KRPC messages, by both bencode engines, by the quick path and by the general one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

from kadisc.contacts import Contact
from kadisc.endpoints import Endpoint, Family
from kadisc.errors import DecodeError
from kadisc.wire import bencode, compact, decoding, encoding, envelope, gossip, krpc, usual
from kadisc.wire.items import Item
from kadisc.wire.messages import (
    AnnouncePeer,
    Error,
    FindNode,
    Get,
    GetPeers,
    Gossip,
    InfoHashSamples,
    Knock,
    Message,
    News,
    Ping,
    Put,
    Query,
    Reach,
    ReachResult,
    Reply,
    SampleInfohashes,
    UnknownQuery,
)

from ..mutation import mutate_bencode
from ..target import Target, require

Outcome = tuple[str, Any]


def outcome_of(decode: Callable[[], Any]) -> Outcome:
    """The value, or the reason of the only error that may be raised."""
    try:
        return "value", decode()
    except DecodeError as refusal:
        return "refused", refusal.reason


def check(data: bytes) -> None:
    _engines_agree(data)
    message = _decoded(data)
    if message is not None:
        _survives(message)
        _read_on(message)
    envelope.tid_near_end(data)
    envelope.asker_token_in(data)


def _engines_agree(data: bytes) -> None:
    for allow_slow in (True, False):
        found = [
            outcome_of(partial(engine.decode, data, allow_slow=allow_slow))
            for engine in bencode.ENGINES
        ]
        require(all(each == found[0] for each in found), f"the engines differ: {found}")
        kind, value = found[0]
        if kind == "refused":
            require(value in bencode.REASONS, f"unknown reason {value}")
            continue
        written = [engine.encode(value) for engine in bencode.ENGINES]
        require(all(each == written[0] for each in written), "the engines write differently")
        require(allow_slow or written[0] == data, "accepted as canonical, and not canonical")


def _decoded(data: bytes) -> Message | None:
    """The message; None if it is refused."""
    try:
        message = krpc.decode(data)
    except DecodeError as refusal:
        require(refusal.reason in decoding.DROP_REASONS, f"unknown reason {refusal.reason}")
        require(
            refusal.tid is None or len(refusal.tid) <= envelope.MAX_TID_BYTES, "a long t is echoed"
        )
        if refusal.tid is not None and refusal.code is not None:
            krpc.encode(Error(refusal.tid, refusal.code, refusal.text or ""))
        return None
    quick = outcome_of(lambda: krpc.decode(data, allow_slow=False))
    require(quick in (("value", message), ("refused", "slow-decode-budget")), f"quickly: {quick}")
    slow, _ = krpc.decode_slowly(data)
    require(slow == message, f"slowly: {slow}, else {message}")
    usually = usual.read_query(data)
    if usually is not None:
        general = decoding.message_from(bencode.decode(data))
        require(usually == general, f"the quick path: {usually}, the general one: {general}")
    return message


def _survives(message: Message) -> None:
    """What was read, written and read again means the same."""
    payload = krpc.encode(message)
    for engine in bencode.ENGINES:
        general = engine.encode(encoding.fields_of(message))
        require(general == payload, f"{engine.name} writes {general!r}, not {payload!r}")
    again = krpc.decode(payload, allow_slow=False)
    require(again == _within_bounds(message), f"{message} came back as {again}")


def _within_bounds(message: Message) -> Message:
    """A text that is no UTF-8 becomes longer when it is written, and is cut when it is read."""
    if type(message) is Error:
        raw = message.text.encode("utf-8", "replace")[: decoding.MAX_ERROR_TEXT_BYTES]
        return replace(message, text=raw.decode("utf-8", "replace"))
    return message


def _read_on(message: Message) -> None:
    """What a node reads in a reply that matches one of its queries."""
    if isinstance(message, Reply):
        for raw, family in ((message.nodes, Family.IPV4), (message.nodes6, Family.IPV6)):
            contacts = compact.contacts_from(raw or b"", family)
            require(compact.pack_contacts(contacts) == (raw or b""), "contacts")
        if message.news is not None:
            for raw, family in (
                (message.news.peers, Family.IPV4),
                (message.news.peers6, Family.IPV6),
            ):
                require(gossip.pack_peers(gossip.peers_from(raw, family)) == raw, "peers")
    elif isinstance(message, Put):
        require(len(message.item.value) <= 1000, "an item of more than 1,000 bytes")
    require(len(message.tid) <= envelope.MAX_TID_BYTES, "a long t")
    if isinstance(message, Query):
        require(0 <= message.sender < 1 << 160, "an ID of more than 160 bits")


def sound_messages(rng: Random) -> list[Message]:
    """One message of each kind, with most of its fields."""
    tid, sender, target = rng.randbytes(4), rng.getrandbits(160), rng.getrandbits(160)
    both = frozenset((b"n4", b"n6"))
    here, here6 = Endpoint(rng.randbytes(5) + b"\x01"), Endpoint(rng.randbytes(17) + b"\x01")
    item = Item(b"d1:ai1e1:bl1:xee", rng.randbytes(32), b"salt", 5, rng.randbytes(64))
    record = {
        b"k": rng.randbytes(32),
        b"net": rng.randbytes(20),
        b"s": 7,
        b"sig": rng.randbytes(64),
    }
    nonce, tag, token = rng.randbytes(8), rng.randbytes(20), rng.randbytes(8)
    contacts = compact.pack_contacts([Contact(rng.getrandbits(160), here) for _ in range(2)])
    contacts6 = compact.pack_contacts([Contact(rng.getrandbits(160), here6)])
    queries: list[Message] = [
        Ping(tid, sender, version=b"KD\0\1", read_only=True),
        Ping(tid, sender, nonce, asker_token=token),
        FindNode(tid, sender, target, version=b"LT\1\2", asker_token=token),
        FindNode(tid[:2], sender, target, both),
        GetPeers(tid, sender, target, frozenset((b"n4",)), asker_token=bytes(8)),
        AnnouncePeer(tid, sender, target, 6881, token, True),
        Get(tid, sender, target, 7, both),
        Put(tid, sender, token, item, 4),
        Put(tid, sender, token, Item(b"5:hello")),
        SampleInfohashes(tid, sender, target),
        Gossip(tid, sender, tag, 8, token, record, 20, rng.randbytes(16), here, True),
        Reach(tid, sender, nonce, tag, token, 6881),
        Reach(tid, sender, nonce, tag, token, record=record, tcp_port=30303),
        Knock(tid, sender, nonce, tag, here6, token),
        UnknownQuery(tid, sender, b"vote", target, both),
    ]
    replies: list[Message] = [
        Reply(tid, sender, contacts, contacts6, [here], token, here, b"KD\0\1", asker_token=token),
        Reply(tid, sender, token=token, news=News(record, b"", b"", rng.randbytes(64), True)),
        Reply(tid, sender, token=token, news=News(None, rng.randbytes(27), rng.randbytes(39))),
        Reply(tid, sender, contacts, token=token, held=item.fields()),
        Reply(tid, sender, contacts, samples=InfoHashSamples(60, 2, rng.randbytes(40))),
        Reply(tid, sender, reach=ReachResult(True, here)),
        Reply(tid, sender, reach=ReachResult(tcp=1)),
        Error(tid, 203, "bad", b"KD\0\1", here),
    ]
    return queries + replies


def seeds() -> list[bytes]:
    return [krpc.encode(message) for message in sound_messages(Random(1))]


BENCODE_TOKENS = (
    *(b"d0:0:-5:", b"i-0e", b"i9223372036854775808e", b"le", b"de", b"0:", b"1:y1:q", b"1:t4:aaaa"),
    *(b"i+5e", b"01:x", b"d1:a", b"1:rd2:id20:", b"2:ip6:", b"6:valuesl", b"6:nodes638:", b"e"),
    *(
        b"4:wantl2:n42:n6e",
        b"2:tk8:",
        b"2:roi1e",
        b"5:token",
        b"1:v4:",
        b"1:e",
        b"li201e",
        b"l" * 9,
    ),
)

MESSAGES = Target(
    "messages",
    "DecodeError alone is raised, with a known reason; both engines, and the quick and the general "
    "path, give the same; a message survives encoding and decoding",
    check,
    seeds,
    BENCODE_TOKENS,
    mutate_bencode,
    max_bytes=2048,
    intended_s=0.010,
    guided_by=("kadisc.wire",),
    quick_runs=1500,
)
