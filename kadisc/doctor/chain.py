"""The check ``chain``: whether the chain node listens at the port that the node advertises."""

from __future__ import annotations

from .check import DoctorCheck
from .finding import DoctorFinding, failure, ok, skipped
from .machine import ChainPort, MachineFacts, Unknown


def look(facts: MachineFacts) -> tuple[DoctorFinding, ...]:
    known = facts.chain
    if isinstance(known, Unknown):
        return (skipped("", f"not looked at: {known.reason}"),)
    if not known:
        return (ok("", "the node advertises no port of a chain node"),)
    return tuple(_of(each) for each in known)


def _of(each: ChainPort) -> DoctorFinding:
    if each.is_other:
        return failure(
            each.service,
            f"TCP port {each.where} speaks, but {each.problem}",
            f"advertise the port of this chain (--service {each.service}=PORT), or compare the "
            "chain's name and magic",
        )
    if each.problem is not None:
        return failure(
            each.service,
            f"TCP port {each.where} is advertised, and {each.problem}",
            f"start the chain node so that it listens at port {each.where}, or withdraw it: kadisc "
            f"run without --service {each.service}",
        )
    return ok(each.service, f"TCP port {each.where} {each.speaks or 'accepts connections'}")


CHAIN = DoctorCheck("chain", look=look, needs=("chain",))
