"""A node behind the usual kinds of NAT.

`pytest -m real tests/routers` starts all scenarios at the first test, four at a time.
"""

import pytest

from ..support.routers.nat import KINDS
from ..support.scenario_runs import Seen

pytestmark = pytest.mark.real

OPEN = {"full-cone"}
"""The kinds through which a stranger gets in."""


@pytest.mark.parametrize("behind", [f"kinds/{kind}" for kind in KINDS], indirect=True, ids=KINDS)
def test_a_node_behind_a_nat_joins_and_learns_its_address(
    behind: Seen, request: pytest.FixtureRequest
) -> None:
    kind = request.node.callspec.id
    assert behind["stranger"] is (kind in OPEN)
    if kind == "blocked":
        assert not behind["joined"]
        return
    address = behind["address"]
    assert address["host"] == behind["router"]
    if kind in ("random", "fully-random"):
        assert address["port"] is None
    else:
        assert (address["port"] == 6881) is (kind != "shifted")
