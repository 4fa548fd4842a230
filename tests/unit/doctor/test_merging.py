"""What becomes of findings: by the node and by the machine, and those that follow from others."""

from __future__ import annotations

from kadisc.doctor.checks import (
    CHECKS,
    asks_node,
    examine,
    examine_machine,
    facts_for,
    merged,
    needs_node,
)
from kadisc.doctor.finding import CheckResult, CheckVerdict, failure, ok, skipped, warning
from kadisc.doctor.machine import MachineFacts
from kadisc.doctor.names import NAMES

from .facts import node_facts
from .machine import machine

NO_ROUTE = CheckResult("route", (failure("IPv4", "no route", "add one"),))
NOT_JOINED = CheckResult("joined", (failure("IPv4", "not joined", "look"), ok("IPv6", "joined")))


def verdicts(results: tuple[CheckResult, ...]) -> dict[str, str]:
    return {each.name: each.verdict.value for each in results}


def test_names_and_causes_are_those_of_checks() -> None:
    assert tuple(check.name for check in CHECKS) == NAMES
    assert len(set(NAMES)) == len(NAMES)
    fields = MachineFacts.__dataclass_fields__
    for check in CHECKS:
        assert check.find is not None or check.look is not None
        assert set(check.after) < set(NAMES) - {check.name}
        assert set(check.needs) <= set(fields)


def test_a_cause_stands_before_what_it_explains() -> None:
    assert [
        (check.name, cause)
        for check in CHECKS
        for cause in check.after
        if NAMES.index(cause) > NAMES.index(check.name)
    ] == [("services", "chain")]  # the one that is tested from outside is told first


def test_what_follows_from_a_failure_is_told_as_such() -> None:
    found = merged([NOT_JOINED], [NO_ROUTE], ["route", "joined"])
    assert verdicts(found) == {"route": "failure", "joined": "ok"}
    first, second = found[1].findings
    assert first == skipped("IPv4", "not joined (follows from route)")
    assert second == ok("IPv6", "joined")


def test_the_first_cause_is_named() -> None:
    firewall = CheckResult("firewall", (failure("", "drops", "delete it"),))
    resolver = CheckResult("resolver", (failure("a", "lost", "name one"),))
    found = merged([NOT_JOINED], [firewall, resolver], ["firewall", "resolver", "joined"])
    assert verdicts(found) == {"firewall": "failure", "resolver": "skipped", "joined": "ok"}
    assert found[2].findings[0].sentence == "not joined (follows from firewall)"


def test_what_the_operator_chose_follows_from_nothing() -> None:
    chosen = CheckResult("reachable", (warning("", "read-only", "x"), failure("IPv4", "no", "y")))
    [_, found] = merged([chosen], [NO_ROUTE], ["route", "reachable"])
    assert [each.verdict.value for each in found.findings] == ["warning", "skipped"]


def test_a_warning_explains_nothing() -> None:
    warned = CheckResult("route", (warning("IPv6", "no route", "add one"),))
    assert verdicts(merged([NOT_JOINED], [warned], ["route", "joined"])) == {
        "route": "warning",
        "joined": "failure",
    }


def test_without_the_cause_the_failure_stands() -> None:
    assert verdicts(merged([NOT_JOINED], [], ["joined"])) == {"joined": "failure"}


def test_without_a_node_its_checks_are_skipped() -> None:
    found = merged("no node runs", [NO_ROUTE])
    assert [each.name for each in found] == list(NAMES)
    assert verdicts(found)["route"] == "failure"
    joined = next(each for each in found if each.name == "joined")
    assert joined.verdict is CheckVerdict.SKIPPED
    assert joined.findings[0].sentence == "not looked at: no node runs"


def test_the_machine_and_the_node_tell_of_one_check_together() -> None:
    of_node = examine(node_facts(), ["state"])
    of_machine = examine_machine(machine(), ["state"])
    [state] = merged(of_node, of_machine, ["state"])
    assert [each.verdict.value for each in state.findings] == ["skipped", "ok"]
    assert state.verdict is CheckVerdict.OK


def test_only_what_is_needed_is_gathered() -> None:
    assert facts_for(["lock", "joined"]) == {"lock", "socket"}
    assert facts_for(["bootstrap"]) == {"bootstrap", "resolver"}
    assert not asks_node(["lock", "route"])
    assert asks_node(["sockets"])
    assert not needs_node(["sockets", "state"])  # the machine tells enough
    assert needs_node(["sockets", "joined"])
