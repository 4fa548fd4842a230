"""``state.sqlite3`` as any bytes: a file that was torn, edited or planted.

An input that begins as a database does is the file; any other one is a list of changes of a sound
file: two bytes of place, one of length, and the new bytes.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache

from kadisc.net.state.damage import DamagedState, NewerState
from kadisc.net.state.state_file import KeptState, decode_state, encode_state
from kadisc.wire import krpc
from kadisc.wire.messages import Put

from ..sound_state import sound_state
from ..target import Target, require

MAGIC = b"SQLite format 3\0"
PAGE_BYTES = 512


@cache
def small_file() -> bytes:
    """The file of a sound state, in the smallest pages."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.deserialize(encode_state(sound_state()))
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute("VACUUM")
        return database.serialize()


def image_of(data: bytes) -> bytes:
    if data.startswith(MAGIC):
        return data
    image = bytearray(small_file())
    at = 0
    while at + 3 <= len(data):
        place = int.from_bytes(data[at : at + 2], "big") % len(image)
        length = data[at + 2] % 17
        if length == 16:  # the file ends here
            del image[max(place, 1) :]
        else:
            new = data[at + 3 : at + 3 + length]
            image[place : place + len(new)] = new
        at += 3 + length
    return bytes(image)


def check(data: bytes) -> None:
    check_image(image_of(data))
    if not data.startswith(MAGIC):
        check_image(MAGIC + data)


def check_image(image: bytes) -> KeptState | None:
    """Whether the bytes of a file are read, or refused as damaged."""
    try:
        state = decode_state(image)
    except NewerState:
        return None
    except DamagedState as damage:
        require(str(damage).isprintable(), f"control characters in {str(damage)!r}")
        return None
    again = decode_state(encode_state(state))
    require(again.left_out == 0, f"{again.left_out} entries that were read cannot be read again")
    state.left_out = 0
    for item in (each for items in state.published.values() for each in items):
        put = Put(b"aaaa", 1, b"token", item)
        require(krpc.decode(krpc.encode(put)) == put, "a published item cannot be sent")
    require(again == state, f"{state} came back as {again}")
    return state


def seeds() -> list[bytes]:
    places = (0, 16, 18, 28, 44, 52, 56, 60, 68, 92, 100, 105, 512, 1024, 1536, 2048, 4096)
    changes = [place.to_bytes(2, "big") + b"\x04\xff\0\x01\x80" for place in places]
    cuts = [place.to_bytes(2, "big") + b"\x10" for place in (1, 99, 512, 3000)]
    return [b"", *changes, *cuts, b"".join(changes[-4:])]


STATE_FILE = Target(
    "state-file",
    "DamagedState and NewerState alone are raised; what was read is written, and reads the same",
    check,
    seeds,
    (b"table", b"view", b"\xff\xff\x10", b"CREATE", b"\0\x12\x02\2\2"),
    max_bytes=512,
    intended_s=0.04,
    guided_by=("kadisc.net.state", "kadisc.observe", "kadisc.wire"),
    quick_runs=120,
)
