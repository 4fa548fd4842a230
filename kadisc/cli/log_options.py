"""The log of the commands that run for long, as the configuration and ``--json`` want it."""

from __future__ import annotations

import argparse
import sys

from ..config.log import LogConfig
from ..errors import UsageError
from ..service.journal import is_journal
from ..service.log import Log
from .output import say, wants_color


def log_for(options: argparse.Namespace, config: LogConfig) -> Log:
    """A log on stdout. ``--json`` is short for ``--log-format json``. Raises UsageError."""
    form = config.format
    if options.json:
        given = getattr(options, "log.format")
        if given not in (None, "json"):
            raise UsageError(f"--json and --log-format {given} contradict each other")
        form = "json"
    if form == "auto":
        form = "journal" if is_journal(sys.stdout) else "text"
    return Log(
        form,
        say,
        level=config.level,
        addresses=config.addresses,
        colored=wants_color(sys.stdout),
    )
