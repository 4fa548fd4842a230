"""Scripted routers on the real ports, in a network namespace: what each does to a node."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from ...support.namespaces import ENVIRONMENT, NAMESPACES, UnavailableError, check_namespaces
from ...support.scenario_results import unavailable
from .inside import OTHER, ROUTER, SETUP

pytestmark = pytest.mark.real

XML = ("garbage", "deep", "large", "long-name", "endless")


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    try:
        check_namespaces(" && ".join(SETUP))
    except UnavailableError as error:
        unavailable(str(error))
    done = subprocess.run(
        [*NAMESPACES, sys.executable, "-m", "tests.net.mapping.inside"],
        capture_output=True,
        text=True,
        timeout=150,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("router", "outcome", "within_s"),
    [
        ("pcp", ["grant", "pcp", 6881, 3600.0], 0.5),
        ("natpmp", ["grant", "natpmp", 6881, 3600.0], 0.5),
        ("external-0", ["grant", "pcp", 6881, 3600.0], 0.5),
        ("lifetime-60", ["grant", "pcp", 6881, 60.0], 0.5),
        ("lifetime-max", ["grant", "pcp", 6881, 86_400.0], 0.5),
        ("lifetime-0", ["refusal", "pcp", "short-lease"], 10),
        ("lifetime-10", ["refusal", "pcp", "short-lease"], 10),
        ("double-nat", ["refusal", "pcp", "double-nat"], 2.5),
        ("version-1", ["refusal", "pcp", "version"], 10),
        ("wrong-nonce", ["refusal", "pcp", "silent"], 10),
        ("wrong-length", ["refusal", "pcp", "silent"], 10),
        ("too-long", ["refusal", "pcp", "silent"], 10),
        ("silent", ["refusal", "pcp", "silent"], 10),
        ("another-host", ["refusal", "pcp", "silent"], 10),
        ("closed", ["refusal", "pcp", "unreachable"], 2.5),
        ("flood", ["refusal", "pcp", "noise"], 2.5),
    ],
)
def test_what_a_router_is_taken_for(
    seen: dict[str, Any], router: str, outcome: list[Any], within_s: float
) -> None:
    assert seen["scripted"][router]["outcome"] == outcome
    assert seen["scripted"][router]["took_s"] < within_s


def test_the_router_is_that_of_the_default_route(seen: dict[str, Any]) -> None:
    assert seen["place"][0] == ROUTER


def test_notices_of_the_router_alone_count_once_in_five_seconds(seen: dict[str, Any]) -> None:
    notices = seen["notices"]
    # 30 of them in 3 s; on a busy machine in more.
    assert 1 <= len(notices["router"]["after_s"]) <= 3
    assert notices["router"]["counters"]["mapping.notice.too-soon"] >= 10
    for other in ("other-host", "other-port"):
        assert notices[other]["after_s"] == []
        assert set(notices[other]["counters"]) == {"mapping.notice.other-source"}


def test_upnp_is_searched_by_one_datagram_and_found_at_the_router_alone(
    seen: dict[str, Any],
) -> None:
    sound = f"http://{ROUTER}:5000/rootDesc.xml"
    urls = {"sound": sound, "late": sound, "another-host": None, "elsewhere": None, "silent": None}
    assert {name: each["url"] for name, each in seen["search"].items()} == urls
    assert {each["searches"] for each in seen["search"].values()} == {1}
    assert OTHER not in sound


def test_notices_of_the_router_of_ipv6_count_too(seen: dict[str, Any]) -> None:
    notices = seen["notices_6"]
    assert notices["router"]["renewals"] == 1
    assert notices["router"]["counters"]["mapping.notice.heeded"] == 1
    assert notices["other-host"]["renewals"] == 0
    assert set(notices["other-host"]["counters"]) == {"mapping.notice.other-source"}


def test_a_node_maps_and_deletes_its_ports_and_keeps_the_nonces_after_a_crash(
    seen: dict[str, Any],
) -> None:
    user = seen["user"]
    assert [each["mapped"] for each in user.values()] == [2, 2, 2]
    assert user["interrupted"]["leases"] == [3600, 3600, 0, 0]
    assert user["killed"]["leases"] == [3600, 3600]
    assert user["again"]["leases"] == [3600, 3600, 0, 0]
    assert len(user["interrupted"]["nonces"]) == 2
    assert user["interrupted"]["nonces"] == user["killed"]["nonces"] == user["again"]["nonces"]
    assert user["interrupted"]["ended_s"] < 5


@pytest.mark.parametrize(
    ("description", "outcomes"),
    [
        ("sound", {"grant"}),
        ("control-elsewhere", {"control-url"}),
        ("base-elsewhere", {"control-url"}),
        ("user-in-url", {"control-url"}),
        ("redirect", {"description"}),
        ("slow", {"timeout"}),
        ("no-permission", {"refused"}),
        ("permanent-alone", {"refused"}),
        *((each, {"grant", "description", "refused", "timeout", "no-answer"}) for each in XML),
    ],
)
def test_a_hostile_description_harms_neither_the_node_nor_another_host(
    seen: dict[str, Any], description: str, outcomes: set[str]
) -> None:
    """A library in C reads it, in a process that cannot do much. What it makes of odd XML may
    differ between versions; no action is ever sent elsewhere.
    """
    if "hostile" not in seen:
        unavailable("the package miniupnpc is not installed")
    found = seen["hostile"][description]
    assert found["outcome"] in outcomes
    assert found["took_s"] < 20
    assert not any(line.startswith("POST") for line in found["elsewhere"])
    assert found["elsewhere"] == [], "a redirect is not followed, nor is a URL elsewhere asked"
    if description == "permanent-alone":
        assert found["posts"] == 2  # with a lease, then without
