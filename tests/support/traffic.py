"""What nodes of a `World` send, and what their checks of contacts come to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kadisc.core.contract.events import CameOnline, WentOffline
from kadisc.core.table.candidates import Candidates
from kadisc.endpoints import Endpoint
from kadisc.errors import DecodeError
from kadisc.wire import krpc
from kadisc.wire.messages import Query

from .world import Host, World

WINDOW_S = 600.0


def flaps(hosts: Iterable[Host]) -> int:
    """How often the hosts went offline, or came back."""
    return sum(
        isinstance(event, (WentOffline, CameOnline)) for host in hosts for event in host.events
    )


def datagrams_of(world: World, hosts: Iterable[Host], seconds: float) -> int:
    """How many datagrams the hosts send while the world runs on for so long."""
    ours = {host.endpoint for host in hosts}
    before, world.sent = world.sent, []
    world.run(seconds)
    count = sum(source in ours for _, source, _, _ in world.sent)
    world.sent = None if before is None else before + world.sent
    return count


class WatchedCandidates:
    """Stands in for the candidates of a DHT, and remembers what each check came to."""

    def __init__(self, candidates: Candidates) -> None:
        self.checks: list[tuple[float, Endpoint, bool]] = []
        self._candidates = candidates

    def __getattr__(self, name: str) -> Any:
        return getattr(self._candidates, name)

    def __len__(self) -> int:
        return len(self._candidates)

    def settle(self, endpoint: Endpoint, now: float, *, answered: bool | None) -> None:
        if answered is not None:
            self.checks.append((now, endpoint, answered))
        self._candidates.settle(endpoint, now, answered=answered)


def watch_candidates(host: Host) -> WatchedCandidates:
    parts = host.node.dhts[host.family].parts
    watched = WatchedCandidates(parts.candidates)
    parts.candidates = watched  # type: ignore[assignment]
    return watched


@dataclass(frozen=True, slots=True)
class Window:
    """The checks of candidates that were wasted on the dead in a time, and all queries of that time
    that the living answered, whatever they were for.
    """

    since: float
    wasted: int
    useful: int


def wasted_windows(
    world: World, host: Host, watched: WatchedCandidates, *, few: int = 0
) -> list[Window]:
    """An oracle: in no ten minutes more checks of candidates are wasted on endpoints where nobody
    is than there are queries that the living answer. Returns the windows in which it is otherwise.
    ``few`` are allowed in any case: a node may have hardly any contact to query.
    `World.sent` must have been a list all the time. The time of a crash of most nodes, in which
    most checks are wasted for a good reason, is for the caller to leave out.
    """
    useful = [
        at
        for at, source, destination, payload in world.sent or ()
        if source == host.endpoint
        and (there := world.hosts.get(destination)) is not None
        and there.up
        and _is_query(payload)
    ]
    wasted = [at for at, _, answered in watched.checks if not answered]
    began = world.sent[0][0] if world.sent else world.now
    windows = []
    for index, last in enumerate(wasted):
        since = last - WINDOW_S
        dead = index + 1 - bisect_right(wasted, since)
        alive = bisect_right(useful, last) - bisect_right(useful, since)
        if since >= began and dead > max(alive, few):
            windows.append(Window(since, dead, alive))
    return windows


def _is_query(payload: bytes) -> bool:
    try:
        return isinstance(krpc.decode(payload), Query)
    except DecodeError:
        return False
