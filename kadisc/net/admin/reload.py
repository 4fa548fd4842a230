"""Reading the configuration again while the node runs: what can change takes effect at once, all
else is named, and a configuration that is wrong changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, NamedTuple

import trio

from ...config import Config
from ...config.keys import KEYS
from ...core.addressing.policy import of_one_netgroup
from ...errors import Busy, KadiscError, UsageError
from ...networks import NetworkSet
from ...observe.admin_events import ConfigReloaded, ReloadRefused
from ...service_values import ServiceValue
from ..config_file import GivenValues, Origin, Values, config_from, services_of
from ..state.keeper import in_thread
from ..transport.pump import Pump
from .ban_files import read_ban_files

BAN_FILE: Final = "ban_file"
SERVICE: Final = "service"
NETRESTRICT: Final = "netrestrict"
BARS: Final = ("ban", BAN_FILE, NETRESTRICT)
PEER: Final = "peer"
OF_FEEDS: Final = ("feed.want",)
"""Taken by `kadisc feed`, which reads its configuration again when it hears that the node has."""


class Reloaded(NamedTuple):
    """``changed``: the keys that have taken effect; ``needs_restart``: those that differ from what
    the node was started with, and ``netrestrict`` as long as other limits by subnet would follow
    from it than at the start.
    """

    changed: tuple[str, ...]
    needs_restart: tuple[str, ...]


class Reloading:
    """Reads the configuration again as often as it is asked to, one time after the other."""

    def __init__(
        self,
        pump: Pump,
        files: Mapping[str, NetworkSet],
        set_bars: Callable[[Config, Mapping[str, NetworkSet]], None],
        set_peers: Callable[[Config], None],
        change_services: Callable[[Mapping[str, ServiceValue], Mapping[str, ServiceValue]], None],
    ) -> None:
        """``files``: the networks in the ban files. ``set_bars`` and ``set_peers`` take what the
        new configuration says of them. ``change_services`` takes the services of the old and of
        the new one; it raises UsageError for what no record can hold, and Busy.
        """
        self._pump = pump
        self._files = files
        self._set_bars = set_bars
        self._set_peers = set_peers
        self._change_services = change_services
        self._others: dict[str, Callable[[Any], None]] = {}
        self._counted_alone: list[str] = []
        """What the limits by subnet leave out since the start."""
        self._values: dict[str, Any] = {}
        self._origins: Mapping[str, Origin] = {}
        self._reread: Callable[[], GivenValues] | None = None
        self._turn = trio.Lock()
        self.around: Callable[[], AbstractContextManager[None]] = nullcontext
        """Is entered for each reload, to tell a service manager of it."""

    def begin(self, configured: GivenValues, reread: Callable[[], GivenValues]) -> None:
        """``configured``: what the node was started with. ``reread`` reads that again: it may
        block, and raises UsageError that names the file, the option or the key.
        """
        self._values = dict(configured.values)
        self._origins = configured.origins
        self._reread = reread
        self._counted_alone = sorted(of_one_netgroup(self._value(self._values, NETRESTRICT)))

    @property
    def values(self) -> Values:
        """The values that are in force, of the keys that were given; empty where `begin` was not
        called.
        """
        return self._values

    def origin_of(self, key: str) -> Origin:
        """What gave the present value of a key that takes effect while the node runs."""
        return self._origins.get(key, "program")

    def takes(self, key: str, apply: Callable[[Any], None]) -> None:
        """A key whose value ``apply`` takes while the node runs; it raises nothing."""
        self._others[key] = apply

    async def reload(self) -> Reloaded:
        """Reads the configuration again, and lets what can change take effect.

        Raises:
            UsageError: the configuration is wrong, or the program that opened the node has none.
                Nothing was changed.
            Busy: the services were changed several times within minutes, or the system has no
                thread left. Nothing was changed.
        """
        if self._reread is None:
            refusal = UsageError(
                "this node has no configuration that could be read again: it is a devnet, or a "
                "program opened it"
            )
            self._pump.publish(ReloadRefused(str(refusal)))
            raise refusal
        reread = self._reread

        def read() -> tuple[GivenValues, Config, dict[str, NetworkSet]]:
            configured = reread()
            config = config_from(configured.values)
            return configured, config, read_ban_files(config.ban_file)

        async with self._turn:
            with self.around():
                return await self._read_again(read)

    async def _read_again(
        self, read: Callable[[], tuple[GivenValues, Config, dict[str, NetworkSet]]]
    ) -> Reloaded:
        try:
            configured, config, files = await in_thread(read)
            reloaded = self._apply(configured.values, config, files)
        except (RuntimeError, MemoryError):
            error: KadiscError = Busy("the system has no thread left to read the configuration")
            self._pump.publish(ReloadRefused(str(error)))
            raise error from None
        except KadiscError as wrong:
            self._pump.publish(ReloadRefused(str(wrong)))
            raise
        self._origins = configured.origins
        self._pump.publish(ConfigReloaded(*reloaded))
        return reloaded

    def _apply(self, values: Values, config: Config, files: Mapping[str, NetworkSet]) -> Reloaded:
        """First what can fail."""
        differs = [
            key for key in KEYS if self._value(self._values, key) != self._value(values, key)
        ]
        if files != self._files and BAN_FILE not in differs:
            differs = [key for key in KEYS if key in differs or key == BAN_FILE]
        takes = {*BARS, PEER, SERVICE, *OF_FEEDS, *self._others}
        live = [key for key in differs if key in takes]
        if SERVICE in live:
            self._change_services(services_of(config_from(self._values)), services_of(config))
        if any(key in BARS for key in live):
            self._set_bars(config, files)
            self._files = files
        if PEER in live:
            self._set_peers(config)
        for key in live:
            if key in self._others:
                self._others[key](self._value(values, key))
            self._values[key] = self._value(values, key)
        counts_alone = of_one_netgroup(self._value(values, NETRESTRICT))
        waits = [key for key in differs if key not in live]
        if sorted(counts_alone) != self._counted_alone:
            waits.append(NETRESTRICT)
        return Reloaded(tuple(live), tuple(waits))

    @staticmethod
    def _value(values: Values, key: str) -> Any:
        return values.get(key, KEYS[key].default)
