"""What a node behind the usual kinds of NAT finds out about its address and its reachability.

`pytest -m real tests/routers` starts all scenarios at the first test, four at a time.
"""

import pytest

from ..support.routers.nat import KINDS
from ..support.scenario_runs import Seen

pytestmark = pytest.mark.real

OPEN = {"full-cone", "one-to-one"}
"""The kinds through which a stranger gets in."""
DEPENDENT = {"random", "fully-random"}
"""The kinds with another port for each destination."""


def behind(*parts: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "behind", [f"kinds/{part}" for part in parts], indirect=True, ids=parts
    )


def kind_of(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.id)


@behind(*KINDS, "one-to-one")
def test_a_node_behind_a_nat_learns_its_address(
    behind: Seen, request: pytest.FixtureRequest
) -> None:
    kind = kind_of(request)
    if kind == "blocked":
        assert not behind["joined"]
        return
    address = behind["address"]
    assert address["host"] == behind["router"]
    if kind in DEPENDENT:
        assert address["port"] is None
    else:
        assert (address["port"] == 6881) is (kind != "shifted")


@behind(*KINDS, "one-to-one")
def test_a_node_behind_a_nat_knows_whether_strangers_get_in(
    behind: Seen, request: pytest.FixtureRequest
) -> None:
    """Behind an address-restricted filter they do not, although hosts that were contacted do, from
    any port.
    """
    kind = kind_of(request)
    assert behind["stranger"] is (kind in OPEN)
    reach = behind["reach"]
    if kind == "blocked" or kind in DEPENDENT:
        assert reach["verdict"] in ("unknown", "no")
        assert reach["nat"] == ("dependent" if kind in DEPENDENT else "unknown")
        return
    assert reach["verdict"] == ("yes" if kind in OPEN else "no")
    assert reach["nat"] == ("open" if kind in OPEN else "restricted")
    address = f"{behind['router']}:{behind['address']['port']}"
    assert reach["endpoint"] == address
    assert behind["record"]["endpoints"] == [address]


@behind("public")
def test_a_node_without_a_router_is_reachable_directly(behind: Seen) -> None:
    reach = behind["reach"]
    assert (reach["verdict"], reach["how"], reach["nat"]) == ("yes", "direct", "none")
    assert reach["endpoint"] == f"{behind['address']}:6881"
    assert reach["proven_s_ago"] < 30


@behind("one-way")
def test_answers_that_do_not_get_out_are_no_proof(behind: Seen) -> None:
    assert behind["reach"]["one_way"]
    assert behind["reach"]["verdict"] in ("unknown", "no")


@behind("hairpin", "no-hairpin")
def test_a_neighbour_behind_the_same_router_changes_nothing(
    behind: Seen, request: pytest.FixtureRequest
) -> None:
    assert behind["reach"]["endpoint"] == behind["outside"]
    # From inside, the router forwards only with hairpinning: no witness may stand there.
    assert behind["pong"] is (kind_of(request) == "hairpin")
