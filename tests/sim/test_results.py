"""A results file on a full disk."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from kadisc.errors import KadiscError
from kadisc.sim.sweep.results import ResultsFile


def test_the_error_for_a_full_disk_names_the_file(tmp_path: Path) -> None:
    path, limits = str(tmp_path / "out.jsonl"), resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(KadiscError, match=r"out\.jsonl: File too large; results are kept"):
        try:
            with ResultsFile(path) as results:
                resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
                results.add({"scenario": "lookup", "seed": 1, "metrics": {}})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
