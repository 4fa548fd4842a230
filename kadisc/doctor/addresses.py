"""The check ``addresses``: whether the sockets are open where the node is to listen."""

from __future__ import annotations

from ..endpoints import format_endpoint
from ..observe.describe import family_name
from ..observe.socket_snapshot import SocketState
from .facts import DoctorFacts, FamilyFacts
from .finding import DoctorCheck, DoctorFinding, failure, ok


def find(facts: DoctorFacts) -> tuple[DoctorFinding, ...]:
    return tuple(map(_of_family, facts.families))


def _of_family(family: FamilyFacts) -> DoctorFinding:
    name, socket = family_name(family.family), family.socket
    where = format_endpoint(socket.endpoint)
    if socket.state is SocketState.OPEN:
        return ok(name, f"listens at {where}")
    return failure(
        name,
        f"cannot listen at {where}: {socket.reason or 'no interface has that address any more'}",
        "give an interface that address again, and the node opens the socket by itself; or start "
        "it with another --bind, such as the unspecified address",
    )


ADDRESSES = DoctorCheck("addresses", find)
