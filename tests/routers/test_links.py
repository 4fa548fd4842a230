"""The network of the machine changes: noticed within 2.2 s, five times that on a busy machine."""

import pytest

from ..support.scenario_runs import Seen

pytestmark = pytest.mark.real

NOTICED_S = 5 * 2.2
DECIDED_S = 5 * 10.0


@pytest.mark.parametrize("behind", ["links/cable"], indirect=True)
def test_a_node_follows_its_machine_to_another_router(behind: Seen) -> None:
    assert behind["cause"] == "addresses"
    assert behind["noticed_s"] <= NOTICED_S
    assert behind["decided_s"] <= DECIDED_S
    assert behind["after"] >= 0.9 * behind["before"]


@pytest.mark.parametrize("behind", ["links/readdress"], indirect=True)
def test_another_address_and_another_gateway_are_noticed(behind: Seen) -> None:
    assert behind["causes"] == ["addresses", "gateway"]
    assert max(behind["noticed_s"]) <= NOTICED_S
    assert behind["offline"] == []


@pytest.mark.parametrize("behind", ["links/bound"], indirect=True)
def test_a_bound_address_goes_and_comes_back(behind: Seen) -> None:
    assert behind["lost_s"] <= NOTICED_S and behind["back_s"] <= NOTICED_S
    [lost], [back] = behind["lost"], behind["back"]
    assert (lost["state"], back["state"]) == ("lost", "open")
    assert "no interface" in lost["reason"] and back["reason"] is None
    assert lost["endpoint"] == back["endpoint"]
    assert behind["meanwhile"] == behind["before"], "no contact is blamed"
    assert behind["after"] >= behind["before"]
    assert behind["online_s"] <= 5 * 10.0
    assert behind["code"] == 0 and behind["stopped_s"] <= 10.0


@pytest.mark.parametrize("behind", ["links/outage"], indirect=True)
def test_an_interface_that_is_down_for_half_a_minute_costs_no_contact(behind: Seen) -> None:
    assert behind["noticed_s"] <= NOTICED_S
    assert behind["after"] >= 0.9 * behind["before"]


@pytest.mark.parametrize("behind", ["addresses/ipv4"], indirect=True)
def test_each_address_of_a_host_answers_from_itself(behind: Seen) -> None:
    assert behind["answered"] == {"1": [True], "2": [True] * 2, "4": [True] * 4}
    assert behind["others"] == [True, True]


@pytest.mark.parametrize("behind", ["addresses/ipv6"], indirect=True)
def test_each_ipv6_address_of_a_host_answers_from_itself(behind: Seen) -> None:
    assert behind["answered"] == [True, True]
