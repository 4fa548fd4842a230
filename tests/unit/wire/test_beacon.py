"""Beacons of the LAN: their bytes, and what is refused."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kadisc.errors import DecodeError
from kadisc.wire.beacon import Beacon, beacon_for, decode_beacon, encode_beacon

TAG = bytes(range(20))
NONCE = bytes(range(100, 108))


def test_the_bytes_are_those_of_the_page() -> None:
    payload = encode_beacon(beacon_for(TAG, NONCE, 6881, asks=True))
    hint = hashlib.blake2b(NONCE + b"\x1a\xe1", key=TAG, digest_size=8).digest()
    assert payload == b"KDl1" + NONCE + hint + b"\x1a\xe1" + b"\x01\x00"


def test_only_nodes_of_the_network_recognize_the_hint() -> None:
    beacon = decode_beacon(encode_beacon(beacon_for(TAG, NONCE, 6881)))
    assert beacon.is_of(TAG)
    assert not beacon.is_of(bytes(20))
    moved = Beacon(beacon.nonce, beacon.hint, 6882)
    assert not moved.is_of(TAG)


@given(
    st.builds(
        Beacon,
        st.binary(min_size=8, max_size=8),
        st.binary(min_size=8, max_size=8),
        st.integers(1, 65_535),
        st.booleans(),
        st.booleans(),
    )
)
def test_what_is_written_is_read(beacon: Beacon) -> None:
    assert decode_beacon(encode_beacon(beacon)) == beacon


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "beacon-length"),
        (b"KDl1" + bytes(19), "beacon-length"),
        (b"KDl1" + bytes(21), "beacon-length"),
        (b"KDl2" + bytes(16) + b"\x1a\xe1\0\0", "beacon-magic"),
        (b"KDl1" + bytes(20), "beacon-port"),
    ],
)
def test_anything_else_is_refused(payload: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as refused:
        decode_beacon(payload)
    assert refused.value.reason == reason


@given(st.binary(max_size=48))
def test_no_bytes_do_anything_but_raise(payload: bytes) -> None:
    try:
        beacon = decode_beacon(payload)
    except DecodeError:
        return
    assert len(payload) == 24
    assert beacon.port > 0
