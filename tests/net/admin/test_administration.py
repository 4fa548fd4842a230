"""Bans and static peers by command, and another configuration, while a node runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from kadisc.config import Config
from kadisc.core.contract.events import ContactRemoved
from kadisc.errors import Busy, NotFound, UsageError
from kadisc.net.api.node import Node
from kadisc.net.config_file import GivenValues, check_values, config_from
from kadisc.net.transport.clock import TrioClock
from kadisc.observe.admin_events import Administered, ConfigReloaded, ReloadRefused, reload_words

from ..lab import CONFIG, address, joined, network, open_at, open_several

WALL_S = 1.8e9


class TurningClock(TrioClock):
    """Its wall clock is in virtual time too."""

    def wall_s(self) -> float:
        return WALL_S + trio.current_time()


PEER = address(5)
HOST = PEER.rpartition(":")[0]


def knows(node: Node, host: str = HOST) -> bool:
    return any(
        entry.contact.host == host
        for bucket in node.snapshot().dhts[0].buckets
        for entry in bucket.entries
    )


async def comes(condition: Any, within_s: float = 600.0) -> None:
    with trio.fail_after(within_s):
        while not condition():  # noqa: ASYNC110 (states have no event)
            await trio.sleep(0.5)


async def test_a_ban_acts_at_once_and_ends_in_time(autojump_clock: MockClock) -> None:
    net = network()
    async with (
        open_several(net, 8),
        open_at(net, 30, bootstrap=[address(1)], clock=TurningClock()) as node,
        node.subscribe(Administered, ContactRemoved) as events,
    ):
        await joined(node)
        await comes(lambda: knows(node))
        done = await node.administration.ban(HOST, 300.0)
        assert done.dropped.contacts == 1 and not knows(node)
        assert done.unsaved == "the node keeps no state"
        began = trio.current_time()
        await trio.sleep(290.0)
        assert not knows(node)
        told = []
        async for event in events:
            if isinstance(event, Administered):
                told.append(event.action)
            if "ban_ended" in told:
                break
        assert told == ["ban", "ban_ended"]
        assert 300.0 <= trio.current_time() - began < 301.0
        await comes(lambda: knows(node))


async def test_a_wall_clock_that_is_set_ends_a_ban_within_a_minute(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = network()
    async with open_at(net, 30, clock=TurningClock()) as node:
        await node.administration.ban(HOST, 86_400.0)
        wall_s = node.pump.wall_s
        monkeypatch.setattr(node.pump, "wall_s", lambda: wall_s() + 90_000.0)
        await trio.sleep(61.0)
        assert not node.administration.bans.by_command


async def test_times_and_subjects_that_are_wrong_change_nothing(autojump_clock: MockClock) -> None:
    net = network()
    async with open_at(net, 30) as node:
        administration = node.administration
        for for_s in (0.0, -1.0, 0.5, 1e12, float("nan"), float("inf")):
            with pytest.raises(UsageError, match="a ban lasts"):
                await administration.ban(HOST, for_s)
        for peer in ("nonsense", "host:0", "[::1]:5", "x" * 400 + ":1", ""):
            with pytest.raises(UsageError):
                await administration.add_peer(peer)
        await administration.ban("192.0.2.0/24")
        with pytest.raises(UsageError, match="is banned"):
            await administration.add_peer("192.0.2.7:6881")
        with pytest.raises(NotFound):
            await administration.unban("198.51.100.1")
        with pytest.raises(NotFound):
            await administration.remove_peer(PEER)
        assert administration.peers() == []


async def test_a_peer_that_is_added_leads_into_the_network_and_stays(
    autojump_clock: MockClock,
) -> None:
    net = network()
    async with open_several(net, 8), open_at(net, 30) as node:
        await trio.sleep(30.0)
        assert node.waits_for_contact
        await node.administration.add_peer(PEER)
        await joined(node)
        await comes(lambda: node.snapshot().dhts[0].contacts == 8)
        [state] = node.administration.peers()
        assert (state.peer, state.by_command, state.contact) == (PEER, True, True)
        await node.administration.remove_peer(PEER)
        assert node.administration.peers() == []


async def test_commands_hold_in_the_next_run_and_a_ban_that_is_over_does_not(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    config = replace(CONFIG, state_dir=str(tmp_path))
    async with open_several(net, 8):
        async with open_at(
            net, 30, bootstrap=[address(1)], config=config, clock=TurningClock()
        ) as node:
            await joined(node)
            await comes(lambda: knows(node))
            assert (await node.administration.ban(HOST)).unsaved is None
            await node.administration.ban("192.0.2.0/24", 100.0)
            assert await node.administration.add_peer(address(6)) is None
        await trio.sleep(200.0)
        async with open_at(
            net, 30, bootstrap=[address(1)], config=config, clock=TurningClock()
        ) as node:
            assert list(node.administration.bans.by_command) == [f"{HOST}/32"]
            assert [each.peer for each in node.administration.peers()] == [address(6)]
            await joined(node)
            await trio.sleep(60.0)
            assert not knows(node) and knows(node, address(6).rpartition(":")[0])
            await node.administration.unban(HOST)
            await comes(lambda: knows(node))


async def test_a_new_run_joins_by_a_peer_that_a_command_added(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    config = replace(CONFIG, state_dir=str(tmp_path))
    async with open_at(net, 30, config=config) as node:
        await node.administration.add_peer(PEER)
    async with open_several(net, 6), open_at(net, 30, config=config) as node:
        assert not node.waits_for_contact
        await joined(node)


async def test_a_damaged_file_is_set_aside_and_told(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    (tmp_path / "administration").write_text("{")
    async with open_at(net, 30, config=replace(CONFIG, state_dir=str(tmp_path))) as node:
        assert not node.administration.bans.by_command
        await node.administration.ban(HOST)
    assert (tmp_path / "administration.damaged-1").read_text() == "{"
    assert HOST in (tmp_path / "administration").read_text()


class Settings:
    """What a configuration file would say; ``now`` may be changed."""

    def __init__(self, **values: Any) -> None:
        self.now: dict[str, Any] = values

    def given(self) -> GivenValues:
        check_values(self.now, lambda key: f"a.toml: {key}")
        return GivenValues(dict(self.now), dict.fromkeys(self.now, "file"))


def settled(values: Mapping[str, Any]) -> Config:
    config = config_from(values)
    return replace(config, core=replace(config.core, unlimited=True))


async def test_what_can_change_takes_effect_and_the_rest_is_named(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    net = network()
    settings = Settings(service=("p2p=1",), routers=())
    levels: list[str] = []
    listed = tmp_path / "list"
    async with (
        open_several(net, 8),
        open_at(net, 30, bootstrap=[address(1)], config=settled(settings.now)) as node,
        node.subscribe(ConfigReloaded, ReloadRefused) as events,
    ):
        await joined(node)
        await comes(lambda: knows(node))
        reloading = node.administration.reloading
        reloading.begin(settings.given(), settings.given)
        reloading.takes("log.level", levels.append)
        assert await reloading.reload() == ((), ())
        node.set_service("x", 5)  # by command: it stays
        listed.write_text(HOST)
        settings.now |= {
            "ban": ("192.0.2.0/24",),
            "ban_file": (str(listed),),
            "peer": (address(6),),
            "service": ("p2p=2", "y=7"),
            "log.level": "debug",
            "network": "other",
            "save_interval_s": 5.0,
        }
        changed, needs_restart = await reloading.reload()
        assert set(changed) == {"ban", "ban_file", "peer", "service", "log.level"}
        assert set(needs_restart) == {"network", "save_interval_s"}
        assert levels == ["debug"]
        assert dict(node.services) == {"p2p": 2, "x": 5, "y": 7}
        assert not knows(node)
        assert [each.peer for each in node.administration.peers()] == [address(6)]
        # Only the file of bans differs now; and what needs a restart is named again.
        listed.write_text("")
        assert await reloading.reload() == (("ban_file",), needs_restart)
        await comes(lambda: knows(node))
        for wrong in (
            {"ban": ("nonsense",)},
            {"ban_file": (str(tmp_path / "missing"),)},
            {"service": ("p2p=99999",)},
            {"service": tuple(f"name{number}=0x{'ab' * 60}" for number in range(9))},
        ):
            before = settings.now
            settings.now = {**before, **wrong, "peer": (address(7),)}
            with pytest.raises(UsageError):
                await reloading.reload()
            assert dict(node.services) == {"p2p": 2, "x": 5, "y": 7}
            assert [each.peer for each in node.administration.peers()] == [address(6)]
            settings.now = before
        assert await reloading.reload() == ((), needs_restart)
        told = [type(await events.__anext__()).__name__ for _ in range(8)]
        assert told == ["ConfigReloaded"] * 3 + ["ReloadRefused"] * 4 + ["ConfigReloaded"]


async def test_other_limits_by_subnet_than_at_the_start_are_named_until_the_restart(
    autojump_clock: MockClock,
) -> None:
    net, settings = network(), Settings()
    async with open_at(net, 30, config=settled(settings.now)) as node:
        reloading = node.administration.reloading
        reloading.begin(settings.given(), settings.given)
        for restricted_to, changed, waits in (
            (("45.1.2.0/24",), True, True),
            (("45.1.2.0/24",), False, True),
            (("0.0.0.0/0",), True, False),  # has subnets of others: they are limited as ever
            (("45.0.0.0/8", "45.2.0.0/16"), True, True),
            ((), True, False),
        ):
            settings.now = {"netrestrict": restricted_to, "feed.want": 9}
            reloaded = await reloading.reload()
            assert ("netrestrict" in reloaded.changed) == changed
            assert ("netrestrict" in reloaded.needs_restart) == waits
            assert list(node.administration.bans.restricted_to) == list(restricted_to)
        assert reload_words((), ("netrestrict",)) == (
            "netrestrict (for its limits by subnet) needs a restart"
        )


async def test_services_that_change_too_often_change_nothing_else(
    autojump_clock: MockClock,
) -> None:
    net = network()
    settings = Settings(service=("p2p=1",))
    async with open_at(net, 30, config=settled(settings.now)) as node:
        reloading = node.administration.reloading
        reloading.begin(settings.given(), settings.given)
        with pytest.raises(Busy):
            for number in range(20):
                settings.now = {"service": (f"p2p={number + 2}",), "ban": (f"192.0.2.{number}",)}
                await reloading.reload()
        port = node.services["p2p"]
        assert isinstance(port, int)
        assert list(node.administration.bans.of_config) == [f"192.0.2.{port - 2}/32"]


async def test_a_node_without_a_configuration_says_so(autojump_clock: MockClock) -> None:
    net = network()
    async with open_at(net, 30) as node:
        with pytest.raises(UsageError, match="no configuration that could be read again"):
            await node.administration.reloading.reload()
        assert node.administration.stop is None
