"""``kadisc stop``: ends the running node, and waits until its process has gone."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

from ..errors import Closed, KadiscError, NotRunning
from .descriptions import NEEDS_A_RUNNING_NODE
from .options import add_folder_options
from .output import ProgressLine, print_json, show

SUMMARY = "end the running node in order"
DESCRIPTION = (
    "Ends the node that runs with this state folder: it says goodbye to its peers, saves its state "
    "and closes its sockets. Waits until its process has gone, so that another one may be started. "
    "A service manager that restarts the node does so all the same: use its own command there. "
    + NEEDS_A_RUNNING_NODE
)
EXAMPLES = """\
examples:
  kadisc stop
  kadisc stop --state-dir ./node-b && kadisc run --state-dir ./node-b"""

_SILENCE_S: Final = 10.0
PATIENCE_S: Final = 60.0
"""How long the process may take to end: its last save alone has 5 s."""
_LOOK_AGAIN_S: Final = 0.05


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")
    add_folder_options(parser)


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _stop(options))


async def _stop(options: argparse.Namespace) -> int:
    import trio

    from ..control.client import open_client
    from ..control.methods.reload import STOP, StopParams
    from ..control.socket_file import socket_path
    from .options import configuration, running_folder

    path = socket_path(running_folder(configuration(options)))
    async with open_client(path) as client:
        process = _Process(client.process)
        try:
            try:
                told = (await client.call(STOP, StopParams(), silence_s=_SILENCE_S)).pid
            except Closed:
                told = process.pid or 0  # another command, or a signal, has just ended it
            line = ProgressLine()
            line.show(f"process {told} is ending")
            try:
                with trio.fail_after(PATIENCE_S):
                    await process.gone(path)
            except trio.TooSlowError:
                raise KadiscError(
                    f"process {told} has not ended within {PATIENCE_S:g} s; kill -KILL {told} ends "
                    "it without saving"
                ) from None
            finally:
                line.clear()
        finally:
            process.close()
    if options.json:
        print_json({"pid": told})
    else:
        show(f"process {told} has stopped")
    return 0


class _Process:
    """The process at the other end of the socket. ``pid`` is None where the system does not tell,
    as between two containers.
    """

    def __init__(self, pid: int | None) -> None:
        self.pid = pid
        self._handle: int | None = None
        if pid is not None and hasattr(os, "pidfd_open"):
            try:
                self._handle = os.pidfd_open(pid)
            except OSError:
                self._handle = None  # an old kernel, or it has gone already

    async def gone(self, path: Path) -> None:
        """Returns when it has ended, or where it cannot be seen, when nothing listens at the socket
        any more.
        """
        import trio

        from ..control.client import open_client

        if self._handle is not None:
            await trio.lowlevel.wait_readable(self._handle)
            return
        while True:
            if self.pid is not None:
                if not _exists(self.pid):
                    return
            else:
                try:
                    async with open_client(path):
                        pass
                except NotRunning:
                    return
            await trio.sleep(_LOOK_AGAIN_S)

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
