"""The hosts that a node tells another one that it had to do with."""

from __future__ import annotations

from random import Random

import pytest

from kadisc.core.limits.host_filter import HostFilter, filter_of
from kadisc.endpoints import Endpoint, make_endpoint
from tests.support.world import address


@pytest.mark.parametrize(("added", "others"), [(0, 0.0), (30, 0.11), (280, 0.66)])
def test_all_that_were_added_are_in_it_and_as_many_others_as_it_says(
    added: int, others: float
) -> None:
    draw = Random(7)
    hosts = [Endpoint(draw.randbytes(6)) for _ in range(3000)]
    shares = []
    for seed in range(20):
        found = filter_of(hosts[:added], Random(seed))
        again = HostFilter(found.raw)
        assert all(each in again for each in hosts[:added])
        shares.append(sum(each in again for each in hosts[added:]) / (3000 - added))
        assert len(found.raw) == 40
    assert sum(shares) / 20 == pytest.approx(others, abs=0.02)


def test_a_host_is_an_ipv4_address_or_an_ipv6_64() -> None:
    one, near = make_endpoint("2a01:1:2:3::1", 6881), make_endpoint("2a01:1:2:3:4::9", 7000)
    found = filter_of([one, make_endpoint("45.1.1.1", 6881)], Random(1))
    assert near in found
    assert make_endpoint("45.1.1.1", 9) in found


def test_the_same_host_is_in_another_cell_each_time() -> None:
    cells = {filter_of([Endpoint(address(1))], Random(seed)).raw[8:] for seed in range(200)}
    assert len(cells) > 80
