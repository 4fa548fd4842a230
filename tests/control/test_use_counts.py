"""What clients of the control socket ask is counted, and no label is theirs to choose."""

from __future__ import annotations

from pathlib import Path

from kadisc.control.metric_facts import metric_facts
from kadisc.observe.metric_family import MAX_VALUES
from kadisc.observe.metrics import metric_families

from .lab import Lab, comes_true, open_lab


def samples(lab: Lab, name: str) -> dict[tuple[str, ...], object]:
    [family] = (
        each for each in metric_families(metric_facts(lab.node)) if each.name == f"kadisc_{name}"
    )
    return {each.labels: each.value for each in family.samples}


async def test_requests_are_counted_by_their_outcome(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        assert samples(lab, "control_clients") == {(): 0.0}
        async with lab.client() as client:
            await client.ask("status")
            await client.result()
            assert samples(lab, "control_clients") == {(): 1.0}
            await client.ask("find", target="no ID")
            await client.error()
            await client.ask("broken")
            await client.error()
            await client.ask("slow", 7)
            await comes_true(lambda: lab.slow.running == 1)
            await client.send(b'{"jsonrpc": "2.0", "method": "$/cancel", "params": {"id": 7}}')
            await client.error()
            await client.ask("slow", 8)
            await comes_true(lambda: lab.slow.running == 1)
            for number in range(3 * MAX_VALUES):
                await client.ask(f"nosuch{number}")
                await client.error()
            await client.send(b"nonsense")
            await client.error()
        await comes_true(lambda: lab.node.use_counts.control_clients == 0)
        assert samples(lab, "control_requests") == {
            ("broken", "fault"): 1.0,
            ("find", "failed"): 1.0,
            ("other", "refused"): 3.0 * MAX_VALUES + 1,
            ("slow", "cancelled"): 1.0,
            ("slow", "closed"): 1.0,
            ("status", "done"): 1.0,
        }


async def test_peers_given_and_verdicts_are_counted(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=2, name="testnet") as lab, lab.client() as client:
        await client.ask("network_peers", count=2)
        found = (await client.result())["peers"]
        await client.ask("feedback", peer=found[0]["endpoint"], verdict="busy")
        await client.result()
        await client.ask("feedback", peer="192.0.2.1:5", verdict="bad")
        await client.error()
        assert samples(lab, "peers_given")["network_peers",] == len(found)
        assert samples(lab, "peer_feedback") == {
            ("bad",): 0.0,
            ("busy",): 1.0,
            ("good",): 0.0,
            ("wrong-network",): 0.0,
        }
        await client.ask("follow_peers", 9)
        await comes_true(lambda: bool(samples(lab, "peers_given")["follow_peers",]))
