"""What is our own address? Only others can see it (BEP 42 ``ip``), and some of them lie.

The attacks: libtorrent counts votes from replies that match no query, and one packet changes the
address and with it the ID of a fresh node; dozens of votes from one /24 move an established one.
Votes keyed on node IDs are worthless, those are free.

So a vote comes with a matched reply, and each /16 (IPv6 /32) has one. Address and port are counted
apart, because a NAT may keep the one and change the other. The first decision needs
``first_voters`` with ``agreement``: with a quarter of liars who all tell the same lie it is wrong
in 4 of 10,000 cases. After that a dissent only opens a *recount* with votes from then on, which
costs probes to networks that have not voted in it: first 8, and 8 more each time when most of those
that came in dissent as well. A change needs ``change_voters`` with ``agreement``: a recount that
such liars have opened, and whose voters come in one by one, is wrong in 1 of 8 million cases
(computed, and counted, in `sim/vote_count.py`). Lies that never cease can open one in 20 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ...config import AddressConfig

MAX_VOTERS: Final = 512


class Confidence(Enum):
    UNKNOWN = "unknown"
    CONFIGURED = "configured"  # typed, or bound: not put to the vote
    REMEMBERED = "remembered"  # from the last run, until the votes say otherwise
    VOTED = "voted"
    UNSTABLE = "unstable"  # it alternates: the last one stays


@dataclass(frozen=True, slots=True)
class Verdict:
    """``probes``: ask so many other networks now. ``changed``: the address was decided, or decided
    otherwise.
    """

    probes: int = 0
    changed: bool = False


NOTHING_NEW: Final = Verdict()


class Tally:
    """The votes on one question (the address, or the port), one a network, the latest counts. Of
    the networks, the last ``max_voters`` count that said something new. Two plain lists, oldest
    vote first: there are a few dozen of them and hardly ever a new one, and a dict of so many that
    come and go would take six times the memory.
    """

    __slots__ = ("_choices", "_counts", "_max_voters", "_networks")

    def __init__(self, max_voters: int) -> None:
        self._max_voters = max_voters
        self._networks: list[bytes] = []
        self._choices: list[bytes] = []  # of each
        self._counts: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._networks)

    def add(self, network: bytes, choice: bytes) -> bool:
        """Whether that is something new. Nearly always it is not: it repeats itself, or agrees with
        as many as count, who all agree.
        """
        if self.is_unanimous(choice):
            return False
        if network in self._networks:
            place = self._networks.index(network)
            if self._choices[place] == choice:
                return False
            self._forget(place)
        self._networks.append(network)
        self._choices.append(choice)
        self._counts[choice] = self._counts.get(choice, 0) + 1
        if len(self._networks) > self._max_voters:
            self._forget(0)
        return True

    def has_voted(self, network: bytes) -> bool:
        return network in self._networks

    def is_unanimous(self, choice: bytes) -> bool:
        """Whether as many as count agree on it: then one more of them is nothing new."""
        return self._counts.get(choice) == self._max_voters

    def keep_latest(self, max_voters: int) -> None:
        self._max_voters = max_voters
        while len(self._networks) > max_voters:
            self._forget(0)

    def winner(self, voters: int, agreement: float) -> bytes | None:
        """The choice that ``agreement`` of all who voted share, once there are ``voters``."""
        if len(self._networks) < voters:
            return None
        choice = max(self._counts, key=self._counts.__getitem__)
        return choice if self._counts[choice] >= agreement * len(self._networks) else None

    def share(self, choice: bytes) -> float:
        return self._counts.get(choice, 0) / len(self._networks) if self._networks else 0.0

    def _forget(self, place: int) -> None:
        choice = self._choices.pop(place)
        del self._networks[place]
        self._counts[choice] -= 1
        if not self._counts[choice]:
            del self._counts[choice]


class ExternalAddress:
    """Our address in one family, as far as it is known. ``ip`` is 4 or 16 bytes, ``port`` 2."""

    __slots__ = (
        "_changes",
        "_config",
        "_max_voters",
        "_next_recount_at",
        "_ports",
        "_probes_asked",
        "_recount_since",
        "_tally",
        "confidence",
        "ip",
        "port",
        "unanimous",
    )

    def __init__(
        self, config: AddressConfig, ip: bytes | None, port: bytes | None, confidence: Confidence
    ) -> None:
        self.ip = ip
        self.port = port
        self.confidence = confidence
        self.unanimous: bytes | None = None
        """The endpoint that a vote for, whoever it comes from, changes nothing: nearly all votes
        are for it.
        """
        self._config = config
        self._max_voters = 2 * max(
            config.first_voters, config.change_voters
        )  # by then a recount is over
        # The first decision counts all that ever voted: of a window that moves on, chance would
        # make every majority, sooner or later.
        self._tally = Tally(self._max_voters if ip is not None else MAX_VOTERS)
        self._ports = Tally(2 * config.first_voters)
        self._recount_since: float | None = None
        self._probes_asked = 0
        self._next_recount_at = float("-inf")
        self._changes: list[float] = []

    @property
    def voters(self) -> int:
        return len(self._tally)

    @property
    def agreement(self) -> float:
        """The share of the votes that are for what we take our address to be."""
        return self._tally.share(self.ip) if self.ip is not None else 0.0

    def has_voted(self, network: bytes) -> bool:
        """In the count that is under way."""
        return self._tally.has_voted(network)

    def vote(self, network: bytes, ip: bytes, port: bytes, now: float) -> Verdict:
        """A matched reply from ``network`` said that we are at ``ip`` and ``port``."""
        if ip + port == self.unanimous:
            return NOTHING_NEW
        verdict = self._counted(network, ip, port, now)
        self.unanimous = ip + port if self._are_unanimous(ip, port) else None
        return verdict

    def _are_unanimous(self, ip: bytes, port: bytes) -> bool:
        settled = self._recount_since is None and self.confidence is not Confidence.REMEMBERED
        return (
            settled
            and ip == self.ip
            and port == self.port
            and self._tally.is_unanimous(ip)
            and self._ports.is_unanimous(port)
        )

    def _counted(self, network: bytes, ip: bytes, port: bytes, now: float) -> Verdict:
        # Nearly all say the same: one object for all of them.
        ip, port = self.ip if ip == self.ip else ip, self.port if port == self.port else port
        if self._ports.add(network, port):
            self.port = (
                self._ports.winner(self._config.first_voters, self._config.agreement) or self.port
            )
        if self.confidence is Confidence.CONFIGURED:
            self._tally.add(network, ip)  # shown to the operator, decides nothing
            return NOTHING_NEW
        if self.ip is None:
            self._tally.add(network, ip)
            return self._decide(
                self._tally.winner(self._config.first_voters, self._config.agreement), now
            )
        if self._recount_since is None:
            if ip == self.ip:
                self._tally.add(network, ip)
                return self._confirm()
            if now < self._next_recount_at:
                return NOTHING_NEW
            self._recount_since, self._probes_asked, self._tally = now, 0, Tally(self._max_voters)
        self._tally.add(network, ip)
        return self._recount(now)

    def _confirm(self) -> Verdict:
        if (
            self.confidence is Confidence.REMEMBERED
            and self._tally.winner(self._config.first_voters, self._config.agreement) == self.ip
        ):
            self.confidence = Confidence.VOTED
        return NOTHING_NEW

    def _recount(self, now: float) -> Verdict:
        config = self._config
        voters = (
            config.first_voters
            if self.confidence is Confidence.REMEMBERED
            else config.change_voters
        )
        winner = self._tally.winner(voters, config.agreement)
        if winner is not None and winner != self.ip:
            return self._decide(winner, now)
        dissent = 1.0 - self.agreement
        if len(self._tally) >= min(config.probes, voters) and dissent < 0.5:
            self._close_recount(now)
            return NOTHING_NEW
        if (
            len(self._tally) >= 2 * voters
        ):  # so many, and no agreement: it alternates, or lies are many. What we have stays
            self._close_recount(now)
            return NOTHING_NEW
        if (
            dissent >= 0.5
            and len(self._tally) > self._probes_asked * 3 // 4
            and self._probes_asked < 2 * voters
        ):
            self._probes_asked += config.probes
            return Verdict(probes=config.probes)
        return NOTHING_NEW

    def _decide(self, winner: bytes | None, now: float) -> Verdict:
        if winner is None:
            return NOTHING_NEW
        self._changes = [at for at in self._changes if at > now - self._config.unstable_within_s]
        self._close_recount(now)
        if len(self._changes) >= self._config.unstable_after:
            self.confidence = Confidence.UNSTABLE
            return NOTHING_NEW
        if self.ip is not None:
            self._changes.append(now)
        self.ip = winner
        self.confidence = Confidence.VOTED
        self._tally.keep_latest(self._max_voters)
        return Verdict(changed=True)

    def _close_recount(self, now: float) -> None:
        self._recount_since = None
        self._next_recount_at = now + self._config.recount_pause_s
