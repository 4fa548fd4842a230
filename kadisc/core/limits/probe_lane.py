"""Lets the pings of witnesses pass the limits on strangers, while a test of reachability waits for
them.

Attack: a flood from forged addresses uses up the limit on all unproven sources. The pings of
witnesses, which are strangers, are dropped with it; every test of this node fails, for as long as
the flood lasts. Defence: a ping whose transaction ID is the beginning of an outstanding nonce is
let through, once for each nonce. Only the helper and the witness know the nonce; a few are
outstanding at a time.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...wire.envelope import QUERY_MARK, TID_BYTES, tid_near_end

MAX_EXPECTED: Final = 64
"""Outstanding nonces of all families; the owner asks for fewer."""


class ProbeLaneRule(Protocol):
    def expect(self, nonce: bytes) -> None:
        """A test with this nonce has begun."""
        ...

    def forget(self, nonce: bytes) -> None:
        """That test has ended."""
        ...

    def admits(self, payload: bytes) -> bool:
        """Whether a query, not decoded yet, may be read beyond the limits: the first one for each
        outstanding nonce may.
        """
        ...

    def answers(self, nonce: bytes) -> bool:
        """Whether the ping with this nonce is answered beyond the limits: the first one is."""
        ...


class ExpectedPing:
    """The ping with one outstanding nonce."""

    __slots__ = ("is_admitted", "is_answered", "nonce")

    def __init__(self, nonce: bytes) -> None:
        self.nonce = nonce
        self.is_admitted = False
        self.is_answered = False


_NONE: Final[dict[bytes, ExpectedPing]] = {}
"""Stays empty: most nodes of a simulation test nothing at most times."""


class ProbeLane:
    __slots__ = ("_by_tid",)

    def __init__(self) -> None:
        self._by_tid = _NONE
        """By the transaction ID, which is the beginning of the nonce."""

    def __len__(self) -> int:
        return len(self._by_tid)

    def expect(self, nonce: bytes) -> None:
        if self._by_tid is _NONE:
            self._by_tid = {}
        if len(self._by_tid) < MAX_EXPECTED:
            self._by_tid[nonce[:TID_BYTES]] = ExpectedPing(nonce)

    def forget(self, nonce: bytes) -> None:
        self._by_tid.pop(nonce[:TID_BYTES], None)
        if not self._by_tid:
            self._by_tid = _NONE

    def admits(self, payload: bytes) -> bool:
        if not self._by_tid or QUERY_MARK not in payload:
            return False
        tid = tid_near_end(payload)
        expected = self._by_tid.get(tid) if tid is not None else None
        if expected is None or expected.is_admitted:
            return False
        expected.is_admitted = True
        return True

    def answers(self, nonce: bytes) -> bool:
        expected = self._by_tid.get(nonce[:TID_BYTES])
        if expected is None or expected.nonce != nonce or expected.is_answered:
            return False
        expected.is_answered = True
        return True
