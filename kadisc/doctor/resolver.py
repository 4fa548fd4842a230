"""The check ``resolver``: whether the names of the nodes to join by have addresses."""

from __future__ import annotations

from .check import DoctorCheck
from .finding import DoctorFinding, failure, ok, skipped, warning
from .machine import MachineFacts, Unknown


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.resolver
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    names = [each for each in known.hosts if not each.is_numeric]
    if not names:
        return (ok("", "no name has to be resolved"),)
    lost = [each for each in names if not each.addresses]
    if not lost:
        return (ok("", f"{', '.join(each.host for each in names)} resolved"),)
    servers = f" (name servers {', '.join(known.servers)})" if known.servers else ""
    is_needed = not facts.setup.knows_nodes and len(lost) == len(known.hosts)
    say = failure if is_needed else warning
    return tuple(
        say(
            each.host,
            f"{each.problem or 'it has no address'}{servers}",
            "name a server that works in /etc/resolv.conf, or join by an address: --bootstrap "
            "IP:PORT",
        )
        for each in lost
    )


RESOLVER = DoctorCheck("resolver", look=look, needs=("resolver",), after=("route", "firewall"))
