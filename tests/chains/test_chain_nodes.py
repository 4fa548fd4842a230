"""``kadisc feed`` between kadisc and real chain nodes, on networks of their own.

`pytest tests/chains` starts all scenarios at the first test, two at a time.
"""

import pytest

from ..support.scenario_runs import Seen

pytestmark = pytest.mark.real


def beside(scenario: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("seen_beside_chain", [scenario], indirect=True, ids=[""])


@beside("connects_litecoin")
def test_two_litecoin_nodes_are_connected_and_a_dead_one_is_withdrawn(
    seen_beside_chain: Seen,
) -> None:
    """Within 20 s of the second's start on an idle machine; here beside another scenario."""
    steps = seen_beside_chain["steps"]
    assert steps["connected"] - steps["second started"] < 100
    assert steps["gone"] - steps["killed"] < 150
    assert steps["back"] - steps["restarted"] < 150
    assert "withdrawn" in seen_beside_chain["feed"]["a"]
    assert "advertised" in seen_beside_chain["feed"]["a"]


@pytest.mark.slow
@beside("keeps_real_timers")
def test_a_dead_litecoin_node_is_gone_and_back_within_150_s(seen_beside_chain: Seen) -> None:
    """With the timers of a user: a look every 15 s, and a minute until a node counts as dead."""
    steps = seen_beside_chain["steps"]
    assert steps["gone"] - steps["killed"] < 150
    assert steps["back"] - steps["restarted"] < 150


@beside("recovers_litecoin")
def test_each_failure_is_one_line_and_is_recovered_from(seen_beside_chain: Seen) -> None:
    told = seen_beside_chain["told"]
    assert {what: len(lines) for what, lines in told.items()} == {
        "password": 1,
        "chain node": 1,
        "running node": 1,
        "control socket": 1,
    }
    assert "refuses user or password (HTTP status 401)" in told["password"][0]
    assert all("trying again" in line for lines in told.values() for line in lines)
    assert seen_beside_chain["code"] is None


@beside("judges_decoys")
def test_decoys_are_judged_rightly_never_offered_and_asked_once(seen_beside_chain: Seen) -> None:
    assert seen_beside_chain["verdicts"] == {
        "http": "bad",
        "silent": "bad",
        "closing": "busy",
        "babbling": "bad",
        "nobody": "bad",
        "mainnet": "wrong-network",
        "full": "busy",
    }
    assert seen_beside_chain["offered"] == ["45.20.0.1:9333"]
    assert seen_beside_chain["given"] == ["45.20.0.1:9333"]
    assert seen_beside_chain["tried"] == 7
    assert set(seen_beside_chain["connections"].values()) == {1}


@beside("connects_handshake")
def test_hsd_is_connected_and_follows_a_block(seen_beside_chain: Seen) -> None:
    assert {"connected", "block"} <= seen_beside_chain["steps"].keys()


@beside("connects_bcoin")
def test_bcoin_is_connected_by_the_preset_by_options_and_at_another_host(
    seen_beside_chain: Seen,
) -> None:
    assert "45.20.0.9:48444" in seen_beside_chain["outbound"]
    assert all("/bcoin:" in words for words in seen_beside_chain["words"])
    assert "block" in seen_beside_chain["steps"]


@beside("connects_ethereumjs")
def test_ethereumjs_is_connected(seen_beside_chain: Seen) -> None:
    """What it lists before the connection stands has no version of the eth protocol."""
    assert "connected" in seen_beside_chain["steps"]


@beside("connects_monero")
def test_monerod_starts_with_a_file_of_peers_and_follows_a_block(seen_beside_chain: Seen) -> None:
    assert seen_beside_chain["code"] == 0
    assert seen_beside_chain["file"] == "add-priority-node=45.20.0.1:18080\n"
    assert seen_beside_chain["peers"] == ["45.20.0.1:18080"]
    assert "block" in seen_beside_chain["steps"]
