"""A file that maps addresses to autonomous systems."""

from __future__ import annotations

from kadisc.as_map import MAX_BYTES, AsMap
from tests.support.asmap import asmap

from ..target import Target, require

ADDRESSES = (
    *(bytes((first, 1, 2, 3)) for first in (0, 1, 45, 128, 255)),
    *(bytes((first,)) + bytes(15) for first in (0, 0x20, 0x2A, 0xFF)),
    b"\x2a\0" + b"\xff" * 14,
)


def check(data: bytes) -> None:
    try:
        found = AsMap(data)
    except ValueError as error:
        require(bool(str(error)), "an error without a text")
        return
    require(0 < len(data) <= MAX_BYTES, "an empty map is taken")
    for ip in ADDRESSES:
        number = found.asn_of(ip)
        require(0 <= number < 1 << 32, f"AS {number}")


def seeds() -> list[bytes]:
    return [
        asmap({"45.0.0.0/8": 64_500}),
        asmap({"45.1.0.0/16": 1, "45.2.0.0/16": 70_000, "2a00::/12": 4_000_000}),
    ]


AS_MAP = Target(
    "as-map",
    "ValueError alone is raised, for data that is no map; every address has a number, and is found "
    "within a bounded number of steps",
    check,
    seeds,
    max_bytes=200,
    intended_s=0.005,
    guided_by=("kadisc.as_map",),
    quick_runs=800,
)
