"""A node whose network changes under it, one with IPv6 alone, and one with a TCP port."""

import pytest

from ..support.scenario_runs import Seen

pytestmark = pytest.mark.real


def behind(*parts: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "behind", parts, indirect=True, ids=[part.rpartition("/")[2] for part in parts]
    )


@behind("change/moved")
def test_a_node_that_moves_to_another_router_is_reachable_there(behind: Seen) -> None:
    assert behind["noticed_s"] < 11  # 2.2 s are meant
    assert behind["record_s"] < 50  # 10 s are meant
    assert behind["stranger"]
    assert len(behind["rules"]) == 1


@behind("change/forwarded")
def test_a_forward_that_is_added_or_removed_by_hand_is_noticed(behind: Seen) -> None:
    assert behind["yes_s"] < 60
    assert behind["no_s"] < 90


@behind("change/listening")
def test_a_tcp_port_is_mapped_recorded_and_checked(behind: Seen) -> None:
    assert behind["mapping"]["external"].endswith(":30304")
    assert behind["services"] == {"p2p": 30304}
    assert behind["service"]["port"] == 30304


@behind("ipv6/pinhole")
def test_a_pinhole_lets_strangers_in_over_ipv6(behind: Seen) -> None:
    assert behind["mapping"]["method"] == "pcp"
    assert behind["reach"]["endpoint"] == behind["outside"]
    assert behind["stranger"]


@behind("ipv6/no-pinhole")
def test_a_firewall_without_pinholes_is_closed_over_ipv6(behind: Seen) -> None:
    assert behind["mapping"] is None
    assert not behind["stranger"]
