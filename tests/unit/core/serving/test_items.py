"""``get`` and ``put`` (BEP 44) at the serving node: the vectors of the BEP, each refusal, and the
attacks on the store.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kadisc.config import CoreConfig, StoreConfig
from kadisc.core.addressing.policy import AddressPolicy
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
from tests.support.serving import responder_over
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
"""The neutral element: one signature is valid for every message with this key if a library accepts
it."""


class ServingNode:
    """A responder with its tables and stores, and the queries of a test to it."""

    def __init__(self, config: CoreConfig = CONFIG, *, contacts: int = 0) -> None:
        scopes = AddressPolicy(config.allow_private)
        tables = {
            family: RoutingTable(family, OWN_ID + number, config.table, scopes, NoDiversityCaps())
            for number, family in enumerate(Family)
        }
        for number in range(contacts):
            tables[Family.IPV4].offer(contact(number), 0)
        self.counters = Counters()
        self.responder = responder_over(tables, config, scopes, self.counters)
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
        """The code of the error, 0 if the item was stored."""
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
def test_the_vectors_of_bep_44_are_verified_and_stored(
    item: Item, signed: bytes | None, target: str
) -> None:
    assert format_id(item.target) == target
    assert signed is None or item.signed == signed
    assert verify_item(item)
    node = ServingNode()
    assert node.put(item) == 0
    held = node.get(item.target, OTHER).held
    assert held is not None
    assert item_from(held, item.salt) == item


def test_an_item_signed_by_this_node_is_verified() -> None:
    assert verify_item(version(7, salt=b"s"))
    assert not verify_item(replace(version(7, salt=b"s"), salt=b"t"))
    assert not verify_item(replace(version(7), sequence=8))


# --- Refusals -------------------------------------------------------------------------------------


def test_a_wrong_signature_is_refused_with_206_and_counted() -> None:
    node = ServingNode()
    forged = replace(version(1), value=b"1:y")
    assert node.put(forged) == 206
    assert node.put(Item(HELLO, SMALL_ORDER_KEY, b"", 1, SMALL_ORDER_KEY + bytes(32))) == 206
    assert (node.counters.refused["put-signature"], len(node.store)) == (2, 0)


def test_a_lower_sequence_and_an_equal_one_with_another_value_are_refused_with_302() -> None:
    """Attack: an old version, whose signature is valid as well, brings the old value back."""
    node = ServingNode()
    old, new = version(1, b"1:a"), version(2, b"1:b")
    assert [
        node.put(old),
        node.put(new),
        node.put(old),
        node.put(version(2, b"1:c")),
        node.put(new),
    ] == [
        0,
        0,
        302,
        302,
        0,
    ]
    assert node.store.get(new.target, 0) == new
    assert node.counters.refused["put-sequence"] == 2


def test_cas_must_equal_the_stored_sequence() -> None:
    node = ServingNode()
    assert node.put(version(3), cas=2) == 0, "no version is stored yet"
    assert [node.put(version(4), cas=2), node.put(version(4), cas=3)] == [301, 0]


@pytest.mark.parametrize("item", [IMMUTABLE, PLAIN])
def test_nothing_is_stored_without_a_valid_token_for_that_address_and_target(item: Item) -> None:
    node = ServingNode()
    elsewhere, other_target = node.get(item.target, OTHER).token, node.get(SALTED.target).token
    peers_token = node.responder._tokens.make(b"announce", ASKER, item.target, 0)
    for token in (b"", b"x" * 8, elsewhere, other_target, peers_token):
        assert node.put(item, token=token) == 203
    old = node.get(item.target).token
    node.now = 3600.0
    assert node.put(item, token=old) == 203
    assert len(node.store) == 0


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
def test_an_invalid_item_is_refused_with_the_code_of_bep_44(
    changes: dict[bytes, Any], code: int
) -> None:
    with pytest.raises(DecodeError) as refusal:
        krpc.decode(message(SIGNED | changes))
    assert (refusal.value.code, refusal.value.tid) == (code, b"tt")
    assert isinstance(krpc.decode(message(SIGNED)), Put)


@pytest.mark.parametrize("left_out", [b"v", b"k", b"sig", b"seq", b"token"])
def test_a_put_without_a_required_field_is_refused(left_out: bytes) -> None:
    with pytest.raises(DecodeError) as refusal:
        krpc.decode(message({name: value for name, value in SIGNED.items() if name != left_out}))
    assert refusal.value.code == 203


def test_the_largest_value_and_sequence_are_accepted_and_one_more_is_not() -> None:
    assert isinstance(
        krpc.decode(message(SIGNED | {b"v": bytes(996), b"salt": bytes(64), b"seq": 2**63 - 1})),
        Put,
    )
    for name in (b"seq", b"cas"):
        with pytest.raises(DecodeError) as refusal:
            krpc.decode(message(SIGNED | {name: b"#"}).replace(b"1:#", b"i9223372036854775808e"))
        assert (refusal.value.code, refusal.value.tid) == (203, b"tt")


@pytest.mark.parametrize("value", [b"d1:bi1e1:ai2ee", b"ld1:bi1e1:ai2eee"])
def test_a_value_that_is_not_canonical_is_refused_with_203(value: bytes) -> None:
    with pytest.raises(DecodeError) as refusal:
        krpc.decode(message({b"token": b"t", b"v": b"#"}).replace(b"1:#", value))
    assert (refusal.value.code, refusal.value.reason) == (203, "value-not-canonical")
    sorted_one = value.replace(b"1:bi1e1:ai2e", b"1:ai2e1:bi1e")
    read = krpc.decode(message({b"token": b"t", b"v": b"#"}).replace(b"1:#", sorted_one))
    assert isinstance(read, Put)
    assert read.item.value == sorted_one


# --- Answers to get -------------------------------------------------------------------------------


def test_a_get_is_answered_with_a_token_contacts_and_the_stored_value() -> None:
    node = ServingNode(contacts=20)
    nothing = node.get(PLAIN.target)
    assert (nothing.held, len(nothing.nodes or b"")) == (None, 8 * 26)
    node.put(PLAIN)
    reply = node.get(PLAIN.target)
    assert reply.token
    assert reply.held == {b"k": KEY, b"seq": 1, b"sig": PLAIN.signature, b"v": b"Hello World!"}
    assert len(reply.nodes or b"") == 8 * 26
    both = node.get(PLAIN.target, want=frozenset((b"n4", b"n6")))
    assert (both.nodes6, len(both.nodes or b"")) == (b"", 8 * 26)


def test_a_version_that_the_asker_has_is_not_sent_again() -> None:
    node = ServingNode()
    node.put(version(5))
    target = version(5).target
    for known, sent in ((4, True), (5, False), (6, False)):
        held = node.get(target, known=known).held
        assert held is not None
        assert (held[b"seq"], b"v" in held, b"sig" in held) == (5, sent, sent)
    node.put(IMMUTABLE)
    assert node.get(IMMUTABLE.target, known=9).held == {b"v": b"Hello World!"}


@pytest.mark.parametrize("source", [ASKER, ASKER6])
@pytest.mark.parametrize("tid", [b"tt", bytes(64)])
@pytest.mark.parametrize("size", [10, 500, 996])
@pytest.mark.parametrize("sequence", [1, 2**63 - 1])
def test_with_a_value_a_reply_has_at_most_1232_bytes_and_as_many_contacts_as_fit(
    source: Endpoint, tid: bytes, size: int, sequence: int
) -> None:
    node = ServingNode(contacts=20)
    item = version(sequence, bencode.encode(bytes(size)))
    assert node.put(item) == 0
    reply = node.get(item.target, source, tid=tid, want=frozenset((b"n4",)))
    room = 1232 - len(krpc.encode(reply))
    assert room >= 0
    assert reply.held is not None or len(tid) == 64
    assert len(reply.nodes or b"") == 8 * 26 or room < 26 + 24, "every contact that fits is sent"


def test_an_item_expires_after_two_hours_unless_it_is_put_again() -> None:
    node = ServingNode()
    node.put(PLAIN)
    node.now = 7000.0
    assert node.put(PLAIN, OTHER) == 0
    node.now = 14199.0
    assert node.get(PLAIN.target).held is not None
    assert min(store.deadline for store in node.responder.stores) == 14200.0
    node.now = 14200.0
    node.responder.expire(node.now)
    assert (node.get(PLAIN.target).held, len(node.store), node.store.size) == (None, 0, 0)


# --- Attacks --------------------------------------------------------------------------------------

SMALL = replace(CONFIG, store=StoreConfig(max_items=40, items_per_subnet=8, items_per_netgroup=16))


def brute_forced(count: int) -> list[Item]:
    """Immutable items whose targets are next to the own ID."""
    found: list[Item] = []
    number = 0
    while len(found) < count:
        number += 1
        item = Item(b"i%de" % number)
        if item.target ^ OWN_ID < 1 << 152:
            found.append(item)
    return found


@pytest.mark.parametrize("defended", [False, True])
def test_a_flood_from_one_netgroup_evicts_honest_items_only_without_item_shares(
    defended: bool,
) -> None:
    node = ServingNode(
        SMALL if defended else replace(SMALL, defences=without("item_shares").defences)
    )
    honest = [version(1, salt=b"%d" % number) for number in range(20)]
    for number, item in enumerate(honest):
        assert node.put(item, address(number * 40)) == 0
    for number, item in enumerate(brute_forced(60)):
        node.put(item, make_endpoint(f"99.9.{number % 2}.{number + 1}", 1))
    left = sum(node.store.get(item.target, 0) == item for item in honest)
    assert left == (20 if defended else 0)
    assert len(node.store) == (36 if defended else 40)
    if defended:
        assert node.counters.refused["store-subnet"], "its own items give way to better ones"


def test_of_equally_close_items_the_one_put_by_more_netgroups_stays() -> None:
    node = ServingNode(replace(CONFIG, store=StoreConfig(max_items=2)))
    targets = sorted(
        (version(1, salt=b"%d" % number) for number in range(200)),
        key=lambda item: (item.target ^ OWN_ID).bit_length(),
    )
    level = [item for item in targets if (item.target ^ OWN_ID).bit_length() == 159][:3]
    for source in range(0, 4000, 1000):
        assert node.put(level[0], make_endpoint(f"60.{source // 1000}.1.1", 1)) == 0
    assert node.put(level[1]) == 0
    assert node.put(level[2]) == 202, "it ranks no higher than either"
    close = next(item for item in targets if (item.target ^ OWN_ID).bit_length() < 158)
    assert node.put(close) == 0
    assert [node.store.get(item.target, 0) is not None for item in (level[0], level[1], close)] == [
        True,
        False,
        True,
    ]


def checks_during_a_flood(
    config: CoreConfig, monkeypatch: pytest.MonkeyPatch
) -> tuple[int, ServingNode]:
    """10 s of 100 bad puts a second from one /24."""
    checked: list[Item] = []
    monkeypatch.setattr(
        "kadisc.core.serving.item_service.verify_item",
        lambda item: checked.append(item) or verify_item(item),
    )
    node = ServingNode(config)
    for number in range(1000):
        node.now = number / 100
        node.put(
            replace(version(number), value=b"1:y"), make_endpoint(f"99.9.9.{number % 250 + 1}", 1)
        )
    return len(checked), node


def test_a_flood_of_bad_signatures_costs_what_the_budget_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    undefended, _ = checks_during_a_flood(without("signature_budget"), monkeypatch)
    assert undefended == 1000
    checked, node = checks_during_a_flood(CONFIG, monkeypatch)
    assert checked <= CONFIG.store.signature_burst + 10 * CONFIG.store.signatures_per_s
    assert node.counters.refused["put-signature"] == checked
    assert node.counters.refused["put-budget"] == 1000 - checked
    assert node.put(version(1)) == 0, "from another subnet"
    assert node.put(version(1), make_endpoint("99.9.9.1", 1)) == 0, (
        "the stored version is renewed without a check"
    )


def test_a_flood_from_many_subnets_costs_at_most_the_budget_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = ServingNode()
    for number in range(1000):
        node.put(
            replace(version(number), value=b"1:y"),
            make_endpoint(f"99.{number // 250}.{number % 250}.1", 1),
        )
    assert node.counters.refused["put-signature"] == CONFIG.store.all_signatures_burst
