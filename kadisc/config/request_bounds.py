"""The most that one call of a program, one request at the control socket or one command may ask
for. A node serves them on the thread that serves the network too: these bounds are fixed, because
one request beyond them would hold up everything else.
"""

from __future__ import annotations

from typing import Final

MAX_K: Final = 1000
"""Nodes that a lookup looks for."""
MAX_PATHS: Final = 16
"""Disjoint paths of a lookup: each keeps as much as a lookup of its own."""
MAX_COUNT: Final = 1000
"""Peers that a search ends at."""
MAX_WAIT_S: Final = 86_400
"""Seconds that a search waits for peers."""
MAX_PINGED: Final = 8
"""Addresses of a name that are pinged at once."""
