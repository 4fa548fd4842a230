"""One question to a router: by PCP, beside it by NAT-PMP, and by UPnP where the operator allows it,
until one of them grants it or all have failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Final, Protocol

import trio

from ...endpoints import Family
from . import natpmp, pcp
from .epoch import RouterEpoch
from .results import (
    DOUBLE_NAT,
    SILENT,
    UNREACHABLE,
    Grant,
    MappingRequest,
    Refusal,
    UnusableAnswer,
)
from .router_access import GatewayPort, Location, RouterAccess, unreachable_words

OFFSETS_S: Final = (0.0, 0.25, 0.75, 1.75, 3.75)
"""When a request is sent, from the first time on."""
WINDOW_S: Final = 7.75
"""Until when an answer is awaited. Grants take a few milliseconds, and nearly a second where a
router searches for a port that is free.
"""
NATPMP_AFTER_S: Final = 0.5
UPNP_AFTER_S: Final = 1.5
_ADDRESS_WAIT_S: Final = 0.25
"""So long NAT-PMP's answer on the address is awaited after the grant."""
MAX_USELESS: Final = 100
"""After so many datagrams that are no answers a question ends: a router that floods is not read."""

UPNP: Final = "upnp"
Outcome = Grant | Refusal


class UpnpAccess(Protocol):
    """UPnP, as it is used where the operator allows it. It raises nothing."""

    async def ask(self, location: Location, request: MappingRequest) -> Outcome:
        """Makes or renews a mapping."""

    async def delete(self, location: Location, request: MappingRequest) -> None:
        """Ends a mapping."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of which router. ``nonce``: of PCP."""

    location: Location
    request: MappingRequest
    nonce: bytes


class RouterAsker:
    """Asks routers. ``upnp``: None where it is not used. ``lost``: called with a location whose
    router has begun to count anew, and may have forgotten all of its mappings.
    """

    def __init__(
        self,
        access: RouterAccess,
        upnp: UpnpAccess | None,
        lost: Callable[[Location], None],
        now: Callable[[], float],
    ) -> None:
        self.counters: Counter[str] = Counter()
        """How often each thing has happened, by name."""
        self._access = access
        self._upnp = upnp
        self._lost = lost
        self._now = now
        self._epochs: dict[tuple[str, str], RouterEpoch] = {}

    def forget_epochs(self) -> None:
        """After a change of network: what counts there is another router."""
        self._epochs.clear()

    async def ask(self, question: Question) -> Outcome:
        """The first grant; if there is none, the refusal that tells most. Takes as long as
        `WINDOW_S`, longer only while UPnP is asked.
        """
        refusals: list[Refusal] = []
        grants: list[Grant] = []
        other_version = trio.Event()
        is_ipv4 = question.location.family is Family.IPV4
        deadline = trio.current_time() + WINDOW_S

        def took(outcome: Outcome) -> None:
            if isinstance(outcome, Grant):
                grants.append(outcome)
                nursery.cancel_scope.cancel()
                return
            refusals.append(outcome)
            if outcome.method == pcp.METHOD and outcome.code == "version":
                other_version.set()

        async def by_pcp() -> None:
            took(await _until(deadline, self.by_pcp, question, pcp.METHOD))

        async def by_natpmp() -> None:
            with trio.move_on_after(NATPMP_AFTER_S):
                await other_version.wait()
            took(await _until(deadline, self.by_natpmp, question, natpmp.METHOD))

        async def by_upnp(upnp: UpnpAccess) -> None:
            await trio.sleep(UPNP_AFTER_S)
            took(await upnp.ask(question.location, question.request))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(by_pcp)
            if is_ipv4:
                nursery.start_soon(by_natpmp)
                if self._upnp is not None:
                    nursery.start_soon(by_upnp, self._upnp)
        outcome: Outcome = grants[0] if grants else max(refusals, key=_weight)
        self._count(outcome)
        return outcome

    async def again(self, question: Question, method: str) -> Outcome:
        """Renews a mapping by the method that granted it."""
        if method == pcp.METHOD:
            outcome = await self.by_pcp(question)
        elif method == natpmp.METHOD:
            outcome = await self.by_natpmp(question)
        else:
            assert self._upnp is not None
            outcome = await self._upnp.ask(question.location, question.request)
        self._count(outcome)
        return outcome

    async def by_pcp(self, question: Question) -> Outcome:
        """Asks by PCP alone."""
        request, nonce = question.request, question.nonce
        payload = pcp.map_request(request, question.location.source, nonce)

        def read(answer: bytes) -> Outcome | None:
            found = pcp.read_answer(answer, request, nonce)
            if found.epoch is not None:
                self._note_epoch(question.location, pcp.METHOD, found.epoch)
            return found.outcome

        return await self._exchange(question.location, pcp.METHOD, (payload,), read)

    async def by_natpmp(self, question: Question) -> Outcome:
        """Asks by NAT-PMP alone, for the mapping and for the external address."""
        request = question.request
        ip: bytes | None = None
        has_address = trio.Event()
        payloads = (natpmp.ADDRESS_REQUEST, natpmp.map_request(request))

        def read(answer: bytes) -> Outcome | None:
            nonlocal ip
            found = natpmp.read_answer(answer, request)
            if isinstance(found, natpmp.AddressAnswer):
                ip = found.ip
                has_address.set()
                return None
            if found.epoch is not None:
                self._note_epoch(question.location, natpmp.METHOD, found.epoch)
            return found.outcome

        outcome = await self._exchange(
            question.location, natpmp.METHOD, payloads, read, has_address
        )
        return replace(outcome, external_ip=ip) if isinstance(outcome, Grant) else outcome

    async def delete(self, question: Question, method: str, within_s: float) -> None:
        """Asks the router to end a mapping, and waits for its answer for at most so long."""
        if self._upnp is not None and method == UPNP:
            with trio.move_on_after(within_s):
                await self._upnp.delete(question.location, question.request)
            return
        request = replace(question.request, lease_s=0)
        by_pcp = method == pcp.METHOD
        if by_pcp:
            request = replace(request, external=0)
            payload = pcp.map_request(request, question.location.source, question.nonce)
        else:
            payload = natpmp.map_request(request)
        with trio.move_on_after(within_s):
            try:
                with closing(self._access.connect(question.location)) as port:
                    port.send(payload)
                    with trio.move_on_after(within_s / 2):
                        await port.receive()
                        return
                    port.send(payload)
                    await port.receive()
            except OSError:
                return  # it ends with its lease

    async def _exchange(
        self,
        location: Location,
        method: str,
        payloads: tuple[bytes, ...],
        read: Callable[[bytes], Outcome | None],
        more: trio.Event | None = None,
    ) -> Outcome:
        """Sends until ``read`` makes an outcome of an answer. ``more``: is set when all that
        belongs to a grant has come.
        """
        try:
            with closing(self._access.connect(location)) as port:
                started = trio.current_time()
                ends = [started + offset for offset in (*OFFSETS_S[1:], WINDOW_S)]
                hearing = _Hearing(port, read, self.counters, method)
                for end in ends:
                    for payload in payloads:
                        port.send(payload)
                    outcome: Outcome | None = None
                    with trio.move_on_at(end):
                        outcome = await hearing.until_outcome()
                    if isinstance(outcome, Grant) and more is not None:
                        with trio.move_on_after(_ADDRESS_WAIT_S), suppress(OSError):
                            await hearing.until(more)
                    if outcome is not None:
                        return outcome
        except OSError as error:
            return Refusal(method, UNREACHABLE, unreachable_words(error))
        return Refusal(method, SILENT, _silence(location))

    def _note_epoch(self, location: Location, method: str, epoch: int) -> None:
        key = location.gateway, method
        if not self._epochs.setdefault(key, RouterEpoch()).is_continued(epoch, self._now()):
            self.counters["mapping.router-restarted"] += 1
            self._lost(location)

    def _count(self, outcome: Outcome) -> None:
        if isinstance(outcome, Grant):
            self.counters[f"mapping.granted.{outcome.method}"] += 1
        else:
            self.counters[f"mapping.failed.{outcome.method}.{outcome.code}"] += 1


class _Hearing:
    """Reads the datagrams of one question."""

    def __init__(
        self,
        port: GatewayPort,
        read: Callable[[bytes], Outcome | None],
        counters: Counter[str],
        method: str,
    ) -> None:
        self._port = port
        self._read = read
        self._counters = counters
        self._method = method
        self._useless = 0

    async def until_outcome(self) -> Outcome:
        """Raises OSError."""
        while True:
            outcome = await self._next()
            if outcome is not None:
                return outcome

    async def until(self, event: trio.Event) -> None:
        """Reads on until an event is set, which reading sets. Raises OSError."""
        while not event.is_set():
            if isinstance(await self._next(), Refusal) and self._useless >= MAX_USELESS:
                return

    async def _next(self) -> Outcome | None:
        answer = await self._port.receive()
        try:
            return self._read(answer)
        except UnusableAnswer as useless:
            self._counters[f"mapping.dropped.{useless}"] += 1
            self._useless += 1
            if self._useless >= MAX_USELESS:
                return Refusal(self._method, "noise", "the router sends what is no answer")
            return None


async def _until(
    deadline: float,
    ask: Callable[[Question], Awaitable[Outcome]],
    question: Question,
    method: str,
) -> Outcome:
    with trio.move_on_at(deadline):
        return await ask(question)
    return Refusal(method, SILENT, _silence(question.location))


def _silence(location: Location) -> str:
    return f"no answer from {location.gateway}"


def _weight(refusal: Refusal) -> tuple[int, bool]:
    """How much a refusal tells; of equal ones that by PCP."""
    known = {DOUBLE_NAT: 4, SILENT: 0, UNREACHABLE: 1, "version": 2}
    return known.get(refusal.code, 3), refusal.method == pcp.METHOD
