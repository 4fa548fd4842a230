"""One question to a router: when what is sent, and what the answers come to."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import pytest
import trio
from pytest import approx
from trio.testing import MockClock

from kadisc.net.mapping.asking import MAX_USELESS, Outcome, UpnpAccess
from kadisc.net.mapping.results import Grant, MappingRequest, Refusal
from kadisc.net.mapping.router_access import Location

from .scripted_router import (
    AT_HOME_6,
    WAN,
    ScriptedRouter,
    asker_of,
    by_natpmp,
    by_pcp,
    is_pcp,
    natpmp_answer,
    pcp_answer,
    question,
    refusing,
    silent,
)


class NotedUpnp:
    """Notes when it is asked, and refuses."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def ask(self, location: Location, request: MappingRequest) -> Outcome:
        self.asked.append(trio.current_time())
        await trio.sleep(0.5)
        return Grant("upnp", 6881, WAN, 3600.0)

    async def delete(self, location: Location, request: MappingRequest) -> None: ...


async def ask(router: ScriptedRouter, upnp: UpnpAccess | None = None) -> tuple[Outcome, float]:
    """The outcome, and how long it took."""
    started = trio.current_time()
    outcome = await asker_of(router, upnp).ask(question())
    return outcome, trio.current_time() - started


async def test_a_silent_router_is_asked_at_these_times(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(silent)
    outcome, took_s = await ask(router)
    assert router.times(of_pcp=True) == [0, 0.25, 0.75, 1.75, 3.75]
    assert router.times(of_pcp=False) == [0.5, 0.75, 1.25, 2.25, 4.25]
    assert took_s == approx(7.75)
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.reason) == ("silent", "no answer from 192.168.1.1")


async def test_a_grant_by_pcp_ends_the_question(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(by_pcp)
    assert await ask(router) == (Grant("pcp", 6881, WAN, 3600.0), approx(0.002))
    assert len(router.sent) == 1


async def test_a_slow_grant_counts(autojump_clock: MockClock) -> None:
    """miniupnpd takes .96 s where it searches a port that is free."""
    outcome, took_s = await ask(ScriptedRouter(by_pcp, delay_s=0.96))
    assert isinstance(outcome, Grant)
    assert took_s == approx(0.96)


async def test_a_router_of_natpmp_alone_is_asked_by_it_at_once(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(by_natpmp)
    outcome, took_s = await ask(router)
    assert outcome == Grant("natpmp", 6881, WAN, 3600.0)
    assert took_s == approx(0.004)


async def test_a_router_that_drops_pcp_is_asked_by_natpmp_after_half_a_second(
    autojump_clock: MockClock,
) -> None:
    router = ScriptedRouter(lambda request: () if is_pcp(request) else (natpmp_answer(request),))
    outcome, took_s = await ask(router)
    assert isinstance(outcome, Grant)
    assert took_s == approx(0.502)


async def test_an_address_that_natpmp_does_not_tell_is_not_awaited_for_long(
    autojump_clock: MockClock,
) -> None:
    def without_address(request: bytes) -> Iterable[bytes]:
        return by_natpmp(request) if request != b"\0\0" else ()

    outcome, took_s = await ask(ScriptedRouter(without_address))
    assert outcome == Grant("natpmp", 6881, None, 3600.0)
    assert took_s == approx(0.254)


async def test_a_closed_port_ends_both_protocols(autojump_clock: MockClock) -> None:
    outcome, took_s = await ask(ScriptedRouter(refusing))
    assert isinstance(outcome, Refusal)
    assert outcome.code == "unreachable"
    assert took_s < 1


async def test_the_refusal_that_tells_most_counts(autojump_clock: MockClock) -> None:
    def double_nat(request: bytes) -> Iterable[bytes]:
        return (pcp_answer(request, result=8),) if is_pcp(request) else ()

    outcome, _ = await ask(ScriptedRouter(double_nat))
    assert isinstance(outcome, Refusal)
    assert (outcome.method, outcome.code) == ("pcp", "double-nat")

    def refused(request: bytes) -> Iterable[bytes]:
        if is_pcp(request):
            return (struct.pack("!BBHI", 0, 129, 1, 0),)
        return (natpmp_answer(request, result=2),)

    outcome, _ = await ask(ScriptedRouter(refused))
    assert isinstance(outcome, Refusal)
    assert (outcome.method, outcome.code) == ("natpmp", "not-authorized")


async def test_a_pinhole_is_asked_for_by_pcp_alone(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(silent)
    upnp = NotedUpnp()
    outcome = await asker_of(router, upnp).ask(question(location=AT_HOME_6))
    assert isinstance(outcome, Refusal)
    assert len(router.times(of_pcp=True)) == 5
    assert router.times(of_pcp=False) == upnp.asked == []


async def test_upnp_is_asked_after_a_second_and_a_half(autojump_clock: MockClock) -> None:
    upnp = NotedUpnp()
    outcome, took_s = await ask(ScriptedRouter(silent), upnp)
    assert isinstance(outcome, Grant)
    assert (upnp.asked, took_s) == ([1.5], approx(2.0))
    upnp = NotedUpnp()
    await ask(ScriptedRouter(by_pcp), upnp)
    assert upnp.asked == []


@pytest.mark.parametrize(
    ("answering", "counter"),
    [
        (lambda request: (pcp_answer(request, nonce=bytes(12)),), "mapping.dropped.nonce"),
        (lambda request: (pcp_answer(request)[:59],), "mapping.dropped.length"),
        (lambda request: (request,), "mapping.dropped.no-answer"),
    ],
)
async def test_a_useless_answer_is_counted_and_the_sound_one_still_taken(
    autojump_clock: MockClock, answering: object, counter: str
) -> None:
    def both(request: bytes) -> Iterable[bytes]:
        assert callable(answering)
        return (*answering(request), pcp_answer(request)) if is_pcp(request) else ()

    asker = asker_of(ScriptedRouter(both))
    assert isinstance(await asker.ask(question()), Grant)
    assert asker.counters[counter] == 1


async def test_a_router_that_floods_is_not_read_for_long(autojump_clock: MockClock) -> None:
    def flooding(request: bytes) -> Iterable[bytes]:
        return (b"\2\x81",) * 10_000

    asker = asker_of(ScriptedRouter(flooding))
    outcome = await asker.ask(question())
    assert isinstance(outcome, Refusal)
    assert outcome.code == "noise"
    assert asker.counters["mapping.dropped.no-answer"] == 2 * MAX_USELESS


async def test_a_router_that_counts_anew_is_noticed(autojump_clock: MockClock) -> None:
    epochs = iter((5000, 5060, 7))
    lost: list[Location] = []

    def counting(request: bytes) -> Iterable[bytes]:
        return (pcp_answer(request, epoch=next(epochs)),)

    asker = asker_of(ScriptedRouter(counting), lost=lost.append)
    for expected in (0, 0, 1):
        await asker.ask(question())
        assert len(lost) == expected
        await trio.sleep(60)


async def test_an_answer_with_a_foreign_nonce_does_not_tell_of_a_restart(
    autojump_clock: MockClock,
) -> None:
    lost: list[Location] = []
    asker = asker_of(ScriptedRouter(by_pcp), lost=lost.append)
    await asker.ask(question())

    def forged(request: bytes) -> Iterable[bytes]:
        return (pcp_answer(request, nonce=bytes(12), epoch=0), pcp_answer(request, result=2)[:24])

    other = ScriptedRouter(forged)
    asker_of(other, lost=lost.append)
    asker = asker_of(other, lost=lost.append)
    await asker.by_pcp(question())
    assert lost == []


@pytest.mark.parametrize("method", ["pcp", "natpmp"])
async def test_a_deletion_takes_a_quarter_of_a_second_at_most(
    autojump_clock: MockClock, method: str
) -> None:
    for answering in (silent, refusing, by_pcp):
        router = ScriptedRouter(answering)
        started = trio.current_time()
        await asker_of(router).delete(question(), method, 0.25)
        assert trio.current_time() - started <= 0.2501
        assert len(router.sent) == (
            1 if answering is refusing or (method == "pcp" and answering is by_pcp) else 2
        )
    assert method != "pcp" or router.requests() == [MappingRequest("udp", 6881, 0, 0)]
