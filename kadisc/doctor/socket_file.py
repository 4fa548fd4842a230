"""The check ``socket``: whether commands and programs get to the running node."""

from __future__ import annotations

from .check import DoctorCheck
from .finding import DoctorFinding, failure, ok, skipped, warning
from .machine import LockFacts, MachineFacts, SocketFileFacts, Unknown


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.socket
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    return (_of(known, facts),)


def _of(known: SocketFileFacts, facts: MachineFacts) -> DoctorFinding:
    path = known.path
    if known.path_bytes > known.max_path_bytes:
        return failure(
            "",
            f"the path of the control socket has {known.path_bytes} bytes, and the system takes "
            f"{known.max_path_bytes}: no command would get to the node",
            "use a shorter --state-dir",
        )
    if known.kind == "other":
        return failure(
            "", f"{path} is no socket, so none can be made there", f"mv {path} {path}.old"
        )
    holds = isinstance(facts.lock, LockFacts) and facts.lock.is_held
    if known.kind == "missing":
        if holds:
            return failure(
                "",
                f"a node has the folder, and its control socket {path} is gone",
                "restart the node: somebody removed the socket",
            )
        return ok("", f"no node runs; its control socket would be {path}")
    if known.connects == "denied":
        return failure(
            "",
            f"{path} (mode {known.mode:04o}, of user {known.owner}) does not let user "
            f"{known.user} in",
            f"run this command as user {known.owner}, or chmod 600 {path} as that user",
        )
    if known.connects == "refused":
        return warning(
            "",
            f"{path} is left over from a node that was killed",
            f"rm {path}; the next node replaces it by itself",
        )
    if known.connects != "yes":
        return failure(
            "",
            f"the node at {path} does not answer: {known.connects}",
            f"see what process {known.process} does, or restart it: kill -9 {known.process}"
            if known.process is not None
            else "see what its process does, and restart it",
        )
    meant = 0o660 if facts.setup.control_group is not None else 0o600
    if known.mode != meant:
        return warning(
            "",
            f"{path} has mode {known.mode:04o}, not {meant:04o}"
            + (": others may steer the node" if known.mode & ~meant & 0o022 else ""),
            f"chmod {meant:o} {path}",
        )
    return ok("", f"{path} answers, with mode {known.mode:04o}")


SOCKET = DoctorCheck("socket", look=look, needs=("socket", "lock"), after=("state", "lock"))
