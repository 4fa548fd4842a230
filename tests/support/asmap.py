"""Writes maps of autonomous systems in the format that `kadisc.as_map` reads."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

Bits = tuple[int, ...]
Tree = int | tuple["Tree | None", "Tree | None"]
"""The number of a system, or the subtrees after a 0 and a 1. A map can express "no system" only by
a match that fails.
"""


def number(value: int, sizes: range | tuple[int, ...]) -> Bits:
    exponent: Bits = ()
    for size in sizes[:-1]:
        if value < 1 << size:
            return (*exponent, 0, *mantissa(value, size))
        exponent, value = (*exponent, 1), value - (1 << size)
    return (*exponent, *mantissa(value, sizes[-1]))


def mantissa(value: int, size: int) -> Bits:
    return tuple(value >> size - 1 - at & 1 for at in range(size))


def jump_over(bits: Bits) -> Bits:
    return (1, 0, *number(len(bits) - 17, range(5, 31)))


def returns(asn: int) -> Bits:
    return (0, *number(asn - 1, range(15, 25)))


def matches(bits: Bits) -> Bits:
    pattern = int("1" + "".join(map(str, bits)), 2)
    return (1, 1, 0, *number(pattern - 2, range(1, 9)))


def written(tree: Tree) -> Bits:
    if isinstance(tree, int):
        return returns(tree)
    zero, one = tree
    if zero is None or one is None:
        passed: Bits = ()
        while isinstance(tree, tuple) and None in tree and len(passed) < 8:
            passed, tree = (*passed, int(tree[0] is None)), tree[tree[0] is None]  # type: ignore[assignment]
        return (*matches(passed), *written(tree))
    first = written(zero)
    return (*jump_over(first), *first, *written(one))


def grown(tree: Tree | None, prefix: str, asn: int) -> Tree:
    if not prefix:
        return asn
    assert not isinstance(tree, int), "a network within another one"
    branches = list(tree or (None, None))
    branches[int(prefix[0])] = grown(branches[int(prefix[0])], prefix[1:], asn)
    return branches[0], branches[1]


def asmap(asns: Mapping[str, int]) -> bytes:
    """The file of a map from networks in CIDR notation, none of them within another."""
    tree: Tree | None = None
    for text, asn in asns.items():
        network = ipaddress.ip_network(text)
        bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
        tree = grown(tree, bits if network.version == 6 else f"{0xFFFF:096b}" + bits, asn)
    assert tree is not None
    bits = written(tree)
    packed = bytearray(-(-len(bits) // 8))
    for at, bit in enumerate(bits):
        packed[at >> 3] |= bit << (at & 7)
    return bytes(packed)
