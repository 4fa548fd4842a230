"""Which contacts are asked to find out whether this node is online.

After a silence of all contacts one is asked: a pulled cable is noticed although nothing else
happens. If contacts that had answered are silent, others are asked before anything is concluded
(`Connectivity`). While the node is offline one contact after the other is asked, at a slow pace,
because the first answer is how the node learns that it is back online.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Final

from ...config import MaintenanceConfig
from ...endpoints import Endpoint
from ..addressing.connectivity import ConnectivityRule, Verdict
from ..addressing.policy import AddressPolicy
from ..contract.times import NEVER
from .bucket import Entry
from .routing_table import RoutingTable

_verified_at: Final = attrgetter("verified_at")
_traffic_at: Final = attrgetter("traffic_at")
OFFLINE_HEARTBEAT_S: Final = 10.0
"""While the node is offline, a contact is asked every so many seconds."""


class LinkMonitor:
    __slots__ = ("_heartbeat_s", "_link", "_scopes", "_table", "heartbeat_at")

    def __init__(
        self,
        config: MaintenanceConfig,
        table: RoutingTable,
        scopes: AddressPolicy,
        connectivity: ConnectivityRule,
    ) -> None:
        self._heartbeat_s = config.heartbeat_s
        self._table = table
        self._scopes = scopes
        self._link = connectivity
        self.heartbeat_at = NEVER
        """When to call ``due``, if there is an entry."""

    @property
    def online(self) -> bool:
        return self._link.online

    def answered(self, now: float) -> bool:
        """A matched reply came. Returns whether the node is back online by it."""
        self.heartbeat_at = now + self._heartbeat_s
        return self._link.answered(now)

    def due(self, now: float) -> Entry | None:
        """The entry to ask after a silence of all contacts: the one that answered longest ago, and
        while the node is offline the one that was asked longest ago.
        """
        if now < self.heartbeat_at or not len(self._table):
            return None
        online = self._link.online
        self.heartbeat_at = now + (self._heartbeat_s if online else OFFLINE_HEARTBEAT_S)
        idle = [
            entry
            for bucket in self._table.buckets()
            for entry in bucket.entries
            if not (entry.checking or entry.inbound)
        ]
        if online:
            alive = [entry for entry in idle if not entry.failures]
            return min(alive or idle, key=_verified_at, default=None)
        return min(idle, key=_traffic_at, default=None)

    def silent(self, entry: Entry, now: float) -> tuple[bool, list[Entry]]:
        """The entry left a query unanswered, or it could not be sent. Returns whether the node is
        offline from now on, and the entries to ask before that can be told.
        """
        others: list[Entry] = []
        if self._link.doubts(now):  # rarely: usually a node answered lately
            others = [each for each in self._table if each is not entry and self._may_answer(each)]
        contact = None if entry.failures else entry.contact.endpoint
        verdict = self._link.silent(contact, len(others), now)
        if verdict is not Verdict.DOUBT:
            return verdict is Verdict.OFFLINE, []
        asked = sum(each.checking for each in others)
        return False, self._to_ask(others, self._link.missing - asked)

    def voters(self, netgroups: int, has_voted: Callable[[bytes], bool]) -> list[Entry]:
        """One entry of each of so many netgroups that have not voted on the own address yet."""
        idle = (each for each in self._table if not each.checking and not each.failures)
        return last_of_each_netgroup(idle, netgroups, self._scopes.voter, has_voted)

    def link_changed(self) -> None:
        self._link.link_changed()

    def cut_off(self) -> bool:
        """The node has no socket any more. Returns whether it was online until now."""
        return self._link.cut_off()

    def _may_answer(self, entry: Entry) -> bool:
        return not entry.failures and not self._link.is_silent(entry.contact.endpoint)

    def _to_ask(self, others: list[Entry], count: int) -> list[Entry]:
        """At most ``count``, of as many netgroups as possible. Half of them are the last that
        answered: after a crash of most nodes these are the survivors. The others are those known
        for longest: contacts of an attacker who wants the node to believe that it is offline are
        new. Those that may be reachable through their own NAT mapping alone come last.
        """
        idle = [each for each in others if not each.checking]
        latest = sorted(idle, key=lambda each: (each.inbound, -each.verified_at))
        longest = sorted(idle, key=lambda each: (each.inbound, each.first_verified_at))
        chosen: dict[Endpoint, Entry] = {}
        netgroups: set[bytes] = set()
        for any_netgroup in (False, True):
            for pair in zip(latest, longest, strict=True):
                for entry in pair:
                    endpoint = entry.contact.endpoint
                    netgroup = self._scopes.netgroup(endpoint)
                    if len(chosen) < count and (any_netgroup or netgroup not in netgroups):
                        netgroups.add(netgroup)
                        chosen[endpoint] = entry
        return list(chosen.values())


def last_of_each_netgroup(
    entries: Iterable[Entry],
    count: int,
    netgroup_of: Callable[[Endpoint], bytes],
    is_excluded: Callable[[bytes], bool],
) -> list[Entry]:
    """At most ``count`` entries, one of each netgroup that is not excluded, those that answered
    last first.
    """
    chosen: dict[bytes, Entry] = {}
    for entry in sorted(entries, key=lambda entry: -entry.verified_at):
        netgroup = netgroup_of(entry.contact.endpoint)
        if not is_excluded(netgroup):
            chosen.setdefault(netgroup, entry)
    return list(chosen.values())[:count]
