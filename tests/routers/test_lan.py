"""Nodes on one link find each other without any server, and say nothing elsewhere."""

import pytest

from ..support.scenario_runs import Seen

pytestmark = pytest.mark.real


@pytest.mark.parametrize("behind", ["lan/meet"], indirect=True)
def test_three_hosts_and_two_nodes_on_one_meet(behind: Seen) -> None:
    assert behind["met_s"] <= 15.0  # 3 s are meant; each look starts a process on a busy machine
    assert behind["lan"]["state"] == "on"
    assert behind["lan"]["interfaces"] == [{"name": "eth0", "members": 3, "others": 0}]
    assert behind["frames on the wan"] == 0


@pytest.mark.parametrize("behind", ["lan/broadcast"], indirect=True)
def test_where_multicast_is_dropped_they_meet_by_broadcast(behind: Seen) -> None:
    assert behind["found"]


@pytest.mark.parametrize("behind", ["lan/crowd"], indirect=True)
def test_eight_ports_of_one_host_shut_nobody_out(behind: Seen) -> None:
    assert behind["sent"] > 300
    counts = behind["lan"]["interfaces"][0]
    assert counts["members"] == 1
    assert 0 < counts["others"] <= 63
    assert behind["lan"]["beacons"]["dropped.rate"] > 100


@pytest.mark.parametrize("behind", ["lan/silence"], indirect=True)
def test_nothing_is_sent_where_beacons_do_not_belong(behind: Seen) -> None:
    assert behind["elsewhere"] == [0, 0]
    assert behind["on the link"] >= 3
