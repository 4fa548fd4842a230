"""Restores SIGINT: a shell starts background jobs with SIGINT ignored, child processes inherit
that, and the tests of Ctrl-C would fail.
"""

from __future__ import annotations

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
