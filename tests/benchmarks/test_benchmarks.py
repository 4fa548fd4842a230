"""The benchmarks against other programs run from end to end, at a size that says nothing about
speed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.namespaces import UnavailableError, check_namespaces

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(name: str, out: Path, *arguments: str, limit_s: float = 60.0) -> list[dict[str, Any]]:
    try:
        check_namespaces("ip link set lo up && ip addr add local 45.0.0.0/8 dev lo")
    except UnavailableError as why:
        pytest.skip(str(why))
    command = [sys.executable, str(BENCHMARKS / name), *arguments, "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(out.read_text())["rows"]
    return rows


def test_serve_measures_all_servers_with_all_methods(tmp_path: Path) -> None:
    rows = run(
        "serve.py", tmp_path / "serve.json", "--rounds", "1", "--seconds", "0.15", "--settle", "0"
    )
    servers = {row["server"] for row in rows}
    assert servers == {
        "batch echo",
        "trio echo",
        "libtorrent",
        "kadisc",
        "kadisc, bencode.py alone",
    }
    assert len(rows) == 2 + 3 * 3  # both echoes once
    assert all(row["rate"] > 0 and row["cpu_us"] >= 0 for row in rows)
    # With 8 nodes, or it would be no measure of find_node.
    assert all(
        row["bytes"] > 8 * 26
        for row in rows
        if row["server"].startswith("kadisc") and row["method"] != "ping"
    )


def test_lookup_finds_peers_cold_and_warm_and_counts_the_queries(tmp_path: Path) -> None:
    rows = run(
        "lookup.py", tmp_path / "lookup.json", "--targets", "1", "--nodes", "100", "--settle", "0"
    )
    assert [row["temperature"] for row in rows] == ["cold", "warm"]
    for row in rows:
        for side in row["sides"].values():
            assert 0 < side["p50_s"] < 15
            assert 0 < side["whole_search"] < 200


@pytest.mark.real
def test_store_tells_where_announces_and_puts_are(tmp_path: Path) -> None:
    rows = run(
        "store.py", tmp_path / "store.json", "--number", "2", "--devnet", "12", "--nodes", "100"
    )
    assert [(row["where"], row["kind"]) for row in rows] == [
        (where, kind) for where in ("devnet", "swarm") for kind in ("announce", "put")
    ]
    for row in rows:
        assert (row["all_8"], row["least"]) == (1.0, 8)
        assert 0 < row["queries"] < 60


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_a_node_serves_as_fast_as_libtorrent(tmp_path: Path) -> None:
    rows = run("serve.py", tmp_path / "serve.json", limit_s=500)
    assert [row["verdict"] for row in rows if row["verdict"].endswith("MISSED")] == []
