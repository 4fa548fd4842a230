"""Networks of a test's own: namespaces of the kernel, which end with what runs in them. No root is
needed where users may have some of theirs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

from . import network_guard

NAMESPACES = ["unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"]
"""The program after these is process 1 there: when it ends, for whatever reason, the kernel ends
all it started.
"""
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name not in network_guard.SWITCHES
} | {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
"""There nodes may map ports and watch interfaces."""


class UnavailableError(Exception):
    """Such networks cannot be made on this machine; the message says why."""


def check_namespaces(trial: str, namespaces: Sequence[str] = NAMESPACES) -> None:
    """``trial``: shell commands that set up what will be needed. Raises UnavailableError."""
    for tool in ("unshare", "ip"):
        if shutil.which(tool, path=ENVIRONMENT["PATH"]) is None:
            raise UnavailableError(
                f"the program {tool} is missing (Debian packages util-linux and iproute2)"
            )
    done = subprocess.run(
        [*namespaces, "sh", "-c", trial],
        capture_output=True,
        text=True,
        timeout=30,
        env=ENVIRONMENT,
    )
    if done.returncode != 0:
        raise UnavailableError(f"no network namespace can be made here: {done.stderr.strip()}")
