"""The external address of this node, decided by votes of other nodes, which alone can see it (BEP
42 ``ip``); some of them lie.

Attacks: libtorrent counts votes from replies that match no query, so that one packet changes the
address, and with it the ID, of a new node; dozens of votes from one /24 move an established one.
Votes counted by node ID are worthless, because node IDs are free.

Defence: a vote comes with a matched reply, and each netgroup (/16, IPv6 /32) has one vote. Address
and port are counted separately, because a NAT may keep one and change the other. The first decision
needs ``first_voters`` with ``agreement``: with a quarter of liars that all tell the same lie it is
wrong in 4 of 10,000 cases. After that a dissenting vote only opens a *recount* of the votes from
then on. A recount probes netgroups that have not voted in it: first 8, and 8 more each time most of
the votes dissent as well. A change needs ``change_voters`` with ``agreement``: a recount that such
liars opened, and whose votes arrive one by one, is wrong in 1 of 8 million cases (computed, and
counted, in `sim/measure/vote_count.py`). Liars that never stop can open one recount in 20 s.

The port is decided by the latest votes, and by a recount of its own: where nearly all agreed on it
and one sees another at the same address, netgroups are asked that have not said so yet. A NAT that
restarts gives another port, and while nobody knows it strangers do not reach the node. So many
votes are needed as the latest ones are, and liars that never stop can open ever fewer.

A change of the own network, as of the addresses of this machine, is a reason of its own to doubt
the address: the votes so far are void, and ``first_voters`` decide again. Attack: such changes can
be forced from outside, as by forged advertisements of a router in the LAN; each would be one more
first decision, of which liars win 4 in 10,000. Defence: once in ``moved_pause_s``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from ...config import AddressConfig
from ..contract.times import NEVER

PORT_PAUSE_S: Final = 60.0
LONGEST_PORT_PAUSE_S: Final = 3600.0
"""The pause between two recounts of the port: it doubles with each one that changed nothing."""
MAX_VOTERS: Final = 512
"""The most votes that are kept before the first decision."""


class Confidence(Enum):
    UNKNOWN = "unknown"
    CONFIGURED = "configured"  # typed or bound by the operator: votes do not change it
    REMEMBERED = "remembered"  # from the last run or network, until the votes decide otherwise
    VOTED = "voted"
    UNSTABLE = "unstable"  # it alternates: the last address stays


UNKNOWN: Final = Confidence.UNKNOWN
CONFIGURED: Final = Confidence.CONFIGURED
REMEMBERED: Final = Confidence.REMEMBERED
"""Read for every vote: see `endpoints.IPV4`."""


@dataclass(frozen=True, slots=True)
class VoteResult:
    """``probes``: how many other netgroups to ask now. ``changed``: whether the address was decided
    for the first time, or changed.
    """

    probes: int = 0
    changed: bool = False


NO_CHANGE: Final = VoteResult()


class Tally:
    """The votes on one question (the address, or the port). Each netgroup has one vote, its latest.
    Only the last ``max_voters`` votes that were new count.
    """

    __slots__ = ("_counts", "_max_voters", "_votes")

    def __init__(self, max_voters: int) -> None:
        self._max_voters = max_voters
        self._votes: dict[bytes, bytes] = {}
        """The choice of each voter, the oldest vote first."""
        self._counts: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._votes)

    def add(self, netgroup: bytes, choice: bytes) -> bool:
        """Counts a vote. Returns whether it is new. Nearly always it is not: the netgroup repeats
        its vote, or all ``max_voters`` votes agree with it.
        """
        if self.is_unanimous(choice):
            return False
        before = self._votes.get(netgroup)
        if before == choice:
            return False
        if before is not None:
            self._forget(netgroup)
        self._votes[netgroup] = choice
        self._counts[choice] = self._counts.get(choice, 0) + 1
        if len(self._votes) > self._max_voters:
            self._forget(next(iter(self._votes)))
        return True

    def has_voted(self, netgroup: bytes) -> bool:
        return netgroup in self._votes

    def votes(self) -> tuple[tuple[bytes, bytes], ...]:
        """Each voter with its choice, the oldest vote first."""
        return tuple(self._votes.items())

    def is_unanimous(self, choice: bytes) -> bool:
        """Whether ``max_voters`` votes are all for ``choice``: one more changes nothing."""
        return self._counts.get(choice) == self._max_voters

    def keep_latest(self, max_voters: int) -> None:
        self._max_voters = max_voters
        while len(self._votes) > max_voters:
            self._forget(next(iter(self._votes)))

    def winner(self, voters: int, agreement: float) -> bytes | None:
        """The choice of at least the share ``agreement`` of the votes; None with fewer votes than
        ``voters``.
        """
        if len(self._votes) < voters:
            return None
        choice = max(self._counts, key=self._counts.__getitem__)
        return choice if self._counts[choice] >= agreement * len(self._votes) else None

    def share(self, choice: bytes) -> float:
        return self._counts.get(choice, 0) / len(self._votes) if self._votes else 0.0

    @property
    def largest_share(self) -> float:
        return max(self._counts.values()) / len(self._votes) if self._votes else 0.0

    def _forget(self, netgroup: bytes) -> None:
        choice = self._votes.pop(netgroup)
        self._counts[choice] -= 1
        if not self._counts[choice]:
            del self._counts[choice]


class ExternalAddress:
    """The external address of this node in one family, as far as it is known. ``ip`` is 4 or 16
    bytes, ``port`` 2; each is None while unknown.
    """

    __slots__ = (
        "_changes",
        "_config",
        "_max_voters",
        "_move_waits",
        "_next_move_at",
        "_next_port_recount_at",
        "_next_recount_at",
        "_port_pause_s",
        "_port_recount",
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
        """An endpoint for which one more vote of any netgroup changes nothing: nearly all votes are
        for it.
        """
        self._config = config
        # A recount is over when it has this many votes.
        self._max_voters = 2 * max(config.first_voters, config.change_voters)
        # The first decision counts all votes so far: in a moving window every majority would occur
        # by chance, sooner or later.
        self._tally = Tally(self._max_voters if ip is not None else MAX_VOTERS)
        self._ports = Tally(2 * config.first_voters)
        self._port_recount: Tally | None = None
        self._next_port_recount_at = NEVER
        self._port_pause_s = PORT_PAUSE_S
        self._recount_since: float | None = None
        self._probes_asked = 0
        self._next_recount_at = NEVER
        self._changes: list[float] = []
        self._next_move_at = NEVER
        self._move_waits = False

    @property
    def voters(self) -> int:
        return len(self._tally)

    @property
    def agreement(self) -> float:
        """The share of the votes that are for ``ip``."""
        return self._tally.share(self.ip) if self.ip is not None else 0.0

    @property
    def port_votes(self) -> tuple[int, float]:
        """How many netgroups said which port they see, and the share of those that see the most
        frequent one.
        """
        return len(self._ports), self._ports.largest_share

    def votes(self) -> tuple[tuple[bytes, bytes], ...]:
        """The netgroups that have voted in the current count, each with the IP that it sees."""
        return self._tally.votes()

    @property
    def is_recounting(self) -> bool:
        """Whether votes are counted anew: one dissents, or the own network changed."""
        return self._recount_since is not None

    def has_voted(self, netgroup: bytes) -> bool:
        """Whether the netgroup has voted in the current count."""
        is_of_address = self._port_recount is None or self._recount_since is not None
        count = self._tally if is_of_address or self._port_recount is None else self._port_recount
        return count.has_voted(netgroup)

    def network_changed(self, now: float) -> int:
        """The own network changed, or the machine was suspended. Returns how many netgroups to ask
        for their votes.
        """
        if self.confidence is CONFIGURED:
            return 0
        if now < self._next_move_at:
            self._move_waits = True
            return 0
        self._doubt(now)
        return self._config.moved_probes

    def _doubt(self, now: float) -> None:
        """Counts anew, as at the start: the votes so far are of another network."""
        config = self._config
        self._move_waits = False
        self._next_move_at = now + config.moved_pause_s
        self._next_recount_at = NEVER
        self._ports = Tally(2 * config.first_voters)
        self._port_recount = None
        self._port_pause_s = PORT_PAUSE_S
        self.unanimous = None
        if self.ip is None:
            self._tally = Tally(MAX_VOTERS)
            return
        self.confidence = Confidence.REMEMBERED
        self._changes.clear()  # it does not alternate: this machine moves
        self._open_recount(now)
        self._probes_asked = config.moved_probes

    def vote(self, netgroup: bytes, ip: bytes, port: bytes, now: float) -> VoteResult:
        """A matched reply from ``netgroup`` said that this node is at ``ip`` and ``port``."""
        if ip + port == self.unanimous:
            return NO_CHANGE
        result = self._count(netgroup, ip, port, now)
        self.unanimous = ip + port if self._are_unanimous(ip, port) else None
        return result

    def _are_unanimous(self, ip: bytes, port: bytes) -> bool:
        settled = self._recount_since is None and self.confidence is not REMEMBERED
        return (
            settled
            and self._port_recount is None
            and ip == self.ip
            and port == self.port
            and self._tally.is_unanimous(ip)
            and self._ports.is_unanimous(port)
        )

    def _count(self, netgroup: bytes, ip: bytes, port: bytes, now: float) -> VoteResult:
        # Nearly all votes are the same: they share one object.
        if ip == self.ip:
            ip = self.ip
        if port == self.port:
            port = self.port
        config = self._config
        port_probes = self._count_port(netgroup, ip, port, now)
        if self.confidence is CONFIGURED:
            self._tally.add(netgroup, ip)  # shown to the operator, decides nothing
            return NO_CHANGE
        if self.ip is None:
            self._tally.add(netgroup, ip)
            return self._decide(self._tally.winner(config.first_voters, config.agreement), now)
        if self._recount_since is None:
            if ip == self.ip:
                self._tally.add(netgroup, ip)
                self._confirm()
                return VoteResult(probes=port_probes) if port_probes else NO_CHANGE
            if now < self._next_recount_at:
                return NO_CHANGE
            self._open_recount(now)
        if self._move_waits and now >= self._next_move_at:
            self._doubt(now)
        self._tally.add(netgroup, ip)
        return self._recount(now)

    def _count_port(self, netgroup: bytes, ip: bytes, port: bytes, now: float) -> int:
        """Returns how many netgroups to ask for their votes."""
        config, ports, recount = self._config, self._ports, self._port_recount
        agreed = self.port is not None and ports.share(self.port) >= config.agreement
        if ports.add(netgroup, port):
            self.port = ports.winner(config.first_voters, config.agreement) or self.port
        if recount is None:
            if not agreed or port == self.port or ip != self.ip or now < self._next_port_recount_at:
                return 0
            self._port_recount = Tally(2 * config.first_voters)
            self._port_recount.add(netgroup, port)
            return config.probes
        if ip != self.ip or not recount.add(netgroup, port):
            return 0
        voters = len(recount)
        dissent = 1.0 - recount.share(self.port) if self.port is not None else 1.0
        if voters >= config.probes and dissent < 0.5:
            self._end_port_recount(now, changed=False)
        elif voters >= 2 * config.first_voters:
            winner = recount.winner(voters, config.agreement)
            if winner is not None:
                self.port, self._ports = winner, recount
            self._end_port_recount(now, changed=winner is not None)
        elif config.probes and voters % config.probes == 0:
            return config.probes
        return 0

    def _end_port_recount(self, now: float, *, changed: bool) -> None:
        self._port_recount = None
        pause_s = PORT_PAUSE_S if changed else self._port_pause_s
        self._next_port_recount_at = now + pause_s
        self._port_pause_s = pause_s if changed else min(2 * pause_s, LONGEST_PORT_PAUSE_S)

    def _confirm(self) -> None:
        if (
            self.confidence is REMEMBERED
            and self._tally.winner(self._config.first_voters, self._config.agreement) == self.ip
        ):
            self.confidence = Confidence.VOTED

    def _recount(self, now: float) -> VoteResult:
        config = self._config
        voters = config.change_voters
        if self.confidence is REMEMBERED:
            voters = config.first_voters
        winner = self._tally.winner(voters, config.agreement)
        if winner is not None and winner != self.ip:
            return self._decide(winner, now)
        dissent = 1.0 - self.agreement
        if len(self._tally) >= min(config.probes, voters) and dissent < 0.5:
            self._close_recount(now)
            return NO_CHANGE
        if len(self._tally) >= 2 * voters:
            # So many votes without agreement: the address alternates, or there are many liars. The
            # address stays.
            self._close_recount(now)
            return NO_CHANGE
        if (
            dissent >= 0.5
            and len(self._tally) > self._probes_asked * 3 // 4
            and self._probes_asked < 2 * voters
        ):
            self._probes_asked += config.probes
            return VoteResult(probes=config.probes)
        return NO_CHANGE

    def _decide(self, winner: bytes | None, now: float) -> VoteResult:
        if winner is None:
            return NO_CHANGE
        self._changes = [at for at in self._changes if at > now - self._config.unstable_within_s]
        self._move_waits = False
        self._close_recount(now)
        if len(self._changes) >= self._config.unstable_after:
            self.confidence = Confidence.UNSTABLE
            return NO_CHANGE
        if self.ip is not None:
            self._changes.append(now)
        self.ip = winner
        self.confidence = Confidence.VOTED
        self._tally.keep_latest(self._max_voters)
        return VoteResult(changed=True)

    def _open_recount(self, now: float) -> None:
        self._recount_since = now
        self._probes_asked = 0
        self._tally = Tally(self._max_voters)

    def _close_recount(self, now: float) -> None:
        self._recount_since = None
        self._next_recount_at = now + self._config.recount_pause_s
