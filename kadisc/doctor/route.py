"""The check ``route``: whether each address family that the node is bound in leads anywhere."""

from __future__ import annotations

from ..endpoints import Family
from ..observe.describe import family_name
from .check import DoctorCheck
from .finding import DoctorFinding, failure, ok, skipped, warning
from .machine import MachineFacts, RouteFacts, Unknown


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.routes
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    if not known:
        return (skipped("", "no address to listen at is known, see sockets"),)
    has_any = any(each.source is not None or each.needs_none for each in known)
    return tuple(_of(each, has_any=has_any) for each in known)


def _of(each: RouteFacts, *, has_any: bool) -> DoctorFinding:
    name = family_name(each.family)
    if each.source is not None:
        by = f" by {each.interface}" if each.interface else ""
        return ok(name, f"leaves from {each.source}{by}")
    if each.needs_none:
        return ok(name, f"{each.bound} needs no route to the internet")
    if has_any and not each.is_explicit:
        return ok(name, f"not used: this machine has no {name} route to the internet")
    add = "ip -6 route add" if each.family is Family.IPV6 else "ip route add"
    if has_any:
        return warning(
            name,
            f"the node listens at {each.bound}, and this machine has no {name} route",
            f"leave out --bind {each.bound}, or {add} default via ROUTER",
        )
    return failure(
        name,
        f"this machine has no default route in {name}",
        f"connect it, or {add} default via ROUTER",
    )


ROUTE = DoctorCheck("route", look=look, needs=("routes",))
