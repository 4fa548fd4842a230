"""Notices of routers: what a forged one can do, and what a sound one does."""

from __future__ import annotations

import random
import struct
from collections import Counter
from itertools import pairwise

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from kadisc.net.mapping.notices import JITTER_S, SPACING_S, NoticeFilter

from .scripted_router import ROUTER, ScriptedRouter, natpmp_answer
from .test_port_mapping import running

ANNOUNCE = struct.pack("!BBBBII12x", 2, 0x80, 0, 0, 0, 0)
GATEWAY = (ROUTER, 5351)


def filter_of(spacing_s: float = SPACING_S) -> NoticeFilter:
    return NoticeFilter(random.Random(1), Counter(), spacing_s)


@pytest.mark.parametrize("payload", [ANNOUNCE, natpmp_answer(b"\0\0", epoch=0)])
def test_a_notice_of_the_gateway_counts_within_a_second(payload: bytes) -> None:
    delays = [filter_of().delay_s(payload, GATEWAY, ROUTER, 0.0) for _ in range(10)]
    assert all(delay is not None and 0 <= delay <= JITTER_S for delay in delays)


@pytest.mark.parametrize(
    ("payload", "source", "gateway"),
    [
        (ANNOUNCE, ("192.168.1.66", 5351), ROUTER),
        (ANNOUNCE, (ROUTER, 5350), ROUTER),
        (ANNOUNCE, GATEWAY, None),
        (ANNOUNCE[:23], GATEWAY, ROUTER),
        (b"", GATEWAY, ROUTER),
        (ANNOUNCE + bytes(1100), GATEWAY, ROUTER),
    ],
)
def test_what_is_no_notice_of_the_gateway_does_not_count(
    payload: bytes, source: tuple[str, int], gateway: str | None
) -> None:
    assert filter_of().delay_s(payload, source, gateway, 0.0) is None


@given(st.lists(st.tuples(st.floats(0, 100), st.binary(max_size=40) | st.just(ANNOUNCE))))
def test_at_most_one_in_five_seconds_counts(notices: list[tuple[float, bytes]]) -> None:
    notice_filter = filter_of()
    counted = [
        now
        for now, payload in sorted(notices)
        if notice_filter.delay_s(payload, GATEWAY, ROUTER, now) is not None
    ]
    assert all(later - earlier >= SPACING_S for earlier, later in pairwise(counted))


async def requests_under_forgery(spacing_s: float) -> tuple[int, bool]:
    """Requests to the router in 20 s in which a host of the LAN forges 50 notices a second in its
    name, and whether the port is still mapped.
    """
    router = ScriptedRouter()
    notice_filter = filter_of(spacing_s)
    async with running(router) as mapping, trio.open_nursery() as nursery:
        router.sent.clear()
        ends_at = trio.current_time() + 20
        was_mapped = True

        async def renew(delay_s: float) -> None:
            await trio.sleep(delay_s)
            mapping.again()

        while trio.current_time() < ends_at:
            delay_s = notice_filter.delay_s(ANNOUNCE, GATEWAY, ROUTER, trio.current_time())
            if delay_s is not None:
                nursery.start_soon(renew, delay_s)
            await trio.sleep(0.02)
            was_mapped = was_mapped and mapping.grant is not None
        nursery.cancel_scope.cancel()
        return len(router.sent), was_mapped


async def test_forged_notices_renew_once_in_five_seconds_and_end_no_mapping(
    autojump_clock: MockClock,
) -> None:
    requests, stayed_mapped = await requests_under_forgery(SPACING_S)
    assert 3 <= requests <= 4
    assert stayed_mapped


async def test_without_the_spacing_forged_notices_make_the_node_flood_its_router(
    autojump_clock: MockClock,
) -> None:
    requests, stayed_mapped = await requests_under_forgery(0.0)
    assert requests > 300
    assert stayed_mapped  # they renew only
