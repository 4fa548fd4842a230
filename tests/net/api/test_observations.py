"""What a real node observes for its views, on a network in memory."""

from __future__ import annotations

import trio

from kadisc.core.contract import purposes
from kadisc.core.contract.events import Outcome

from ..lab import address, network, open_at


async def test_views_get_lookups_limits_votes_and_the_loudest() -> None:
    net = network(latency_s=0.001)
    async with (
        open_at(net, 2) as other,
        open_at(net, 3, bootstrap=[address(2)]) as third,
        open_at(net, 1, bootstrap=[address(2)]) as node,
    ):
        await third.joined()
        await node.joined()
        await node.find_node(7)
        await node.announce(9, 4444)
        seen = node.observations(node.snapshot())
        rows = {(each.what, each.target): each for each in seen.finished}
        announce, lookup = rows["announce_peer", f"{9:040x}"], rows["find_node", f"{7:040x}"]
        assert (announce.found, announce.outcome) == (2, Outcome.DONE)
        assert lookup.purpose == purposes.CALLER
        assert purposes.OWN_ID in {each.purpose for each in seen.finished}
        assert announce.elapsed_s >= 0.002
        assert seen.limits[0].host == node.config.core.limits.host_queries_per_s
        assert seen.limits_lifted == node.config.core.unlimited
        assert {each.subnet for each in seen.loudest} == {"13.2.7.0/24", "14.3.7.0/24"}
        assert abs(sum(each.share for each in seen.loudest) - 1.0) < 0.001
        [state] = seen.addresses
        assert state.family is other.snapshot().dhts[0].family
        assert len(state.votes) >= 1
        assert seen.feeds == ()


async def test_lookups_in_flight_are_seen() -> None:
    net = network(latency_s=0.5)
    async with open_at(net, 2), open_at(net, 1, bootstrap=[address(2)]) as node:
        await node.joined()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(node.find_node, 77)
            await trio.sleep(0.01)
            running = node.observations(node.snapshot()).running
            [mine] = [each for each in running if each.target == f"{77:040x}"]
            assert (mine.what, mine.purpose, mine.queries) == ("find_node", "caller", 1)
            assert mine.elapsed_s < 5.0
