"""What a phase of a run took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a phase of the run. ``datagrams`` were delivered to a node; ``sent`` includes
    those that were lost.
    """

    virtual_s: float
    wall_s: float
    datagrams: int
    sent: int
    sent_bytes: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.virtual_s + other.virtual_s,
            self.wall_s + other.wall_s,
            self.datagrams + other.datagrams,
            self.sent + other.sent,
            self.sent_bytes + other.sent_bytes,
        )
