"""The life of one mapping, in virtual time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
from pytest import approx
from trio.testing import MockClock

from kadisc.net.mapping.port_mapping import MappingState, PortMapping
from kadisc.net.mapping.results import MappingRequest

from .scripted_router import (
    AT_HOME,
    ScriptedRouter,
    asker_of,
    by_natpmp,
    by_pcp,
    is_pcp,
    natpmp_answer,
    pcp_answer,
    silent,
)


def mapping_of(router: ScriptedRouter, seed: int = 1) -> PortMapping:
    return PortMapping(
        asker_of(router),
        AT_HOME,
        "udp",
        6881,
        3600,
        lambda: 6881,
        lambda: b"n" * 12,
        lambda: None,
        random.Random(seed),
    )


@asynccontextmanager
async def running(router: ScriptedRouter, seed: int = 1) -> AsyncIterator[PortMapping]:
    mapping = mapping_of(router, seed)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mapping.run)
        await trio.sleep(0.1)
        yield mapping
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("seed", range(8))
async def test_a_lease_is_renewed_between_a_half_and_five_eighths(
    autojump_clock: MockClock, seed: int
) -> None:
    router = ScriptedRouter(by_pcp)
    async with running(router, seed) as mapping:
        await trio.sleep(20_000)
        assert mapping.state is MappingState.MAPPED
    times = router.times(of_pcp=True)
    shares = [(later - earlier) / 3600 for earlier, later in pairwise(times)]
    assert len(shares) >= 8
    assert all(0.5 <= share <= 0.6251 for share in shares)
    assert len({round(share, 4) for share in shares}) == len(shares)
    assert set(router.requests()) == {MappingRequest("udp", 6881, 6881, 3600)}
    assert len({payload[24:36] for _, payload in router.sent}) == 1  # one nonce


async def test_a_renewal_names_the_internal_port_and_the_external_one_that_was_granted(
    autojump_clock: MockClock,
) -> None:
    router = ScriptedRouter(lambda request: (pcp_answer(request, external=40_000),))
    async with running(router):
        await trio.sleep(4000)
    first, *later = router.requests()
    assert first == MappingRequest("udp", 6881, 6881, 3600)
    assert set(later) == {MappingRequest("udp", 6881, 40_000, 3600)}


async def test_failed_renewals_change_nothing_before_the_lease_ends(
    autojump_clock: MockClock,
) -> None:
    router = ScriptedRouter(by_pcp)
    async with running(router) as mapping:
        router.answering = silent
        router.sent.clear()
        await trio.sleep_until(3600)
        assert mapping.state is MappingState.MAPPED
        assert mapping.grant is not None
        begun = router.times(of_pcp=True)[::5]
        assert 1800 <= begun[0] <= 2251
        assert begun[1:] == [approx(2700, abs=0.1), approx(3150, abs=0.1), approx(3375, abs=0.1)]
        assert router.times(of_pcp=False) == []
        await trio.sleep(1)
        assert mapping.state is MappingState.ASKING
        assert mapping.grant is None
        await trio.sleep(10)
        assert mapping.state is MappingState.PAUSED


async def test_a_renewal_that_is_refused_changes_nothing_either(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(by_pcp)
    async with running(router) as mapping:
        router.answering = lambda request: (pcp_answer(request, result=2),)
        await trio.sleep_until(3599)
        assert mapping.state is MappingState.MAPPED
        assert mapping.refusal is not None
        assert len(router.sent) == 5
        router.answering = by_pcp
        await trio.sleep(10)
        assert mapping.state is MappingState.MAPPED
        assert mapping.refusal is None


async def test_pauses_double_up_to_an_hour(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(silent)
    async with running(router) as mapping:
        await trio.sleep(15_000)
        assert mapping.state is MappingState.PAUSED
    begun = router.times(of_pcp=True)[::5]
    pauses = [later - earlier - 7.75 for earlier, later in pairwise(begun)]
    assert pauses == [approx(each) for each in (300, 600, 1200, 2400, 3600, 3600)]


async def test_a_pause_ends_at_once_when_it_is_told_to(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(silent)
    async with running(router) as mapping:
        await trio.sleep(20)
        router.answering = by_pcp
        assert mapping.state is MappingState.PAUSED
        mapping.again()
        await trio.sleep(0.1)
        assert mapping.state is MappingState.MAPPED


async def test_a_mapping_is_renewed_at_once_when_it_is_told_to(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(by_pcp)
    async with running(router) as mapping:
        for _ in range(3):
            mapping.again()
            await trio.sleep(0.1)
        assert len(router.sent) == 4
        router.answering = silent
        mapping.again()
        await trio.sleep(10)
        # One that fails changes nothing, and the renewals that are due come all the same.
        assert mapping.state is MappingState.MAPPED
        router.answering = by_pcp
        count = len(router.sent)
        await trio.sleep(2300)
        assert len(router.sent) == count + 1


async def test_a_mapping_by_natpmp_is_renewed_by_it(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(by_natpmp)
    async with running(router):
        await trio.sleep(4000)
    assert len(router.times(of_pcp=True)) == 1
    assert len(router.times(of_pcp=False)) >= 2


@pytest.mark.parametrize("lifetime_s", [0, 10])
async def test_a_lease_that_is_too_short_is_no_mapping(
    autojump_clock: MockClock, lifetime_s: int
) -> None:
    def short(request: bytes) -> Iterable[bytes]:
        if is_pcp(request):
            return (pcp_answer(request, lifetime_s=lifetime_s),)
        return (natpmp_answer(request, lifetime_s=lifetime_s),)

    router = ScriptedRouter(short)
    async with running(router) as mapping:
        await trio.sleep(100)
        assert mapping.state is MappingState.PAUSED
        assert mapping.refusal is not None
        assert mapping.refusal.code == "short-lease"
        assert len(router.sent) == 3


async def test_a_lease_of_a_minute_is_renewed_within_it(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(lambda request: (pcp_answer(request, lifetime_s=60),))
    async with running(router) as mapping:
        await trio.sleep(600)
        assert mapping.state is MappingState.MAPPED
    assert 16 <= len(router.sent) <= 21


async def test_an_endless_lease_counts_as_a_day(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(lambda request: (pcp_answer(request, lifetime_s=0xFFFF_FFFF),))
    async with running(router) as mapping:
        assert mapping.grant is not None
        assert mapping.grant.lease_s == 86_400
        await trio.sleep(86_400)
    assert len(router.sent) == 2


async def test_a_mapping_is_deleted_once(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(by_pcp)
    async with running(router) as mapping:
        pass
    router.sent.clear()
    await mapping.delete()
    await mapping.delete()
    assert router.requests() == [MappingRequest("udp", 6881, 0, 0)]


async def test_what_is_not_mapped_is_not_deleted(autojump_clock: MockClock) -> None:
    router = ScriptedRouter(silent)
    async with running(router) as mapping:
        pass
    router.sent.clear()
    await mapping.delete()
    assert router.sent == []
