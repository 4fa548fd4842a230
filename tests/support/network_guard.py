"""Switches off what a node does with the network of the machine, for all tests and the processes
that they start, and installs the guard that notices any that does it all the same.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from kadisc.net.environment import BEACON_VARIABLE, MAPPING_VARIABLE, OFF, WATCH_VARIABLE

from .guard import sitecustomize as guard

_FOLDER: Final = tempfile.TemporaryDirectory(prefix="kadisc-guard-")
_LOG: Final = Path(_FOLDER.name, "log")
SWITCHES: Final = (MAPPING_VARIABLE, WATCH_VARIABLE, BEACON_VARIABLE)
"""The variables that tests in namespaces of their own take out again."""


def switch_off() -> None:
    """For this process and all that it starts. Before any of them is started."""
    os.environ.update(dict.fromkeys(SWITCHES, OFF))
    os.environ[guard.LOG_VARIABLE] = str(_LOG)
    os.environ[guard.NAMESPACE_VARIABLE] = guard.network_namespace()
    folder = str(Path(guard.__file__).parent)
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{folder}{os.pathsep}{others}" if others else folder
    guard.install()


def take_noted() -> list[str]:
    """What was addressed since the last call, by whichever process."""
    if not _LOG.exists():
        return []
    noted = _LOG.read_text().splitlines()
    _LOG.unlink()
    return noted
