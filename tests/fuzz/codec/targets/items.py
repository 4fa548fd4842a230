"""Items (BEP 44), as fields of a message and as rows of a state file."""

from __future__ import annotations

from random import Random
from typing import Any

from kadisc.core.contract.identity import Identity, verify_item
from kadisc.errors import DecodeError
from kadisc.wire import bencode, krpc
from kadisc.wire.items import (
    COMPLAINTS,
    MAX_SALT_BYTES,
    MAX_VALUE_BYTES,
    MAX_VALUE_DEPTH,
    Item,
    depth_of,
    is_canonical,
    item_from,
)
from kadisc.wire.messages import Put, Reply

from ..mutation import bencoded, mutate_bencode
from ..target import Target, require


def check(data: bytes) -> None:
    try:
        fields, is_beyond, _ = bencode.decode_any_int(data)
    except DecodeError:
        return
    if type(fields) is not dict or is_beyond:
        return
    if depth_of(fields.get(b"v")) > MAX_VALUE_DEPTH:
        return  # no message can hold it; a state file can, see `state_rows.py`
    salt: Any = fields.get(b"salt", b"")
    if type(salt) is not bytes or len(salt) > MAX_SALT_BYTES:
        return
    try:
        item = item_from(fields, salt)
    except DecodeError as refusal:
        require(refusal.reason in COMPLAINTS, f"unknown reason {refusal.reason}")
        return
    require(is_canonical(fields[b"v"]), "a value whose keys are not sorted is taken")
    given = {name: fields[name] for name in (b"k", b"seq", b"sig", b"v") if name in fields}
    require(item.key is None or item.fields() == given, f"{item} of {given}")
    _holds(item, salt)


def _holds(item: Item, salt: bytes) -> None:
    require(len(item.value) <= MAX_VALUE_BYTES, "a value of more than 1,000 bytes")
    require(bencode.encode(item.content) == item.value, "a value that is not canonical")
    require(is_canonical(item.content), "a value that is not canonical")
    require(item_from(item.fields(), salt if item.key else b"") == item, "it did not come back")
    require(0 <= item.target < 1 << 160, "a target of more than 160 bits")
    verify_item(item)  # any answer, no exception
    # A node that holds it can send it, and another one reads the same.
    put = Put(b"aaaa", 1, b"token", item)
    require(krpc.decode(krpc.encode(put)) == put, "a put did not come back")
    reply = Reply(b"aaaa", 1, b"", token=b"token", held=item.fields())
    read = krpc.decode(krpc.encode(reply))
    require(isinstance(read, Reply) and read.held == item.fields(), "an answer did not come back")


def seeds() -> list[bytes]:
    rng = Random(3)
    owner = Identity(rng.randbytes(32))
    found: list[dict[bytes, Any]] = [{b"v": b"Hello World!"}, {b"v": {b"a": [1, b"x"], b"b": -7}}]
    for salt in (b"", b"foobar"):
        unsigned = Item(b"12:Hello World!", owner.public_key, salt, 4)
        fields = {b"v": b"Hello World!", b"k": owner.public_key, b"seq": 4, b"salt": salt}
        found.append(fields | {b"sig": owner.sign(unsigned.signed)})
    nested: Any = b""
    for _ in range(7):
        nested = [nested]
    unsorted = b"d1:vd1:bi1e1:ai2eee"
    return [
        unsorted,
        *(bencoded(fields) for fields in (*found, {b"v": nested}, {b"v": b"x" * 990})),
    ]


ITEMS = Target(
    "items",
    "DecodeError alone is raised, with a known reason; an item that is taken is canonical, can be "
    "sent, and is read as the same item",
    check,
    seeds,
    (b"1:vd", b"1:vl", b"3:seqi-1e", b"4:salt0:", b"4:salt65:", b"l" * 8, b"e" * 8),
    mutate_bencode,
    max_bytes=1400,
    intended_s=0.006,
    guided_by=("kadisc.wire",),
    quick_runs=800,
)
