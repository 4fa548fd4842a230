"""``kadisc run``: runs a node, or a whole devnet, until it is stopped."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import UsageError
from .options import add_run_options, from_1_to
from .output import is_lively, say

if TYPE_CHECKING:
    import trio

    from ..core.contract.events import Joined
    from ..net.api.node import Node
    from .run_log import RunLog
    from .tasks import Ending, Hangups

MAX_NODES = 1000
"""As of `net/devnet.py`, which a help text need not import."""
SUMMARY = "run a node (the default command)"
DESCRIPTION = (
    "Runs a node until Ctrl-C, SIGTERM or kadisc stop. It rejoins through saved contacts and "
    "bootstrap hosts, retries while they are unreachable, and answers other nodes. With --devnet a "
    "whole network runs in this process, on 127.x.y.z, to try everything without internet. Without "
    "--bind it listens at port 6881 in every address family, or at any free port if that one is "
    "in use. At SIGHUP it reads its configuration again, as by kadisc reload."
)
EXAMPLES = """\
examples:
  kadisc run --devnet 60                            a whole network, no internet
  kadisc run --network mychain --service p2p=9333   beside a node of your chain
  kadisc run --bootstrap dht.libtorrent.org:25401   join Mainline
  kadisc run --bind 0.0.0.0:6881 --bind [::]:6881   one address per family
  kadisc run --devnet 60 --json                     one JSON line for each event"""

MIDDLE_COLLECTIONS = 500
"""All generations are collected at most once in so many collections of the younger two."""
_SUMMARY_INTERVAL_S = 60.0
_RELOAD_AGAIN_S = 1.0
_DEVNET_JOIN_S = 90.0
"""How long the ``joined`` event of a devnet waits for all of its nodes: a large devnet takes time
on a small machine, and a node that is stuck must not hide that the others have joined.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument(
        "--devnet",
        type=from_1_to(MAX_NODES),
        metavar="N",
        help="run N nodes on this machine; the first is yours, the others join through it",
    )
    parser.add_argument(
        "--no-dashboard",
        action="store_true",
        help="print log lines instead of the dashboard, also on a terminal",
    )
    parser.add_argument(
        "--json", action="store_true", help="print a JSON line for each event, and nothing else"
    )


def execute(options: argparse.Namespace) -> int:
    if options.ephemeral and options.state_dir is not None:
        raise UsageError("--ephemeral keeps no state, so it cannot be given with --state-dir")
    import gc

    gc.disable()  # until `spare_collections`: it would take a tenth of the time of the imports
    try:
        from .tasks import Ending, Hangups, run_until_signalled

        ending, hangups = Ending(), Hangups()
        # A signal is the normal end of a node; but SIGHUP has it read its configuration again.
        return run_until_signalled(
            lambda: _run(options, ending, hangups), when_signalled=0, ending=ending, hangups=hangups
        )
    finally:
        gc.enable()


def spare_collections() -> None:
    """Makes the garbage collector stop this process seldom and briefly. For a process that is a
    node and nothing else: a program that uses kadisc decides for itself.

    A collection of all generations looks at every object that can hold others. A node at all its
    bounds has some 100,000, half of them modules, classes and functions: with no reply meanwhile,
    that takes 60 ms. What is there at the start is left out from now on, and all generations are
    collected a fiftieth as often: what a node makes is nearly always freed without the collector.
    Nothing is collected before that, and the collector is off: imports leave two dozen objects of
    garbage, and to look for them takes 30 ms, in which the node could join.
    """
    import gc

    gc.freeze()
    gc.enable()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, MIDDLE_COLLECTIONS)


async def _run(options: argparse.Namespace, ending: Ending, hangups: Hangups) -> int:
    import trio

    from ..net.config_file import config_from
    from ..net.transport.nurseries import open_flat_nursery
    from ..service.notify import Notifier
    from ..service.watchdog import status_words, told
    from .launch import configured, opened
    from .log_options import log_for
    from .run_log import RunLog

    given = configured(options)
    log = RunLog(log_for(options, config_from(given.values).log))
    notifier = Notifier.from_environment(say)
    try:
        async with (
            opened(options, given) as nodes,
            told(
                notifier,
                lambda: status_words(nodes[0].snapshot()),
                lambda: all(node.pump.keeps_up for node in nodes),
            ),
            open_flat_nursery() as nursery,
        ):
            spare_collections()
            nodes[0].administration.stop = lambda: ending.end("kadisc stop")
            nodes[0].administration.reloading.takes("log.level", log.set_level)
            nodes[0].administration.reloading.around = notifier.reload
            nursery.start_soon(_reload_at, hangups, nodes[0])
            if not await _show(nodes, options, log):
                await _log(nodes, log, is_devnet=options.devnet is not None)
            nursery.cancel_scope.cancel()
    except trio.Cancelled:
        log.stopped(ending.signal.name if ending.signal is not None else None, ending.by)
        raise
    log.stopped(None)
    return 0


async def _reload_at(hangups: Hangups, node: Node) -> None:
    """Has the node read its configuration again at each SIGHUP, at most once a second."""
    import trio

    from ..errors import KadiscError

    while True:
        await hangups.next()
        with suppress(KadiscError):  # an event says so
            await node.administration.reloading.reload()
        await trio.sleep(_RELOAD_AGAIN_S)


async def _show(nodes: Sequence[Node], options: argparse.Namespace, log: RunLog) -> bool:
    """Shows the dashboard until the user quits it; returns False at once if there is none."""
    if log.log.form != "text" or options.no_dashboard or not is_lively(sys.stdout):
        return False
    # Without a dashboard rich is not imported, which saves a tenth of the memory.
    from .live import open_screen, show_live

    screen = open_screen()
    if screen is not None:
        await show_live(nodes, screen, is_devnet=options.devnet is not None)
    return screen is not None


async def _log(nodes: Sequence[Node], log: RunLog, *, is_devnet: bool) -> None:
    from ..core.contract.events import Joined
    from ..net.transport.nurseries import open_flat_nursery
    from ..observe.event_names import NOTABLE

    async with nodes[0].subscribe(*NOTABLE) as events, open_flat_nursery() as nursery:
        log.listening(nodes)
        if is_devnet:
            log.controlled(nodes[0])
        nursery.start_soon(_summaries, log, nodes)
        nursery.start_soon(log.log.keep)
        nursery.start_soon(_log_fine, log, nodes[0])
        async for event in events:
            if isinstance(event, Joined):
                nursery.start_soon(_log_joined, log, nodes, event)
            else:
                log.event(event)


async def _log_fine(log: RunLog, node: Node) -> None:
    """Logs the events of the level ``debug``, which are not even counted at other levels."""
    from ..net.transport.nurseries import open_flat_nursery
    from ..observe.event_names import FINE
    from ..service.log_lines import DEBUG

    while True:
        if log.log.writes(DEBUG):
            async with node.subscribe(*FINE) as events, open_flat_nursery() as nursery:
                nursery.start_soon(_until_level_changed, log, nursery.cancel_scope)
                async for event in events:
                    log.fine(event)
        else:
            await log.log.level_changed()


async def _until_level_changed(log: RunLog, scope: trio.CancelScope) -> None:
    await log.log.level_changed()
    scope.cancel()


async def _log_joined(log: RunLog, nodes: Sequence[Node], event: Joined) -> None:
    import trio

    # To the user a devnet is one network: it has joined when all of its nodes have.
    with trio.move_on_after(_DEVNET_JOIN_S):
        for node in nodes:
            await node.joined()
    log.joined(nodes, event.family)


async def _summaries(log: RunLog, nodes: Sequence[Node]) -> None:
    import trio

    while True:
        await trio.sleep(_SUMMARY_INTERVAL_S)
        log.summary(nodes[0])
