"""kadisc among libtorrent and Transmission, on a network of their own without a way out.

`pytest tests/interop` starts all scenarios at the first test, four at a time, and takes half a
minute.

Each scenario also runs with libtorrent in kadisc's place: when that fails too, the lab is at fault
and not kadisc.
"""

from typing import Any

import pytest

from .lab import Seen

pytestmark = pytest.mark.real

BOTH_FAMILIES = ("4", "6")
SUBJECTS = ("libtorrent", "kadisc")


def runs_of(scenario: str, families: tuple[str, ...] = BOTH_FAMILIES) -> pytest.MarkDecorator:
    pairs = [(f"{scenario}/{family}", subject) for subject in SUBJECTS for family in families]
    return pytest.mark.parametrize(
        "seen", pairs, indirect=True, ids=[f"{subject}-ipv{name[-1]}" for name, subject in pairs]
    )


def check_found(seen: Seen, *names: str) -> None:
    """`kadisc find random` returned these clients with their IDs, versions and round-trip times."""
    found: dict[str, Any] | None = seen["find"]
    if found is None:  # the subject has no such command
        return
    assert {"target", "nodes", "elapsed_s", "queries", "hops"} <= found.keys()
    assert len(bytes.fromhex(found["target"])) == 20
    nodes = {node["id"]: node for node in found["nodes"]}
    assert {seen["ids"][name] for name in names} <= nodes.keys()
    for name in names:
        node = nodes[seen["ids"][name]]
        assert 0 < node["rtt_ms"] < 10_000
        if name == "transmission":
            assert node["client"] is None  # Transmission sends no version
        else:
            assert node["client"]


@runs_of("bootstrap_of_others")
def test_real_clients_bootstrap_from_it(seen: Seen) -> None:
    """As a saved node it is adopted by libtorrent and Transmission, as a router it leads libtorrent
    to others; it hands out all of them.
    """
    assert "subject" in seen["replies"]["libtorrent"]
    assert "subject" in seen["replies"]["transmission"]
    assert {"libtorrent", "transmission"} <= set(seen["replies"]["subject"])
    assert "libtorrent" in seen["replies"]["routed"]
    check_found(seen, "subject", "libtorrent", "transmission")


@runs_of("joins_by_libtorrent")
def test_it_bootstraps_from_libtorrent_alone(seen: Seen) -> None:
    assert "subject" in seen["replies"]["libtorrent"]
    assert "libtorrent" in seen["replies"]["subject"]
    check_found(seen, "subject", "libtorrent")


@runs_of("joins_by_transmission")
def test_it_bootstraps_from_transmission_alone(seen: Seen) -> None:
    assert "subject" in seen["replies"]["transmission"]
    assert "transmission" in seen["replies"]["subject"]
    # Transmission's first answers have no `nodes` at all, since it knows nobody. That is an answer,
    # no reason to ask again and again: libtorrent bans for 5 minutes whoever sends it more than 5
    # messages a second.
    assert seen["queries_to_transmission"] < 10 + 2 * seen["steps"]["transmission was answered"]
    check_found(seen, "subject", "transmission")


@runs_of("shares_peers")
def test_libtorrent_finds_the_peer_that_it_announces_and_the_reverse(seen: Seen) -> None:
    assert {"subject found", "libtorrent found"} <= seen["steps"].keys()
    if "announced" in seen:
        assert {"infohash", "port", "stored", "elapsed_s", "queries"} <= seen["announced"].keys()
        assert {node["port"] for node in seen["announced"]["stored"]} == {6881}
        [peer] = seen["peers"]["peers"]
        assert (peer["host"], peer["port"]) in (("45.4.2.3", 5555), ("2a04:beef::1", 5555))
        assert 0 < seen["peers"]["first_peer_s"] <= seen["peers"]["elapsed_s"] < 30


@runs_of("shares_items")
def test_libtorrent_gets_the_items_that_it_puts_and_the_reverse(seen: Seen) -> None:
    """BEP 44, immutable and mutable; and it stores what libtorrent puts."""
    assert [item["value"] for item in seen["libtorrent_got"]] == [
        "from the subject",
        "from the subject too",
    ]
    assert [item["value"] for item in seen["subject_got"]] == [
        "from libtorrent",
        "from libtorrent too",
    ]
    assert seen["subject_stores"] == [True, True]
    if "puts" in seen:
        immutable, mutable = seen["puts"]
        assert immutable["stored_on"] == mutable["stored_on"] == 2, "both libtorrents"
        assert seen["libtorrent_got"][1]["seq"] == mutable["seq"]
        assert seen["subject_got"][1]["key"] is not None
        assert seen["counters"]["accepted.query.put"] >= 2
        assert not any(name.startswith("refused.put-") for name in seen["counters"])


@runs_of("agrees_on_its_address", ("4",))
def test_it_follows_the_address_that_libtorrent_reports_and_a_strict_libtorrent_hands_it_out(
    seen: Seen,
) -> None:
    """libtorrent's check of BEP 42, and one of the lab; a wrong ID would never be returned."""
    assert "subject" in seen["replies"]["strict"]
    assert seen["conforms"]
    assert seen["libtorrent_says"] == "45.1.2.3"
    if "subject_says" in seen:
        assert (seen["subject_says"]["host"], seen["subject_says"]["port"]) == ("45.1.2.3", 7881)
        assert seen["subject_says"]["id"] == seen["ids"]["subject"]


def failed(seen: Seen) -> set[str]:
    """The cases of `kadisc conformance` that the client fails, after all were asked."""
    document = seen["conformance"]
    failed = {case["name"] for case in document["cases"] if case["outcome"] == "fail"}
    assert document["failed"] == len(failed)
    assert document["code"] == (1 if failed else 0), document["said"]
    return failed


@pytest.mark.parametrize(
    ("seen", "faults"),
    [
        (("is_judged/4", "libtorrent"), {"announce-port-0", "silent-queriers", "address-votes"}),
        (("is_judged/4", "kadisc"), set()),
    ],
    indirect=["seen"],
    ids=["libtorrent", "kadisc"],
)
def test_conformance_finds_the_faults_of_libtorrent_and_none_in_it(
    seen: Seen, faults: set[str]
) -> None:
    """Peers with port 0, queriers that never answer, and votes in replies to nothing."""
    assert failed(seen) == faults


@pytest.mark.parametrize(
    "seen", [("transmission_is_judged/4", "kadisc")], indirect=True, ids=["transmission"]
)
def test_conformance_finds_the_faults_of_transmission(seen: Seen) -> None:
    """Those of jech/dht. Its constant transaction ids are seen only when it asks two of ours in
    time.
    """
    assert {"tid-long", "token-other-hash", "claimed-id"} <= failed(seen)
