"""IDs: 160-bit ints in the program, 20 bytes on the wire, 40 hex digits in text."""

from __future__ import annotations

import random

import pytest

from kadisc.ids import (
    ID_SPACE,
    format_id,
    id_from_bytes,
    id_to_bytes,
    parse_id,
    random_id,
    random_id_in_bucket,
    shared_prefix_bits,
)


def test_an_id_on_the_wire_has_20_bytes_big_endian() -> None:
    assert id_from_bytes(bytes(19) + b"\1") == 1
    assert id_to_bytes(1) == bytes(19) + b"\1"
    for size in (0, 19, 21):
        with pytest.raises(ValueError, match="20 bytes"):
            id_from_bytes(bytes(size))


def test_an_id_in_text_has_40_hex_digits_of_either_case() -> None:
    assert format_id(0xAB) == "0" * 38 + "ab"
    assert parse_id("0" * 38 + "aB") == 0xAB
    for bad in (
        "",
        "ab",
        "0" * 39,
        "0" * 41,
        "0" * 39 + "g",
        "0x" + "0" * 38,
        "+" + "0" * 39,
        "0" * 38 + "_1",
        " " + "0" * 39,
        "٠" * 40,
    ):
        with pytest.raises(ValueError, match="40 hex digits"):
            parse_id(bad)


def test_the_bucket_of_an_id_is_the_number_of_leading_bits_that_it_shares() -> None:
    top = 1 << 159
    assert shared_prefix_bits(0, top) == 0
    assert shared_prefix_bits(top, top | 1) == 159
    assert shared_prefix_bits(top, top) == 160


@pytest.mark.parametrize("index", [0, 1, 80, 158, 159])
def test_a_random_id_in_a_bucket_is_in_that_bucket(index: int) -> None:
    rng = random.Random(1)
    own_id = random_id(rng)
    ids = [random_id_in_bucket(own_id, index, rng) for _ in range(50)]
    assert {shared_prefix_bits(own_id, each) for each in ids} == {index}
    assert len(set(ids)) == (50 if index < 100 else min(50, 1 << (159 - index)))


def test_random_ids_are_spread_over_the_whole_space() -> None:
    rng = random.Random(1)
    ids = [random_id(rng) for _ in range(400)]
    assert all(0 <= each < ID_SPACE for each in ids)
    assert 150 < sum(each >> 159 for each in ids) < 250
