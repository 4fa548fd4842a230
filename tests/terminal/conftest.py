"""A shell starts what it puts in the background with SIGINT ignored, and children inherit that:
Ctrl-C, which is tested here, would reach nobody.
"""

from __future__ import annotations

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
