"""The check ``sockets``: whether the sockets are open where the node is to listen."""

from __future__ import annotations

from collections.abc import Iterator

from ..endpoints import format_endpoint
from ..observe.describe import family_name
from ..observe.socket_snapshot import SocketState
from .check import DoctorCheck
from .facts import DoctorFacts, FamilyFacts
from .finding import CheckVerdict, DoctorFinding, failure, ok, skipped, warning
from .machine import BindFacts, MachineFacts, SocketFileFacts, Unknown


def find(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    found = (each for family in facts.families for each in _of_family(family))
    # Where the node of this command listens is told by what was tried before it was opened.
    return tuple(each for each in found if facts.is_lasting or each.verdict is not CheckVerdict.OK)


def _of_family(family: FamilyFacts) -> Iterator[DoctorFinding]:
    name, socket = family_name(family.family), family.socket
    where = format_endpoint(socket.endpoint)
    if socket.state is SocketState.OPEN:
        own = [each for each in family.local_sockets if each.state is SocketState.OPEN]
        beside = f", and answers from each of {len(own)} addresses" if own else ""
        yield ok(name, f"listens at {where}{beside}")
        yield from _of_addresses(family)
        return
    yield failure(
        name,
        f"cannot listen at {where}: {socket.reason or 'no interface has that address any more'}",
        "give an interface that address again, and the node opens the socket by itself; or start "
        "it with another --bind, such as the unspecified address",
    )


def _of_addresses(family: FamilyFacts) -> Iterator[DoctorFinding]:
    """What keeps the node from answering from each address of the host."""
    name = family_name(family.family)
    for each in family.local_sockets:
        if each.state is SocketState.TAKEN:
            yield warning(
                name,
                f"another program has the port at {format_endpoint(each.endpoint)}, and gets what "
                "other nodes send there",
                "choose another port for one of the two, or let that program go",
            )
    if beyond := [each for each in family.local_sockets if each.state is SocketState.COMMON]:
        yield warning(
            name,
            f"{len(beyond)} addresses of this host have no socket of their own: nodes that ask "
            "there are answered from another address, and drop that",
            "raise max_local_sockets in the configuration, or listen at one address with --bind",
        )


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    """Where a node would listen that does not run yet, or whether one that runs got its port."""
    known = facts.binds
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    listening = facts.socket.process if isinstance(facts.socket, SocketFileFacts) else None
    return tuple(
        skipped("", f"{each.holder}, which does not answer, has {each.address}: see socket")
        if each.holder is not None and each.holder.pid == listening and not facts.setup.is_running
        else _of_bind(each, is_running=facts.setup.is_running)
        for each in known
    )


def _of_bind(each: BindFacts, *, is_running: bool) -> DoctorFinding:
    if each.problem is None:
        return ok("", f"{each.address} can be listened at")
    if each.is_fallback:
        return warning(
            "",
            f"{each.address} is taken by {each.holder or 'another process'}, so the node "
            f"{'has' if is_running else 'takes'} another port, which strangers and routers have to "
            "learn anew at each start",
            f"kill {each.holder.pid}, then restart the node; or choose a port with --bind"
            if each.holder is not None
            else "choose a port with --bind",
        )
    if each.is_taken and each.holder is not None:
        return failure(
            "",
            f"{each.address} is taken by {each.holder}",
            f"kill {each.holder.pid}, or choose another port with --bind",
        )
    if each.is_taken:
        return failure(
            "",
            f"{each.address} is taken by a process that the system does not name",
            "run kadisc doctor as root to see which, or choose another port with --bind",
        )
    return failure(
        "",
        each.problem,
        "start the node with another --bind, such as the unspecified address 0.0.0.0:PORT",
    )


SOCKETS = DoctorCheck("sockets", find, look, needs=("binds", "socket"))
