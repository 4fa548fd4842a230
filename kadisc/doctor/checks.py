"""All checks, in the order in which they are printed, and what becomes of their findings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from .address import ADDRESS
from .bootstrap import BOOTSTRAP
from .buffers import BUFFERS
from .chain import CHAIN
from .check import DoctorCheck
from .clock import CLOCK
from .config import CONFIG
from .conntrack import CONNTRACK
from .facts import DoctorFacts
from .finding import CheckResult, CheckVerdict, DoctorFinding, skipped
from .firewall import FIREWALL
from .joined import JOINED
from .lan import LAN
from .lock import LOCK
from .machine import MachineFacts
from .mapping import GATEWAY, MAPPING
from .mtu import MTU
from .names import NAMES
from .network import NETWORK
from .overflows import OVERFLOWS
from .reachable import REACHABLE
from .resolver import RESOLVER
from .route import ROUTE
from .services import SERVICES
from .socket_file import SOCKET
from .sockets import SOCKETS
from .state import STATE
from .table import TABLE

CHECKS: tuple[DoctorCheck, ...] = (
    *(CONFIG, STATE, LOCK, SOCKET, SOCKETS, BUFFERS, OVERFLOWS, CLOCK),
    *(ROUTE, FIREWALL, CONNTRACK, RESOLVER, BOOTSTRAP, MTU),
    *(JOINED, TABLE, ADDRESS, REACHABLE, GATEWAY, MAPPING, LAN, NETWORK, SERVICES, CHAIN),
)
"""From the files of the node to its network; those that explain others stand before them."""
assert tuple(check.name for check in CHECKS) == NAMES


def examine(facts: DoctorFacts, only: Collection[str] = NAMES) -> tuple[CheckResult, ...]:
    """The findings of the checks that a node makes of itself."""
    return tuple(
        CheckResult(check.name, findings)
        for check in CHECKS
        if check.name in only and check.find is not None and (findings := check.find(facts))
    )


def examine_machine(facts: MachineFacts, only: Collection[str] = NAMES) -> tuple[CheckResult, ...]:
    """The findings of the checks of the machine."""
    return tuple(
        CheckResult(check.name, findings)
        for check in CHECKS
        if check.name in only and check.look is not None and (findings := check.look(facts))
    )


def facts_for(only: Collection[str]) -> frozenset[str]:
    """The facts of the machine that these checks need."""
    return frozenset(need for check in CHECKS if check.name in only for need in check.needs)


def asks_node(only: Collection[str]) -> bool:
    """Whether a running node has something to tell of one of these checks."""
    return any(check.find is not None for check in CHECKS if check.name in only)


def needs_node(only: Collection[str]) -> bool:
    """Whether one of these checks can be made by a node alone, so that one is opened for it."""
    return any(
        check.find is not None and check.look is None for check in CHECKS if check.name in only
    )


def merged(
    of_node: Iterable[CheckResult] | str,
    of_machine: Iterable[CheckResult],
    only: Collection[str] = NAMES,
) -> tuple[CheckResult, ...]:
    """One result a check. ``of_node``: or the reason why no node could be examined."""
    found: dict[str, list[DoctorFinding]] = {name: [] for name in NAMES if name in only}
    for result in of_machine:
        found[result.name] += result.findings
    if not isinstance(of_node, str):
        for result in of_node:
            if result.name in found:
                found[result.name] += result.findings
    for check in CHECKS:
        if check.name in found and not found[check.name]:
            reason = of_node if isinstance(of_node, str) else "the node tells nothing of it"
            found[check.name].append(skipped("", f"not looked at: {reason}"))
    return explained([CheckResult(name, tuple(each)) for name, each in found.items()])


def explained(results: Sequence[CheckResult]) -> tuple[CheckResult, ...]:
    """What fails or warns because of what another check fails for is skipped, and names that check:
    one fault is told once, with the remedy that mends it.
    """
    failed = {each.name for each in results if each.verdict is CheckVerdict.FAILURE}
    checks: Mapping[str, DoctorCheck] = {check.name: check for check in CHECKS}
    first = {name for name in failed if not failed.intersection(checks[name].after)}
    return tuple(
        _because_of(each, causes[0], by_family=checks[each.name].by_family)
        if (causes := [name for name in checks[each.name].after if name in first])
        else each
        for each in results
    )


def _because_of(result: CheckResult, cause: str, *, by_family: bool) -> CheckResult:
    return replace(
        result,
        findings=tuple(
            skipped(each.about, f"{each.sentence} (follows from {cause})")
            if each.verdict.has_remedy and (each.about or not by_family)
            else each
            for each in result.findings
        ),
    )
