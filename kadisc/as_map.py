"""The autonomous system of an address, by a map in the format of Bitcoin Core (``asmap``: a file of
some 1.5 MB, made from BGP tables).

The map is a program of four instructions over the bits of an IPv6 address, or of an IPv4 address
mapped into one. It is a serialized tree: JUMP reads a bit, and continues at an offset if it is a 1;
MATCH reads some bits, and ends with the default if they differ from its pattern; DEFAULT sets the
default; RETURN ends. Numbers are written as an exponent in unary and a mantissa; bytes are read
from their lowest bit. (Format: Bitcoin Core, util/asmap.)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

RETURN: Final = 0
JUMP: Final = 1
MATCH: Final = 2
DEFAULT: Final = 3

OPCODE_SIZES: Final = (0, 0, 1)
"""The sizes of the mantissa of an opcode."""
ASN_OPERAND: Final = (1, tuple(range(15, 25)))
OPERANDS: Final = (ASN_OPERAND, (17, tuple(range(5, 31))), (2, tuple(range(1, 9))), ASN_OPERAND)
"""The operand of each instruction: its least value, and the sizes of its mantissa."""

MAX_BYTES: Final = 32 << 20
"""The largest map that is read."""
MAX_STEPS: Final = 512
"""The most instructions for one address: each JUMP or MATCH takes at least one bit of the address,
and a DEFAULT stands before one of them, so no path of a valid map is longer.
"""
ADDRESS_BITS: Final = 128
REMEMBERED: Final = 8192
"""Addresses whose answers are cached: a search takes up to 100 us, and the same hosts are asked for
again and again.
"""
NO_MAP: Final = "this is no AS map, or only a part of one"
_MAPPED: Final = 0xFFFF << 32
"""The prefix of an IPv4 address mapped into IPv6 (::ffff:0:0/96)."""


class AsMap:
    """``asn_of(ip)``, for the 4 or 16 bytes of an address, is the number of its autonomous system;
    0 if the map has none.
    """

    __slots__ = ("_data", "asn_of")

    def __init__(self, data: bytes) -> None:
        """Raises ValueError for data that is not a map. The whole map is not checked, which would
        take seconds; only its end is, because a complete map ends where its last branch ends. An
        address whose branch is broken has no autonomous system.
        """
        if not 0 < len(data) <= MAX_BYTES:
            raise ValueError(f"a map has 1 to {MAX_BYTES:,} bytes, not {len(data):,}")
        self._data = data
        end = self._end_of_last_branch()
        if len(data) - 1 != end - 1 >> 3 or data[-1] >> (end - 1 & 7) > 1:
            raise ValueError(NO_MAP)
        self.asn_of = lru_cache(maxsize=REMEMBERED)(self._asn_of)

    def _asn_of(self, ip: bytes) -> int:
        address = int.from_bytes(ip, "big")
        try:
            return self._follow(_MAPPED | address if len(ip) == 4 else address)
        except ValueError:
            return 0

    def _follow(self, address: int) -> int:
        at = 0
        left = ADDRESS_BITS
        default = 0
        for _ in range(MAX_STEPS):
            opcode, operand, at = self._instruction(at)
            if opcode == RETURN:
                return operand
            if opcode == DEFAULT:
                default = operand
                continue
            # A 1 stands before the bits of a MATCH.
            size = 1 if opcode == JUMP else operand.bit_length() - 1
            left -= size
            if left < 0:
                break
            bits = address >> left & (1 << size) - 1
            if opcode == JUMP:
                at += bits * operand
            elif bits != operand ^ 1 << size:
                return default
        raise ValueError(NO_MAP)

    def _end_of_last_branch(self) -> int:
        """The offset in bits of the end of the map: the branch that takes every JUMP and every
        MATCH is written last.
        """
        at = 0
        for _ in range(MAX_STEPS):
            opcode, operand, at = self._instruction(at)
            if opcode == RETURN:
                return at
            if opcode == JUMP:
                at += operand
        raise ValueError(NO_MAP)

    def _instruction(self, at: int) -> tuple[int, int, int]:
        """Opcode and operand of the instruction at a bit, and the bit where the next one begins."""
        opcode, at = self._number(at, 0, OPCODE_SIZES)
        operand, at = self._number(at, *OPERANDS[opcode])
        return opcode, operand, at

    def _number(self, at: int, value: int, sizes: Sequence[int]) -> tuple[int, int]:
        """The number at a bit, and the bit after it. ``value``: the least that it can be. Each 1 of
        the exponent adds the range of the mantissa size whose turn it is, and moves on to the next
        size; the last size has no exponent bit.
        """
        data = self._data
        last = len(sizes) - 1
        try:
            for index, size in enumerate(sizes):
                if index < last:
                    longer = data[at >> 3] >> (at & 7) & 1
                    at += 1
                    if longer:
                        value += 1 << size
                        continue
                mantissa = 0
                for _ in range(size):
                    mantissa = mantissa << 1 | data[at >> 3] >> (at & 7) & 1
                    at += 1
                return value + mantissa, at
        except IndexError:
            pass
        raise ValueError(NO_MAP)
