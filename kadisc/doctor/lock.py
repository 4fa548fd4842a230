"""The check ``lock``: whether another process holds the lock of the state folder."""

from __future__ import annotations

from .check import DoctorCheck
from .finding import DoctorFinding, failure, ok, skipped
from .machine import MachineFacts, SocketFileFacts, Unknown
from .setup import ELSEWHERE


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.lock
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    running = facts.setup.pid
    if running == ELSEWHERE:
        return (skipped("", "the node is in another PID namespace, whose locks are not seen here"),)
    if not known.is_held:
        if running:
            return (
                failure(
                    "",
                    f"nobody holds {known.path}, though process {running} runs with that folder: a "
                    "second node could use its key",
                    "restart the node: its lock was removed or replaced",
                ),
            )
        return (ok("", f"no process holds {known.path}"),)
    if known.holder is None:
        if running:
            return (ok("", "held, as it must be while the node runs"),)
        return (
            failure(
                "",
                f"a process holds {known.path}, and no node answers there",
                f"find it as root with fuser -v {known.path}, and stop it",
            ),
        )
    socket = facts.socket
    if not running and isinstance(socket, SocketFileFacts) and socket.process == known.holder.pid:
        return (ok("", f"{known.holder} holds it, which listens at the control socket"),)
    if known.holder.pid == running:
        return (ok("", f"the running node holds it (process {running})"),)
    return (
        failure(
            "",
            f"{known.holder} holds {known.path}, so no node can start with that folder"
            if not running
            else f"{known.holder} holds {known.path}, and not the running node {running}",
            f"kill {known.holder.pid}, or give this node its own --state-dir",
        ),
    )


LOCK = DoctorCheck("lock", look=look, needs=("lock", "socket"))
