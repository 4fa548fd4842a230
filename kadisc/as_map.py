"""Which autonomous system an address is in, as a map of Bitcoin Core's says (``asmap``: a file of
some 1.5 MB, made from BGP tables).

The map is a program of four instructions over the bits of an IPv6 address, or of an IPv4 address
mapped into one. It is a tree that was written down: JUMP reads a bit, and goes on elsewhere if it
is a 1; MATCH reads some bits, and ends with the default if they are others; DEFAULT sets that;
RETURN ends. Numbers are written as an exponent in unary and a mantissa, bytes are read from their
lowest bit. (Format: Bitcoin Core, util/asmap.)
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
SYSTEMS: Final = 1, tuple(range(15, 25))
OPERANDS: Final = (SYSTEMS, (17, tuple(range(5, 31))), (2, tuple(range(1, 9))), SYSTEMS)
"""Of each instruction: the least that its number can be, and the sizes of its mantissa."""

MAX_BYTES: Final = 32 << 20
MAX_STEPS: Final = 512
"""A jump or a match takes a bit of the address at least, and a default stands before one of them:
no honest path is longer.
"""
ADDRESS_BITS: Final = 128
REMEMBERED: Final = 8192
"""Addresses whose answers are kept: a look takes up to 100 us, and the same hosts come again and
again.
"""
NO_MAP: Final = "this is no AS map, or only a part of one"
_MAPPED: Final = 0xFFFF << 32


class AsMap:
    """``asn_of(ip)``, for the 4 or 16 bytes of an address, is the number of its system, 0 where the
    map knows of none.
    """

    __slots__ = ("_data", "asn_of")

    def __init__(self, data: bytes) -> None:
        """Raises ValueError for what is no map. Not all of it is looked at, which would take
        seconds, but where it ends: nothing else ends where its last branch does. An address whose
        branch turns out to be broken is in no system.
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
        at, left, default = 0, ADDRESS_BITS, 0
        for _ in range(MAX_STEPS):
            opcode, operand, at = self._instruction(at)
            if opcode == RETURN:
                return operand
            if opcode == DEFAULT:
                default = operand
                continue
            size = (
                1 if opcode == JUMP else operand.bit_length() - 1
            )  # a 1 stands before the bits of a match
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
        """Where its bits end: the branch of whoever always jumps and always matches was written
        last.
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
        """Opcode and operand of the one at that bit, and where the next one begins."""
        opcode, at = self._number(at, 0, OPCODE_SIZES)
        operand, at = self._number(at, *OPERANDS[opcode])
        return opcode, operand, at

    def _number(self, at: int, value: int, sizes: Sequence[int]) -> tuple[int, int]:
        """The number at that bit, and where the next one begins. Each 1 of the exponent means that
        it is beyond all that a mantissa of the size then in turn can say; the last size needs no
        bit to say that it is meant.
        """
        data, last = self._data, len(sizes) - 1
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
