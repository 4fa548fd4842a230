"""The queue of contacts that may be worth a place in the table and are not verified yet.

Attack: hundreds of sources that never answer crowd out honest new nodes. Defence: the queue is
bounded, in all, per /24 and per source (`naming_shares.py`). The sources take turns. Which contact
of a source to check next, and which to displace when the queue is full, is drawn at random, so a
flood gets its share of the draws and not the front of the queue.

Attack: reports that all name addresses of one network turn this node into a DDoS amplifier.
Defence: checks in flight are bounded per /24, and an endpoint is not checked again for a while.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from random import Random
from typing import Final, TypeAlias

from ...config import MaintenanceConfig
from ...contacts import Contact
from ...endpoints import Endpoint
from ..addressing.own_subnet import ExtraPlaces, no_extra_places
from ..contract.times import NEVER
from .naming_shares import ASKERS, OWN, NamingRule

SubnetOf: TypeAlias = Callable[[Endpoint], bytes]
MAX_CHECKED: Final = 2048
"""How many endpoints that were checked lately are kept in mind."""


class InFlight:
    """Checks under way: at most ``per_subnet`` per /24 (IPv6 /48), and ``in_all`` altogether.

    A check without an answer makes room for others early (``make_room``) but counts against its
    subnet until it is over: it does not hold up the others, and a host that is named by mistake is
    not queried more often because it does not answer.
    """

    __slots__ = (
        "_counts",
        "_extra",
        "_extra_places",
        "_in_all",
        "_per_subnet",
        "_subnet_of",
        "_under_way",
        "_waited_for",
    )

    def __init__(
        self,
        in_all: int,
        per_subnet: int,
        subnet_of: SubnetOf,
        extra_places: ExtraPlaces = no_extra_places,
    ) -> None:
        self._in_all = in_all
        self._subnet_of = subnet_of
        self._per_subnet = per_subnet
        self._extra_places = extra_places
        self._extra: set[Endpoint] = set()  # beyond the limit of their subnet
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
        if self.is_full:
            return False
        subnet = self._subnet_of(endpoint)
        count = self._counts.get(subnet, 0)
        if count < self._per_subnet:
            self._counts[subnet] = count + 1
        elif len(self._extra) < self._extra_places(endpoint):
            self._extra.add(endpoint)
        else:
            return False
        self._under_way[endpoint] = True
        self._waited_for += 1
        return True

    def make_room(self, endpoint: Endpoint) -> None:
        if self._under_way.get(endpoint):
            self._under_way[endpoint] = False
            self._waited_for -= 1

    def free(self, endpoint: Endpoint) -> None:
        self._waited_for -= self._under_way.pop(endpoint)
        if endpoint in self._extra:
            self._extra.discard(endpoint)
            return
        subnet = self._subnet_of(endpoint)
        self._counts[subnet] -= 1
        if not self._counts[subnet]:
            del self._counts[subnet]


class Candidates:
    """``add`` returns why a contact is not taken, ``draw`` gives one to check now."""

    __slots__ = (
        "_askers_next",
        "_checked",
        "_config",
        "_extra",
        "_extra_places",
        "_in_flight",
        "_length",
        "_next_check_at",
        "_per_subnet",
        "_rng",
        "_shares",
        "_sources",
        "_subnet_of",
        "_waiting",
        "deadline",
    )

    def __init__(
        self,
        config: MaintenanceConfig,
        rng: Random,
        in_flight: InFlight,
        subnet_of: SubnetOf,
        shares: NamingRule,
        extra_places: ExtraPlaces = no_extra_places,
    ) -> None:
        """``extra_places``: beyond ``candidates_per_subnet``, for the subnet of an endpoint."""
        self._config = config
        self._rng = rng
        self._in_flight = in_flight
        self._subnet_of = subnet_of
        self._shares = shares
        self._extra_places = extra_places
        self._extra: set[Endpoint] = set()  # those that wait in extra places
        # By source, with the time from which on each is too old; those of one source unordered, so
        # that a draw takes O(1). The source whose turn it is comes first; askers have every second
        # turn.
        self._waiting: dict[bytes, list[tuple[Contact, float]]] = {}
        self._askers_next = False
        self._length = 0
        self._sources: dict[Endpoint, bytes] = {}  # of those that wait and those being checked
        self._per_subnet: dict[bytes, int] = {}
        self._checked: dict[Endpoint, float] = {}
        self._next_check_at = NEVER
        self.deadline = inf
        """When ``draw`` may give one; inf while the queue is empty or too many checks are under
        way.
        """

    def __len__(self) -> int:
        return self._length

    @property
    def checking(self) -> int:
        return len(self._in_flight)

    @property
    def names_per_answer(self) -> int:
        """How many contacts of one answer may become candidates."""
        return self._shares.names_per_answer

    def add(self, contact: Contact, now: float, source: bytes = OWN) -> str | None:
        """``source``: the endpoint of the node that named the contact, `ASKERS` or `OWN`."""
        endpoint = contact.endpoint
        if endpoint in self._sources:
            return "candidate-known"
        if self._checked.get(endpoint, now) > now:
            return "candidate-checked-lately"
        subnet = self._subnet_of(endpoint)
        is_extra = self._per_subnet.get(subnet, 0) >= self._config.candidates_per_subnet
        if is_extra and (
            self._length >= self._config.max_candidates
            or len(self._extra) >= self._extra_places(endpoint)
        ):
            return "candidate-subnet"
        queue = self._shares.queue_of(source)
        if not self._shares.may_name(source, queue, now):
            return "candidate-source"
        if self._length >= self._config.max_candidates:
            self._displace()
        self._shares.named(source, queue)
        self._sources[endpoint] = source
        if is_extra:
            self._extra.add(endpoint)
        self._put(contact, now + self._config.candidate_lifetime_s, queue)
        self._look_again()
        return None

    def draw(self, now: float, wanted: Callable[[Contact], bool]) -> Contact | None:
        """A random contact to check now that is still wanted; it counts as being checked until
        ``settle``.
        """
        if now < self._next_check_at or self._in_flight.is_full:
            return None
        drawn = None
        for queue in self._turns(now) if self._waiting else ():
            drawn = self._drawn_from(queue, now, wanted)
            if queue in self._waiting and queue != ASKERS:
                self._waiting[queue] = self._waiting.pop(queue)  # the others come first
            if drawn is not None:
                self._askers_next = queue != ASKERS
                break
        self._next_check_at = now + 1.0 / self._config.candidate_checks_per_s
        self._look_again()
        return drawn

    def source_of(self, endpoint: Endpoint) -> bytes:
        """The source of a contact that waits, or is being checked."""
        return self._sources[endpoint]

    def is_doubtful(self, endpoint: Endpoint) -> bool:
        """Whether many contacts of the source of this one, which is being checked, were dead."""
        return self._shares.is_doubtful(self._sources[endpoint])

    def _turns(self, now: float) -> list[bytes]:
        turns = [queue for queue in self._waiting if queue != ASKERS]
        if ASKERS in self._waiting and now >= self._shares.askers_at:
            turns.insert(0 if self._askers_next else 1, ASKERS)
        return turns

    def _drawn_from(
        self, queue: bytes, now: float, wanted: Callable[[Contact], bool]
    ) -> Contact | None:
        while waiting := self._waiting.get(queue):
            contact, too_old_at = self._take(queue, self._rng.randrange(len(waiting)))
            source = self._sources[contact.endpoint]
            if now >= too_old_at or not wanted(contact):
                self._drop(contact.endpoint)
                continue
            if not self._in_flight.take(contact.endpoint):
                self._put(contact, too_old_at, queue)  # its subnet is being checked already
                return None
            self._extra.discard(contact.endpoint)
            self._shares.drawn(source, now)
            return contact
        return None

    def make_room(self, endpoint: Endpoint) -> None:
        """The check goes on, but others no longer wait for it."""
        self._in_flight.make_room(endpoint)
        self._look_again()

    def settle(self, endpoint: Endpoint, now: float, *, answered: bool | None) -> None:
        """The check is over, with or without an answer; None: it could not be sent."""
        if endpoint not in self._in_flight:
            return
        self._in_flight.free(endpoint)
        if answered is None:
            self._drop(endpoint)
        else:
            self._shares.checked(self._sources.pop(endpoint), now, answered=answered)
        self._look_again()
        # An endpoint that answered is not checked again soon either: reports can name it again and
        # again, each time with another ID.
        self._checked.pop(endpoint, None)
        self._checked[endpoint] = now + self._config.recheck_candidate_s
        while self._checked:  # in the order in which they may be checked again
            oldest = next(iter(self._checked))
            if self._checked[oldest] > now and len(self._checked) <= MAX_CHECKED:
                break
            del self._checked[oldest]

    def drop(self, is_unwanted: Callable[[Endpoint], bool]) -> None:
        """Forgets the contacts that wait at such endpoints."""
        for queue in [*self._waiting]:
            for index in range(len(self._waiting[queue]) - 1, -1, -1):
                endpoint = self._waiting[queue][index][0].endpoint
                if is_unwanted(endpoint):
                    self._take(queue, index)
                    self._drop(endpoint)
        self._look_again()

    def forgive(self) -> None:
        """This node was offline: that candidates were silent is not the fault of their sources."""
        self._shares.forgive()
        self._look_again()

    def _look_again(self) -> None:
        if not self._length or self._in_flight.is_full:
            self.deadline = inf
        elif len(self._waiting) == 1 and ASKERS in self._waiting:
            self.deadline = max(self._next_check_at, self._shares.askers_at)
        else:
            self.deadline = self._next_check_at

    def _put(self, contact: Contact, too_old_at: float, queue: bytes) -> None:
        self._waiting.setdefault(queue, []).append((contact, too_old_at))
        self._length += 1
        if contact.endpoint in self._extra:
            return
        subnet = self._subnet_of(contact.endpoint)
        self._per_subnet[subnet] = self._per_subnet.get(subnet, 0) + 1

    def _displace(self) -> None:
        """Drops one contact, drawn at random, of the source of which the most wait."""
        fullest = max(self._waiting, key=lambda queue: len(self._waiting[queue]))
        contact, _ = self._take(fullest, self._rng.randrange(len(self._waiting[fullest])))
        self._drop(contact.endpoint)

    def _drop(self, endpoint: Endpoint) -> None:
        self._extra.discard(endpoint)
        self._shares.dropped(self._sources.pop(endpoint))

    def _take(self, queue: bytes, index: int) -> tuple[Contact, float]:
        waiting = self._waiting[queue]
        waiting[index], waiting[-1] = waiting[-1], waiting[index]
        contact, too_old_at = waiting.pop()
        if not waiting:
            del self._waiting[queue]
        self._length -= 1
        if contact.endpoint in self._extra:
            return contact, too_old_at
        subnet = self._subnet_of(contact.endpoint)
        self._per_subnet[subnet] -= 1
        if not self._per_subnet[subnet]:
            del self._per_subnet[subnet]
        return contact, too_old_at
