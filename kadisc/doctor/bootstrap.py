"""The check ``bootstrap``: whether the nodes to join by answer this machine."""

from __future__ import annotations

from .check import DoctorCheck
from .finding import DoctorFinding, failure, ok, skipped, warning
from .machine import MachineFacts, ResolverFacts, Unknown


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.bootstrap
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    if not known:
        if facts.setup.hosts:
            return (skipped("", "not asked: no address of them is known, see resolver"),)
        return (ok("", "the node is given none to join by"),)
    answered = [each for each in known if each.rtt_s is not None]
    if answered:
        words = ", ".join(
            f"{each.host} in {1000 * each.rtt_s:.0f} ms" for each in answered if each.rtt_s
        )
        silent = len({each.host for each in known} - {each.host for each in answered})
        return (ok("", f"answered: {words}" + (f"; {silent} silent" if silent else "")),)
    problems = {each.problem for each in known if each.problem}
    why = f" ({', '.join(sorted(problems))})" if problems else ""
    hosts = ", ".join(dict.fromkeys(each.host for each in known))
    all_resolved = not isinstance(facts.resolver, ResolverFacts) or all(
        each.addresses for each in facts.resolver.hosts
    )
    if facts.setup.joined or facts.setup.knows_nodes:
        return (
            warning(
                "",
                f"none answers: {hosts}{why}; the node has other contacts, and needs one of these "
                "only when it has lost them all",
                "replace it by a node that runs: --bootstrap HOST:PORT",
            ),
        )
    beside = "" if all_resolved else ", and others have no address"
    return (
        failure(
            "",
            f"none answers: {hosts}{why}{beside}",
            "allow outgoing UDP, and its answers, in the firewall of this machine and of its "
            "network, or join by another node: --bootstrap HOST:PORT",
        ),
    )


BOOTSTRAP = DoctorCheck(
    "bootstrap",
    look=look,
    needs=("bootstrap", "resolver"),
    after=("route", "resolver", "firewall"),
)
