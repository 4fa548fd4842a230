"""Whether the chain node serves, as far as other nodes are told: no I/O and no clock.

A record that offers a service which nobody provides sends every peer of the network to a closed
port. So the service is withdrawn after the chain node was seen down for a while, and offered again
after two good looks: one alone may be of a node that is starting and ends again.
"""

from __future__ import annotations

from typing import Final, Literal

DOWN_S: Final = 60.0
"""How long a chain node is down before its service is withdrawn. A restart takes less."""
GOOD_LOOKS: Final = 2

Change = Literal["withdraw", "renew"]


class Availability:
    """``down_s``: in place of `DOWN_S`."""

    def __init__(self, down_s: float = DOWN_S) -> None:
        self._down_s = down_s
        self._down_since: float | None = None
        self._good = 0

    @property
    def is_down(self) -> bool:
        return self._down_since is not None

    def looked(self, now: float, *, is_up: bool, is_offered: bool) -> Change | None:
        """What is to be done after a look at the chain node. ``is_offered``: whether the record of
        the running node has the service now, which a restart of that node changes too.
        """
        if is_up:
            self._down_since = None
            self._good += 1
            return "renew" if not is_offered and self._good >= GOOD_LOOKS else None
        self._good = 0
        if self._down_since is None:
            self._down_since = now
        return "withdraw" if is_offered and now - self._down_since >= self._down_s else None
