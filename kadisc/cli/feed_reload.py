"""``kadisc feed`` reads its configuration again: at SIGHUP, and when the running node does."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Final

import trio

from ..config.keys import KEYS
from ..errors import KadiscError, UsageError
from ..feed.node_link import NodeLink
from ..feed.report import FeedReport
from ..net.config_file import GivenValues
from ..observe.admin_events import reload_words
from ..service.notify import Notifier
from .options import values_given_again
from .tasks import Hangups

WANT: Final = "feed.want"
LEVEL: Final = "log.level"
AT_THE_START: Final = ("log.format", "log.addresses", "state_dir")
_AGAIN_S: Final = 1.0
_NODE_AGAIN_S: Final = 5.0


class FeedReloading:
    """``given``: what the feed was started with. ``takes``: what takes the value of each key that
    can change while it runs.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        given: GivenValues,
        report: FeedReport,
        takes: Mapping[str, Callable[[Any], None]],
    ) -> None:
        self._options = options
        self._values = dict(given.values)
        self._report = report
        self._takes = takes

    async def keep(self, hangups: Hangups, notifier: Notifier) -> None:
        """A task: reads it at each SIGHUP, at most once a second."""
        while True:
            await hangups.next()
            with notifier.reload():
                self._read_again()
            await trio.sleep(_AGAIN_S)

    async def follow(self, node: NodeLink, hangups: Hangups) -> None:
        """A task: a reload of the running node counts as SIGHUP."""
        while True:
            try:
                await node.hear_reloads(hangups.note)
            except KadiscError:  # the task that follows peers tells of it
                await trio.sleep(_NODE_AGAIN_S)

    def _read_again(self) -> None:
        try:
            values = values_given_again(self._options).values
        except UsageError as error:
            self._report.warn("reload", f"nothing was changed: {error}")
            return
        differs = [
            key
            for key in (*self._takes, *AT_THE_START)
            if _value(self._values, key) != _value(values, key)
        ]
        changed = [key for key in differs if key in self._takes]
        for key in changed:
            self._values[key] = value = _value(values, key)
            self._takes[key](value)
        needs_restart = [key for key in differs if key not in self._takes]
        self._report.tell(
            "reload",
            reload_words(changed, needs_restart),
            changed=changed,
            needs_restart=needs_restart,
        )


def _value(values: Mapping[str, Any], key: str) -> Any:
    return values.get(key, KEYS[key].default)
