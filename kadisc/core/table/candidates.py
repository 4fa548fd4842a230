"""Who might be worth a place in the table, and has not proved itself yet.

The attacks: sources that never answer, by the hundred, crowd out honest newcomers; and hearsay that
points at one network makes us the attacker's cannon. So the queue is bounded, in all and per /24;
whom to check next, and whom to displace when it is full, is drawn by lot, so that a flood buys its
share of the lots and not the front of the queue; and checks in flight are bounded per /24.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from random import Random
from typing import Final, TypeAlias

from ...config import MaintenanceConfig
from ...contacts import Contact
from ...endpoints import Endpoint

Network: TypeAlias = Callable[[Endpoint], bytes]
MAX_REMEMBERED: Final = 2048


class InFlight:
    """Checks under way: at most ``per_subnet`` per /24 (IPv6 /48), as ``network`` tells them, and
    ``in_all`` altogether.

    A check that stays silent makes room for others early (``make_room``), but counts against its
    network until it is over: the others must not be held up by it, and whoever is knocked at by
    mistake must not be knocked at more often because he does not open.
    """

    __slots__ = ("_counts", "_in_all", "_network", "_per_subnet", "_under_way", "_waited_for")

    def __init__(self, in_all: int, per_subnet: int, network: Network) -> None:
        self._in_all = in_all
        self._network = network
        self._per_subnet = per_subnet
        self._counts: dict[bytes, int] = {}
        self._under_way: dict[Endpoint, bool] = {}  # whether the others wait for it
        self._waited_for = 0

    def __len__(self) -> int:
        return len(self._under_way)

    def __contains__(self, endpoint: Endpoint) -> bool:
        return endpoint in self._under_way

    @property
    def is_full(self) -> bool:
        return self._waited_for >= self._in_all

    def take(self, endpoint: Endpoint) -> bool:
        subnet = self._network(endpoint)
        if self.is_full or self._counts.get(subnet, 0) >= self._per_subnet:
            return False
        self._counts[subnet] = self._counts.get(subnet, 0) + 1
        self._under_way[endpoint] = True
        self._waited_for += 1
        return True

    def make_room(self, endpoint: Endpoint) -> None:
        if self._under_way.get(endpoint):
            self._under_way[endpoint] = False
            self._waited_for -= 1

    def free(self, endpoint: Endpoint) -> None:
        self._waited_for -= self._under_way.pop(endpoint)
        subnet = self._network(endpoint)
        self._counts[subnet] -= 1
        if not self._counts[subnet]:
            del self._counts[subnet]


class Candidates:
    """The bounded queue. ``add`` says why a contact is not taken, ``draw`` gives one to check now."""

    __slots__ = (
        "_checked",
        "_config",
        "_endpoints",
        "_in_flight",
        "_network",
        "_next_check_at",
        "_rng",
        "_subnet",
        "_waiting",
        "deadline",
    )

    def __init__(
        self, config: MaintenanceConfig, rng: Random, in_flight: InFlight, network: Network
    ) -> None:
        self._config = config
        self._rng = rng
        self._in_flight = in_flight
        self._network = network
        self._waiting: list[
            tuple[Contact, float]
        ] = []  # with the time when it is too old; unordered, so that a draw is O(1)
        self._endpoints: dict[Endpoint, None] = {}
        self._subnet: dict[bytes, int] = {}
        self._checked: dict[Endpoint, float] = {}
        self._next_check_at = float("-inf")
        self.deadline = inf
        """When ``draw`` may give one; inf with nobody waiting, and while too many checks are under
        way.
        """

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def checking(self) -> int:
        return len(self._in_flight)

    def add(self, contact: Contact, now: float) -> str | None:
        endpoint = contact.endpoint
        if endpoint in self._endpoints or endpoint in self._in_flight:
            return "candidate-known"
        if self._checked.get(endpoint, now) > now:
            return "candidate-checked-lately"
        subnet = self._network(endpoint)
        if self._subnet.get(subnet, 0) >= self._config.candidates_per_subnet:
            return "candidate-narrow"
        if len(self._waiting) >= self._config.max_candidates:
            self._take(self._rng.randrange(len(self._waiting)))
        self._put(contact, now + self._config.candidate_lifetime_s)
        self._look_again()
        return None

    def draw(self, now: float, wanted: Callable[[Contact], bool]) -> Contact | None:
        """One to check now, drawn by lot, that is still wanted; it counts as being checked until
        ``settle``.
        """
        if now < self._next_check_at or self._in_flight.is_full:
            return None
        drawn = self._drawn(now, wanted)
        self._next_check_at = now + 1.0 / self._config.candidate_checks_per_s
        self._look_again()
        return drawn

    def _drawn(self, now: float, wanted: Callable[[Contact], bool]) -> Contact | None:
        for _ in range(len(self._waiting)):
            contact, too_old_at = self._take(self._rng.randrange(len(self._waiting)))
            if now >= too_old_at or not wanted(contact):
                continue
            if not self._in_flight.take(contact.endpoint):
                self._put(contact, too_old_at)  # its network is being asked already: it waits on
                break
            return contact
        return None

    def make_room(self, endpoint: Endpoint) -> None:
        """The check goes on, but others need not wait for it."""
        self._in_flight.make_room(endpoint)
        self._look_again()

    def settle(self, endpoint: Endpoint, now: float) -> None:
        """The check is over, one way or the other."""
        if endpoint not in self._in_flight:
            return
        self._in_flight.free(endpoint)
        self._look_again()
        # Also one that answered: hearsay can name a stranger's endpoint again and again, each time
        # with another ID, and make us the hammer.
        self._checked.pop(endpoint, None)
        self._checked[endpoint] = now + self._config.recheck_candidate_s
        while self._checked:  # in the order in which they may be checked again
            oldest = next(iter(self._checked))
            if self._checked[oldest] > now and len(self._checked) <= MAX_REMEMBERED:
                break
            del self._checked[oldest]

    def _look_again(self) -> None:
        self.deadline = inf if not self._waiting or self._in_flight.is_full else self._next_check_at

    def _put(self, contact: Contact, too_old_at: float) -> None:
        self._waiting.append((contact, too_old_at))
        self._endpoints[contact.endpoint] = None
        subnet = self._network(contact.endpoint)
        self._subnet[subnet] = self._subnet.get(subnet, 0) + 1

    def _take(self, index: int) -> tuple[Contact, float]:
        self._waiting[index], self._waiting[-1] = self._waiting[-1], self._waiting[index]
        contact, too_old_at = self._waiting.pop()
        del self._endpoints[contact.endpoint]
        subnet = self._network(contact.endpoint)
        self._subnet[subnet] -= 1
        if not self._subnet[subnet]:
            del self._subnet[subnet]
        return contact, too_old_at
