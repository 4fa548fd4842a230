"""The display of a running node: its snapshots and events come by the control socket, and it is
looked for when it is gone.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from kadisc.cli.live import LiveSource
from kadisc.cli.watching import SocketSource, first_snapshot
from kadisc.control.call import Call, Method
from kadisc.control.methods import METHODS
from kadisc.control.methods.snapshots import PARTS
from kadisc.control.methods.watch import WatchingEnded
from kadisc.core.contract.events import WentOffline
from kadisc.dashboard.frame import draw
from kadisc.dashboard.glyphs import UNICODE
from kadisc.dashboard.history import SceneHistory
from kadisc.dashboard.lines import plain
from kadisc.dashboard.scene import Scene, ViewState
from kadisc.dashboard.views import VIEWS
from kadisc.endpoints import Family
from kadisc.errors import KadiscError, NotRunning, UsageError
from tests.control.lab import comes_true, open_lab

OFTEN_S = 0.25
_NUMBERS = re.compile(r" *-?[<\d.]+( ?[km]?[sBmh%](/s)?)? *|[▁▂▃▄▅▆▇█·]+ *")


@asynccontextmanager
async def attached(path: Path) -> AsyncIterator[SocketSource]:
    source = SocketSource(path, await first_snapshot(path), OFTEN_S)
    source.want(OFTEN_S, PARTS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(source.run)
        yield source
        nursery.cancel_scope.cancel()


async def test_a_view_shows_the_same_of_this_process_and_by_the_socket(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=4, name="mychain") as lab:
        await comes_true(lambda: len(lab.node.own_network.listed(9)) == 4)
        local = LiveSource([lab.node])
        async with attached(lab.path) as source:
            for view in VIEWS:
                await comes_true(_is_equal(lambda: local.snapshot, source, view.name))


def _is_equal(
    snapshot: Callable[[], Callable[[], object]], source: SocketSource, view: str
) -> Callable[[], bool]:
    """Ages and rates go on between two snapshots, so that numbers count as equal, and that they are
    compared until no event came in between.
    """

    def is_equal() -> bool:
        frames = []
        for each in (snapshot()(), source.snapshot()):
            scene = Scene(each, state=ViewState(view=view))  # type: ignore[arg-type]
            lines = draw(scene, 160, 50, UNICODE)
            frames.append([_NUMBERS.sub("0", plain(line)) for line in lines])
        assert len(frames[0]) == len(frames[1])
        return frames[0] == frames[1]

    return is_equal


async def test_a_node_that_is_gone_is_looked_for_and_attached_to_again(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        source = SocketSource(lab.path, await first_snapshot(lab.path), OFTEN_S)
        key = lab.node.public_key.hex()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(source.run)
        await comes_true(lambda: "no node runs" in source.lost())
        assert source.snapshot().status.public_key == key
        before = source.pulse()
        async with open_lab(tmp_path) as lab:
            await comes_true(lambda: not source.lost())
            assert source.pulse() != before
            await comes_true(lambda: lab.subscribed > 0)
        await comes_true(lambda: bool(source.lost()))
        nursery.cancel_scope.cancel()


async def test_events_come_as_subscribe_tells_them(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        before = lab.subscribed
        async with attached(lab.path) as source:
            history = SceneHistory(source.snapshot(), 0.0)
            await comes_true(lambda: lab.subscribed > before)
            lab.node.pump.publish(WentOffline(Family.IPV4))
            with trio.fail_after(20):
                async for event in source.events:
                    history.hear(event, 0.0)
                    if event["event"] == "offline":
                        break
            scene = history.updated(Scene(source.snapshot()), source.snapshot(), 0.0)
            assert scene.tail[-1].words == "IPv4: offline; retrying"


async def test_only_the_parts_that_are_wanted_are_made(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        snapshot = await first_snapshot(lab.path, ["contacts"])
        assert snapshot.contacts == [] and snapshot.buckets is not None
        assert snapshot.operations is snapshot.peers is snapshot.observations is None
        source = SocketSource(lab.path, snapshot, OFTEN_S)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(source.run)
            source.want(OFTEN_S, ["operations"])
            await comes_true(lambda: source.snapshot().operations is not None)
            # Those of before stay, for when the user comes back to that view.
            assert source.snapshot().contacts == []
            nursery.cancel_scope.cancel()


async def test_why_tells_what_the_node_says_or_why_it_says_nothing(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=1, name="mychain") as lab:
        await comes_true(lambda: len(lab.node.own_network.listed(9)) == 1)
        source = SocketSource(lab.path, await first_snapshot(lab.path), OFTEN_S)
        [peer] = source.snapshot().peers or []
        lines = await source.why(peer.endpoint)
        assert lines[0] == peer.endpoint
        assert any("by an exchange of records" in line for line in lines)
        [nobody] = await source.why("192.0.2.1:6881")
        assert "has no known peer" in nobody
    [gone] = await source.why(peer.endpoint)
    assert "no node runs" in gone


async def test_without_a_node_there_is_nothing_to_attach_to(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="no node runs"):
        await first_snapshot(tmp_path / "control.sock")


async def test_a_node_that_knows_no_parts_is_told_to_be_old(tmp_path: Path) -> None:
    old = Method("watch", OldParams, WatchingEnded, never)
    async with open_lab(tmp_path, methods={**METHODS, "watch": old}) as lab:
        with pytest.raises(KadiscError, match="is of another version of kadisc") as caught:
            await first_snapshot(lab.path)
        assert not isinstance(caught.value, UsageError)


class OldParams(msgspec.Struct, forbid_unknown_fields=True):
    """Those of version 0.1.0."""

    interval_s: float = 1.0
    detail: bool = False


async def never(params: OldParams, call: Call) -> WatchingEnded:
    await trio.sleep_forever()
    raise AssertionError
