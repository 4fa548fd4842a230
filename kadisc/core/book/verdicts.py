"""Verdicts: what the application says of the peers that it was given. They count whatever source
a peer comes from: a slot of the view, the address book, a lookup, a report.

A verdict is noted under the mark of the peer: its key, and if that is not proven, key and endpoint.
So it does not end when a peer leaves the address book, loses its slot or comes back, and not with
the run either.

Attacks: the peers of an attacker serve well for weeks, until only they are selected. And an
attacker that can make honest peers look bad to the application, by slowing them down or through a
bug of it, has them removed, until only its own are left. Defence: a verdict changes how likely a
peer is selected, within bounds and for a time. It removes no peer, and no more than half of the
proven peers are held back at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, Protocol

from ...config import BookConfig
from ...wire.compact import ENDPOINT_SIZES
from ...wire.items import KEY_BYTES
from ..contract.bounded import put_newest
from ..contract.saved_state import SavedVerdict, Verdict
from ..contract.times import NEVER
from ..contract.verified_peer import VerifiedPeer

FEW: Final = 8
"""How many peers may be held back where few are known."""
MAX_JUDGED: Final = 4096
"""Peers whose verdicts are remembered; beyond it the one judged longest ago is forgotten."""
MAX_GOOD: Final = 1 << 31
"""The number of good verdicts that is kept, whatever bound it has elsewhere."""
MAX_LEFT_S: Final = 1e9
"""The longest rest of a pause that is saved, in seconds."""
MARK_BYTES: Final = (KEY_BYTES, *(KEY_BYTES + size for size in ENDPOINT_SIZES))
"""Bytes of a mark: of a key, or of a key and an endpoint."""
VERDICTS: Final[tuple[Verdict, ...]] = ("good", "bad", "busy", "wrong-network")
NOT_FOR_OTHERS: Final = ("bad", "wrong-network")
"""Verdicts for which a peer is not named to other nodes either. A busy one may have a place for
another node.
"""


class VerdictBoundsRule(Protocol):
    @property
    def max_good(self) -> int:
        """How many good verdicts count."""
        ...

    def lasts_s(self, verdict: Verdict) -> float:
        """How long a peer with that verdict is held back; 0 for a good one."""
        ...

    def max_held_back(self, known: int) -> int:
        """How many of so many known peers may be held back at once."""
        ...

    def weight(self, good: int) -> float:
        """How likely a peer with so many good verdicts is selected, compared with one without."""
        ...


class VerdictBounds:
    """Verdicts count up to a bound, and hold back a bounded number of peers for a time."""

    def __init__(self, config: BookConfig) -> None:
        self._config = config

    @property
    def max_good(self) -> int:
        return self._config.max_good

    def lasts_s(self, verdict: Verdict) -> float:
        if verdict == "bad":
            return self._config.bad_s
        if verdict == "wrong-network":
            return self._config.wrong_network_s
        return self._config.busy_s if verdict == "busy" else 0.0

    def max_held_back(self, known: int) -> int:
        return max(FEW, known // 2)

    def weight(self, good: int) -> float:
        return 1.0 + 0.25 * good


@dataclass(slots=True, eq=False)
class Judgement:
    """What the application last said of a peer. ``good``: how many good verdicts count;
    ``held_back_until``: the peer is not selected before.
    """

    verdict: Verdict
    good: int = 0
    held_back_until: float = NEVER

    def counts(self, now: float) -> bool:
        """Whether it still has an effect."""
        return self.good > 0 or now < self.held_back_until


class Verdicts:
    """The one owner of all verdicts. ``len()`` is the number of peers that have one."""

    def __init__(self, bounds: VerdictBoundsRule) -> None:
        self._bounds = bounds
        self._judged: dict[bytes, Judgement] = {}  # by mark, the one judged longest ago first

    def __len__(self) -> int:
        return len(self._judged)

    # --- what the application says ----------------------------------------------------------------

    def judge(
        self, mark: bytes, verdict: Verdict, now: float, known: AbstractSet[bytes] = frozenset()
    ) -> None:
        """Applies a verdict. ``known``: the keys of the peers that are proven, of which a bounded
        share is held back. The last verdict counts: a good one ends a pause.
        """
        judgement = self._judged.get(mark)
        if judgement is None:
            judgement = Judgement(verdict)
            if len(self._judged) >= MAX_JUDGED:
                self._forget_spent(now)
        put_newest(self._judged, mark, judgement, MAX_JUDGED)
        judgement.verdict = verdict
        if verdict == "good":
            judgement.good = min(judgement.good + 1, self._bounds.max_good)
            judgement.held_back_until = NEVER
            return
        if verdict != "busy":
            judgement.good = 0
        until = now + self._bounds.lasts_s(verdict)
        judgement.held_back_until = max(judgement.held_back_until, until)
        self._release(known, now)

    def _forget_spent(self, now: float) -> None:
        for mark in [mark for mark, each in self._judged.items() if not each.counts(now)]:
            del self._judged[mark]

    def _release(self, known: AbstractSet[bytes], now: float) -> None:
        """Ends the pauses of those judged longest ago, where too many of the known peers pause."""
        if not known:
            return
        held_back = [
            judgement
            for mark, judgement in self._judged.items()
            if now < judgement.held_back_until and mark in known
        ]
        for judgement in held_back[
            : max(0, len(held_back) - self._bounds.max_held_back(len(known)))
        ]:
            judgement.held_back_until = now

    # --- what follows from it ---------------------------------------------------------------------

    def of(self, peer: VerifiedPeer) -> Judgement | None:
        """The verdict that counts for a peer. One on a proven key counts wherever a peer claims
        that key; one on an unproven peer at its endpoint, also when it has proven its key there.
        """
        if not self._judged:
            return None
        by_key = self._judged.get(peer.key)
        by_place = self._judged.get(peer.key + peer.endpoint)
        if by_key is None or by_place is None:
            return by_key or by_place
        return by_place if by_place.held_back_until > by_key.held_back_until else by_key

    def holds_back(self, peer: VerifiedPeer, now: float) -> bool:
        """Whether the application is not given the peer now."""
        judgement = self.of(peer)
        return judgement is not None and now < judgement.held_back_until

    def may_name(self, peer: VerifiedPeer, now: float) -> bool:
        """Whether other nodes may be told of the peer, as far as verdicts decide."""
        judgement = self.of(peer)
        return (
            judgement is None
            or now >= judgement.held_back_until
            or judgement.verdict not in NOT_FOR_OTHERS
        )

    def weight(self, peer: VerifiedPeer, now: float) -> float:
        """How likely a peer is selected, compared with a peer without verdicts; 0 for never."""
        judgement = self.of(peer)
        if judgement is None:
            return 1.0
        return 0.0 if now < judgement.held_back_until else self._bounds.weight(judgement.good)

    # --- from run to run --------------------------------------------------------------------------

    def export(self, now: float) -> tuple[SavedVerdict, ...]:
        """Those that still have an effect, the one judged longest ago first."""
        return tuple(
            SavedVerdict(
                mark, each.verdict, each.good, min(max(0.0, each.held_back_until - now), MAX_LEFT_S)
            )
            for mark, each in self._judged.items()
            if each.counts(now)
        )

    def restore(self, saved: Iterable[SavedVerdict], now: float) -> int:
        """Takes up saved verdicts, which a file may have wrong. Returns how many were refused."""
        refused = 0
        for each in saved:
            if not _is_sound(each):
                refused += 1
                continue
            left_s = min(each.held_back_s, self._bounds.lasts_s(each.verdict))
            judgement = Judgement(each.verdict, min(each.good, self._bounds.max_good))
            if left_s > 0.0:
                judgement.held_back_until = now + left_s
            put_newest(self._judged, each.mark, judgement, MAX_JUDGED)
        return refused


def _is_sound(saved: SavedVerdict) -> bool:
    return (
        len(saved.mark) in MARK_BYTES
        and saved.verdict in VERDICTS
        and 0 <= saved.good < MAX_GOOD
        and 0.0 <= saved.held_back_s <= MAX_LEFT_S
    )
