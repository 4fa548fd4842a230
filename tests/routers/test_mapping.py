"""A node that has a real miniupnpd forward its ports."""

import pytest

from ..support.scenario_runs import Seen

pytestmark = pytest.mark.real

METHODS = {"both": "pcp", "pcp": "pcp", "natpmp": "natpmp"}


def behind(*parts: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "behind", [f"mapping/{part}" for part in parts], indirect=True, ids=parts
    )


@behind(*METHODS)
def test_a_mapped_port_is_proven_recorded_and_given_back(
    behind: Seen, request: pytest.FixtureRequest
) -> None:
    mapping = behind["mapping"]
    assert mapping["method"] == METHODS[request.node.callspec.id]
    assert mapping["external"] == behind["outside"]
    assert behind["stranger"]
    assert len(behind["rules"]) == 1
    assert behind["rules after"] == []


@behind("taken")
def test_another_port_is_granted_and_recorded_where_a_neighbour_has_it(behind: Seen) -> None:
    assert behind["port"] != 6881
    assert behind["stranger"]
    assert len(behind["rules"]) == 2
    assert (behind["reach"]["verdict"], behind["reach"]["how"]) == ("yes", "mapped")


@behind("restarted")
def test_a_port_is_mapped_again_after_the_router_forgot_it_or_the_node_was_killed(
    behind: Seen,
) -> None:
    """With the same nonce, without which no router would renew or delete it."""
    assert len(behind["nonces"]) == 1
    assert behind["nonces of the next run"] == behind["nonces"]
    assert behind["ports"] == ["6881"]


@behind("readdressed")
def test_a_router_that_announces_its_new_address_is_followed_at_once(behind: Seen) -> None:
    assert behind["took_s"] < 60  # 5 s are meant; beside other labs it took 26
    assert behind["stranger"]


@behind("readdressed-silently")
def test_a_new_address_without_a_notice_is_found_out(behind: Seen) -> None:
    assert behind["took_s"] < 90  # 60 s are meant
    assert behind["stranger"]


@behind("double")
def test_a_router_behind_another_is_told_as_such(behind: Seen) -> None:
    assert behind["reach"]["verdict"] == "no"
    assert behind["reach"]["nat"] == "double"


@behind("tunnelled")
def test_a_mapping_that_is_not_where_others_see_the_node_is_not_advertised(behind: Seen) -> None:
    home, outside = behind["addresses"]["home"], behind["addresses"]["exit"]
    assert behind["mapping"]["external"] == f"{home}:6881"
    assert behind["mapping"]["reason"]
    assert behind["reach"]["verdict"] == "no"
    assert all(each.startswith(outside) for each in behind["record"]["endpoints"])
