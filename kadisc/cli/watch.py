"""``kadisc watch``: the live views of the node that runs with this state folder."""

from __future__ import annotations

import argparse
import sys

from ..errors import UsageError
from .descriptions import NEEDS_A_RUNNING_NODE
from .options import add_folder_options, from_1_to
from .output import is_lively

SUMMARY = "watch the running node in live views"
DESCRIPTION = (
    "Shows the node that runs with this state folder in the views of the dashboard: its state, its "
    "contacts, the peers of its network. Keys choose the view, sort and filter; ? lists them. q "
    "detaches, and the node runs on. When the node stops or is started anew, it is looked for and "
    "attached to again. With --once, or where stdout is not a terminal, one frame is printed. "
    + NEEDS_A_RUNNING_NODE
)
EXAMPLES = """\
examples:
  kadisc watch
  kadisc watch --state-dir ./node-b --view contacts
  kadisc watch --once --view peers --width 160      print one frame
  kadisc watch --json --interval 10                 a JSON line for each snapshot"""

MIN_INTERVAL_S, MAX_INTERVAL_S = 0.25, 60.0
"""Those of the method `watch`."""
MAX_CELLS = 1000
ONCE_WIDTH, ONCE_HEIGHT = 120, 40
"""The size of a frame that is printed, where nothing tells another."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--view", metavar="NAME", type=_view, help="the view to begin with (default: overview)"
    )
    parser.add_argument(
        "--interval",
        type=_interval_s,
        default=1.0,
        metavar="S",
        help=f"seconds between two snapshots, {MIN_INTERVAL_S:g} to {MAX_INTERVAL_S:g} "
        "(default: 1)",
    )
    parser.add_argument("--once", action="store_true", help="print one frame and end")
    for name, what in (("width", "columns"), ("height", "lines")):
        parser.add_argument(
            f"--{name}",
            type=from_1_to(MAX_CELLS),
            metavar="N",
            help=f"the {what} of the frame that --once prints (default: those of the terminal, or "
            f"{ONCE_WIDTH if name == 'width' else ONCE_HEIGHT})",
        )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a JSON line for each snapshot, and nothing else; with --once a single one",
    )
    add_folder_options(parser)


def _interval_s(text: str) -> float:
    try:
        seconds = float(text) if text.isascii() else -1.0
    except ValueError:
        seconds = -1.0
    if not MIN_INTERVAL_S <= seconds <= MAX_INTERVAL_S:
        raise argparse.ArgumentTypeError(
            f"expected {MIN_INTERVAL_S:g} to {MAX_INTERVAL_S:g} seconds, not {text!r}"
        )
    return seconds


def _view(name: str) -> str:
    from ..dashboard.views import VIEWS

    names = [view.name for view in VIEWS]
    if name not in names:
        raise argparse.ArgumentTypeError(f"there is no view {name!r}; there are {', '.join(names)}")
    return name


def execute(options: argparse.Namespace) -> int:
    if (options.width or options.height) and not options.once:
        raise UsageError("--width and --height are those of the frame that --once prints")
    if options.json and options.view is not None:
        raise UsageError("--json prints all that the views show, so that it takes no --view")
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _watch(options))


async def _watch(options: argparse.Namespace) -> int:
    from ..control.socket_file import socket_path
    from .options import configuration, running_folder
    from .watching import print_frame, print_snapshots, show_watched

    path = socket_path(running_folder(configuration(options)))
    if options.json:
        await print_snapshots(path, options.interval, once=options.once)
        return 0
    screen = None
    if not options.once and is_lively(sys.stdout):
        from .live import open_screen

        screen = open_screen()
    if screen is None:
        width, height = _size(options)
        await print_frame(path, options.view or "overview", width, height)
        return 0
    await show_watched(path, screen, options.view or "overview", options.interval)
    return 0


def _size(options: argparse.Namespace) -> tuple[int, int]:
    """That of the options, of the terminal, or the usual one."""
    import os

    try:
        columns, lines = os.get_terminal_size(sys.stdout.fileno())
        lines -= 1  # the prompt of the shell
    except (OSError, ValueError):
        columns, lines = ONCE_WIDTH, ONCE_HEIGHT
    width = options.width or columns or ONCE_WIDTH
    return width, options.height or (lines if lines > 0 else ONCE_HEIGHT)
