"""scripts/digests tells checkouts that behave the same from those that do not."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).parents[2]
SMALL = "--nodes 12 --minutes 0.1 --set warmup_s=5"


@pytest.fixture
def digests(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(TOP / "scripts"))
    digests, runs = (importlib.import_module(name) for name in ("digests", "digest_runs"))
    small = {"small": runs.Simulation("lookup", SMALL)}
    monkeypatch.setattr(digests, "SIMULATIONS", small)
    return digests


def copy_with(folder: Path, old: str, new: str) -> Path:
    """A checkout that differs in this text, wherever it stands."""
    shutil.copytree(TOP / "kadisc", folder / "kadisc")
    [place] = [file for file in folder.rglob("*.py") if old in file.read_text("utf-8")]
    place.write_text(place.read_text("utf-8").replace(old, new), "utf-8")
    return folder


def verdict(digests: Any, other: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = digests.main(["--against", str(other), "--json"])
    [record] = json.loads(capsys.readouterr().out)
    assert record["here"]["deliveries"] > 100
    return code, record["verdict"]


def test_the_same_behaviour_is_told_from_another(
    digests: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    same = copy_with(tmp_path / "same", "class Digest:", "class Digest:  # the same")
    assert verdict(digests, same, capsys) == (0, "equal")
    other = copy_with(
        tmp_path / "other", 'CLIENT_VERSION: Final = b"KD', 'CLIENT_VERSION: Final = b"KE'
    )
    assert verdict(digests, other, capsys) == (1, "DIFFERENT")
    silent = copy_with(tmp_path / "silent", "self.digest.delivery(", "str.format('', ")
    assert verdict(digests, silent, capsys) == (1, "FAILED")


def test_numbers_count_and_names_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOP / "scripts"))
    numbers = importlib.import_module("digest_child").numbers
    measured = {"found": 0.5, "rows": [{"name": "all on", "count": 3}], "none": None}
    assert [*numbers(measured)] == [0.5, 3, None]
