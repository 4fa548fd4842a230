"""get and put (BEP 44) as one core serves them: its vectors, each refusal, and the attacks on the
store.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from kadisc.config import CoreConfig, StoreConfig
from kadisc.core.addressing.policy import AddressPolicy
from kadisc.core.assembly import responder_over
from kadisc.core.baselines.table import NoDiversityCaps
from kadisc.core.contract.counters import Counters
from kadisc.core.contract.identity import Identity, signed_item, verify_item
from kadisc.core.table.routing_table import RoutingTable
from kadisc.endpoints import Endpoint, Family, make_endpoint
from kadisc.errors import DecodeError
from kadisc.ids import format_id
from kadisc.wire import bencode, krpc
from kadisc.wire.items import Item, item_from
from kadisc.wire.messages import Error, Get, Put, Reply
from tests.support.contacts import OWN_ID, address6, contact
from tests.support.world import CONFIG, address, without

ASKER, OTHER, ASKER6 = address(9999), address(5000), address6(9999)
KEY = bytes.fromhex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548")
HELLO = b"12:Hello World!"
PLAIN = Item(
    HELLO,
    KEY,
    b"",
    1,
    bytes.fromhex(
        "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01"
    ),
)
SALTED = Item(
    HELLO,
    KEY,
    b"foobar",
    1,
    bytes.fromhex(
        "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17ddf9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08"
    ),
)
IMMUTABLE = Item(HELLO)
OWNER, STRANGER = Identity(bytes(32)), Identity(bytes(31) + b"\1")
SMALL_ORDER_KEY = bytes([1]) + bytes(31)
"""The neutral element: with it one signature holds for every message, where a library lets it."""


class Us:
    """A responder, and a conversation with it."""

    def __init__(self, config: CoreConfig = CONFIG, *, contacts: int = 0) -> None:
        scopes = AddressPolicy(config.allow_private)
        tables = {
            family: RoutingTable(family, OWN_ID + number, config.table, scopes, NoDiversityCaps())
            for number, family in enumerate(Family)
        }
        for number in range(contacts):
            tables[Family.IPV4].offer(contact(number), 0)
        self.counters = Counters()
        self.responder = responder_over(tables, config, random.Random(1), scopes, self.counters, 0)
        self.store = self.responder.items.store
        self.now = 0.0

    def get(
        self,
        target: int,
        source: Endpoint = ASKER,
        *,
        known: int | None = None,
        tid: bytes = b"tt",
        want: frozenset[bytes] | None = None,
    ) -> Reply:
        answer = self.responder.answer(Get(tid, 5, target, known, want), source, self.now)
        assert isinstance(answer, Reply)
        return answer

    def put(
        self,
        item: Item,
        source: Endpoint = ASKER,
        *,
        cas: int | None = None,
        token: bytes | None = None,
    ) -> int:
        """The code of the error, 0 if it was stored."""
        token = self.get(item.target, source).token if token is None else token
        assert token is not None
        answer = self.responder.answer(Put(b"tt", 5, token, item, cas), source, self.now)
        return answer.code if isinstance(answer, Error) else 0


def version(
    sequence: int, value: bytes = b"1:x", salt: bytes = b"", owner: Identity = OWNER
) -> Item:
    return signed_item(owner, value, sequence, salt)


# --- The vectors of BEP 44 ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "signed", "target"),
    [
        (PLAIN, b"3:seqi1e1:v12:Hello World!", "4a533d47ec9c7d95b1ad75f576cffc641853b750"),
        (
            SALTED,
            b"4:salt6:foobar3:seqi1e1:v12:Hello World!",
            "411eba73b6f087ca51a3795d9c8c938d365e32c1",
        ),
        (IMMUTABLE, None, "e5f96f6f38320f0f33959cb4d3d656452117aadb"),
    ],
)
def test_the_vectors_of_bep_44_are_genuine_and_are_stored(
    item: Item, signed: bytes | None, target: str
) -> None:
    assert format_id(item.target) == target
    assert signed is None or item.signed == signed
    assert verify_item(item)
    us = Us()
    assert us.put(item) == 0
    held = us.get(item.target, OTHER).held
    assert held is not None
    assert item_from(held, item.salt) == item


def test_a_version_that_we_sign_ourselves_is_genuine() -> None:
    assert verify_item(version(7, salt=b"s"))
    assert not verify_item(replace(version(7, salt=b"s"), salt=b"t"))
    assert not verify_item(replace(version(7), sequence=8))


# --- What is refused, and how ---------------------------------------------------------------------


def test_a_wrong_signature_is_206_and_is_counted() -> None:
    us = Us()
    forged = replace(version(1), value=b"1:y")
    assert us.put(forged) == 206
    assert us.put(Item(HELLO, SMALL_ORDER_KEY, b"", 1, SMALL_ORDER_KEY + bytes(32))) == 206
    assert (us.counters.refused["put-signature"], len(us.store)) == (2, 0)


def test_a_lower_sequence_is_302_and_so_is_an_equal_one_with_another_value() -> None:
    """The attack: an old version, as genuine as the new one, brings the old value back."""
    us = Us()
    old, new = version(1, b"1:a"), version(2, b"1:b")
    assert [us.put(old), us.put(new), us.put(old), us.put(version(2, b"1:c")), us.put(new)] == [
        0,
        0,
        302,
        302,
        0,
    ]
    assert us.store.get(new.target, 0) == new
    assert us.counters.refused["put-sequence"] == 2


def test_cas_must_be_the_sequence_that_is_there() -> None:
    us = Us()
    assert us.put(version(3), cas=2) == 0, "nothing is there to compare with"
    assert [us.put(version(4), cas=2), us.put(version(4), cas=3)] == [301, 0]


@pytest.mark.parametrize("item", [IMMUTABLE, PLAIN])
def test_nothing_is_stored_without_a_token_of_ours_for_that_address_and_target(item: Item) -> None:
    us = Us()
    elsewhere, other_target = us.get(item.target, OTHER).token, us.get(SALTED.target).token
    peers_token = us.responder._tokens.make(b"announce", ASKER, item.target, 0)
    for token in (b"", b"x" * 8, elsewhere, other_target, peers_token):
        assert us.put(item, token=token) == 203
    old = us.get(item.target).token
    us.now = 3600.0
    assert us.put(item, token=old) == 203
    assert len(us.store) == 0


def message(arguments: dict[bytes, Any]) -> bytes:
    return bencode.encode(
        {b"a": {b"id": bytes(20), **arguments}, b"q": b"put", b"t": b"tt", b"y": b"q"}
    )


SIGNED: dict[bytes, Any] = {
    b"token": b"t",
    b"v": b"x",
    b"k": bytes(32),
    b"sig": bytes(64),
    b"seq": 1,
}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({b"v": bytes(997)}, 205),
        ({b"v": [bytes(500), bytes(500)]}, 205),
        ({b"salt": bytes(65)}, 207),
        ({b"salt": 5}, 203),
        ({b"seq": -1}, 203),
        ({b"seq": b"1"}, 203),
        ({b"cas": -1}, 203),
        ({b"k": bytes(31)}, 203),
        ({b"sig": bytes(65)}, 203),
        ({b"token": 3}, 203),
    ],
)
def test_what_cannot_be_an_item_is_refused_as_bep_44_says(
    changes: dict[bytes, Any], code: int
) -> None:
    with pytest.raises(DecodeError) as refusal:
        krpc.decode(message(SIGNED | changes))
    assert (refusal.value.code, refusal.value.tid) == (code, b"tt")
    assert isinstance(krpc.decode(message(SIGNED)), Put)


@pytest.mark.parametrize("left_out", [b"v", b"k", b"sig", b"seq", b"token"])
def test_what_is_missing_is_missed(left_out: bytes) -> None:
    with pytest.raises(DecodeError) as refusal:
        krpc.decode(message({name: value for name, value in SIGNED.items() if name != left_out}))
    assert refusal.value.code == 203


def test_the_largest_value_and_sequence_are_taken_and_one_more_is_not() -> None:
    assert isinstance(
        krpc.decode(message(SIGNED | {b"v": bytes(996), b"salt": bytes(64), b"seq": 2**63 - 1})),
        Put,
    )
    for name in (b"seq", b"cas"):
        with pytest.raises(DecodeError) as refusal:
            krpc.decode(message(SIGNED | {name: b"#"}).replace(b"1:#", b"i9223372036854775808e"))
        assert (refusal.value.code, refusal.value.tid) == (203, b"tt")


@pytest.mark.parametrize("value", [b"d1:bi1e1:ai2ee", b"ld1:bi1e1:ai2eee"])
def test_a_value_that_is_not_canonical_is_203(value: bytes) -> None:
    with pytest.raises(DecodeError) as refusal:
        krpc.decode(message({b"token": b"t", b"v": b"#"}).replace(b"1:#", value))
    assert (refusal.value.code, refusal.value.reason) == (203, "value-not-canonical")
    sorted_one = value.replace(b"1:bi1e1:ai2e", b"1:ai2e1:bi1e")
    read = krpc.decode(message({b"token": b"t", b"v": b"#"}).replace(b"1:#", sorted_one))
    assert isinstance(read, Put)
    assert read.item.value == sorted_one


# --- What a get brings ----------------------------------------------------------------------------


def test_a_get_brings_a_token_and_contacts_and_the_value_if_there_is_one() -> None:
    us = Us(contacts=20)
    nothing = us.get(PLAIN.target)
    assert (nothing.held, len(nothing.nodes or b"")) == (None, 8 * 26)
    us.put(PLAIN)
    reply = us.get(PLAIN.target)
    assert reply.token
    assert reply.held == {b"k": KEY, b"seq": 1, b"sig": PLAIN.signature, b"v": b"Hello World!"}
    assert len(reply.nodes or b"") == 8 * 26
    both = us.get(PLAIN.target, want=frozenset((b"n4", b"n6")))
    assert (both.nodes6, len(both.nodes or b"")) == (b"", 8 * 26)


def test_a_version_that_the_asker_has_is_not_sent_again() -> None:
    us = Us()
    us.put(version(5))
    target = version(5).target
    for known, sent in ((4, True), (5, False), (6, False)):
        held = us.get(target, known=known).held
        assert held is not None
        assert (held[b"seq"], b"v" in held, b"sig" in held) == (5, sent, sent)
    us.put(IMMUTABLE)
    assert us.get(IMMUTABLE.target, known=9).held == {b"v": b"Hello World!"}


@pytest.mark.parametrize("source", [ASKER, ASKER6])
@pytest.mark.parametrize("tid", [b"tt", bytes(64)])
@pytest.mark.parametrize("size", [10, 500, 996])
@pytest.mark.parametrize("sequence", [1, 2**63 - 1])
def test_with_a_value_a_reply_has_at_most_1232_bytes_and_contacts_as_there_is_room(
    source: Endpoint, tid: bytes, size: int, sequence: int
) -> None:
    us = Us(contacts=20)
    item = version(sequence, bencode.encode(bytes(size)))
    assert us.put(item) == 0
    reply = us.get(item.target, source, tid=tid, want=frozenset((b"n4",)))
    room = 1232 - len(krpc.encode(reply))
    assert room >= 0
    assert reply.held is not None or len(tid) == 64
    assert len(reply.nodes or b"") == 8 * 26 or room < 26 + 24, (
        "no contact is left out that has room"
    )


def test_an_item_is_forgotten_after_two_hours_unless_it_is_put_again() -> None:
    us = Us()
    us.put(PLAIN)
    us.now = 7000.0
    assert us.put(PLAIN, OTHER) == 0
    us.now = 14199.0
    assert us.get(PLAIN.target).held is not None
    assert min(store.deadline for store in us.responder.stores) == 14200.0
    us.now = 14200.0
    us.responder.expire(us.now)
    assert (us.get(PLAIN.target).held, len(us.store), us.store.size) == (None, 0, 0)


# --- Attacks --------------------------------------------------------------------------------------

SMALL = replace(CONFIG, store=StoreConfig(max_items=40, items_per_subnet=8, items_per_netgroup=16))


def ground(count: int) -> list[Item]:
    """Immutable items whose targets lie next to our ID."""
    found: list[Item] = []
    number = 0
    while len(found) < count:
        number += 1
        item = Item(b"i%de" % number)
        if item.target ^ OWN_ID < 1 << 152:
            found.append(item)
    return found


@pytest.mark.parametrize("defended", [False, True])
def test_a_flood_from_one_prefix_pushes_honest_items_out_only_without_shares(
    defended: bool,
) -> None:
    us = Us(SMALL if defended else replace(SMALL, defences=without("item_shares").defences))
    honest = [version(1, salt=b"%d" % number) for number in range(20)]
    for number, item in enumerate(honest):
        assert us.put(item, address(number * 40)) == 0
    for number, item in enumerate(ground(60)):
        us.put(item, make_endpoint(f"99.9.{number % 2}.{number + 1}", 1))
    left = sum(us.store.get(item.target, 0) == item for item in honest)
    assert left == (20 if defended else 0)
    assert len(us.store) == (36 if defended else 40)
    if defended:
        assert (
            us.counters.refused["store-subnet"] + us.counters.refused.get("store-wide", 0)
            == 60 - 16
        )


def test_of_items_equally_close_the_one_that_more_networks_put_stays() -> None:
    us = Us(replace(CONFIG, store=StoreConfig(max_items=2)))
    targets = sorted(
        (version(1, salt=b"%d" % number) for number in range(200)),
        key=lambda item: (item.target ^ OWN_ID).bit_length(),
    )
    level = [item for item in targets if (item.target ^ OWN_ID).bit_length() == 159][:3]
    for source in range(0, 4000, 1000):
        assert us.put(level[0], make_endpoint(f"60.{source // 1000}.1.1", 1)) == 0
    assert us.put(level[1]) == 0
    assert us.put(level[2]) == 202, "worth no more than either"
    close = next(item for item in targets if (item.target ^ OWN_ID).bit_length() < 158)
    assert us.put(close) == 0
    assert [us.store.get(item.target, 0) is not None for item in (level[0], level[1], close)] == [
        True,
        False,
        True,
    ]


def checks_during_a_flood(config: CoreConfig, monkeypatch: pytest.MonkeyPatch) -> tuple[int, Us]:
    """10 s of 100 bad puts a second from one /24."""
    checked: list[Item] = []
    monkeypatch.setattr(
        "kadisc.core.serving.item_service.verify_item",
        lambda item: checked.append(item) or verify_item(item),
    )
    us = Us(config)
    for number in range(1000):
        us.now = number / 100
        us.put(
            replace(version(number), value=b"1:y"), make_endpoint(f"99.9.9.{number % 250 + 1}", 1)
        )
    return len(checked), us


def test_a_flood_of_bad_signatures_costs_what_the_budget_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    undefended, _ = checks_during_a_flood(without("signature_budget"), monkeypatch)
    assert undefended == 1000
    checked, us = checks_during_a_flood(CONFIG, monkeypatch)
    assert checked <= CONFIG.store.signature_burst + 10 * CONFIG.store.signatures_per_s
    assert us.counters.refused["put-signature"] == checked
    assert us.counters.refused["put-budget"] == 1000 - checked
    assert us.put(version(1)) == 0, "from another network"
    assert us.put(version(1), make_endpoint("99.9.9.1", 1)) == 0, (
        "what is here already costs no check"
    )


def test_from_many_networks_too(monkeypatch: pytest.MonkeyPatch) -> None:
    us = Us()
    for number in range(1000):
        us.put(
            replace(version(number), value=b"1:y"),
            make_endpoint(f"99.{number // 250}.{number % 250}.1", 1),
        )
    assert us.counters.refused["put-signature"] == CONFIG.store.all_signatures_burst
