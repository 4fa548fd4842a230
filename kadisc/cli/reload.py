"""``kadisc reload``: the running node reads its configuration again."""

from __future__ import annotations

import argparse

from .descriptions import NEEDS_A_RUNNING_NODE
from .options import add_folder_options
from .output import print_json, show

SUMMARY = "have the running node read its configuration again"
DESCRIPTION = (
    "The running node reads its configuration file and the files of bans again, as at SIGHUP. "
    "These keys take effect at once: ban, ban_file, netrestrict (but for its limits by subnet), "
    "peer, service, log.level, and in each kadisc feed of the node feed.want. All others that "
    "differ are named, and need a restart. What was given as an option of kadisc run goes on to "
    "win over the file. A file that is wrong changes nothing, and the error says where. "
    + NEEDS_A_RUNNING_NODE
)
EXAMPLES = """\
examples:
  kadisc reload
  kadisc reload --state-dir ./node-b --json"""
_SILENCE_S = 60.0
"""A long list of bans takes seconds to read."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")
    add_folder_options(parser)


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _reload(options))


async def _reload(options: argparse.Namespace) -> int:
    from ..control.methods.reload import RELOAD, ReloadParams
    from ..observe.admin_events import reload_words
    from .asking import ask_running

    done = await ask_running(options, RELOAD, ReloadParams(), silence_s=_SILENCE_S)
    if options.json:
        print_json(done)
    else:
        show(reload_words(done.changed, done.needs_restart))
    return 0
