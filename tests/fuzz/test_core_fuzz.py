"""The stateful fuzzer of the core: some fresh cases, the kept ones, and whether it finds what it is
for.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from kadisc.config import CoreConfig
from kadisc.core.core import Core
from kadisc.core.table.routing_table import RoutingTable

from . import configurations
from .__main__ import main as run_all
from .answers import Network
from .case import ALL_MOVES, Case, Failure, kind_of, minimised
from .core import hunt, main
from .oracles import Broken
from .reintroduced import FINDINGS, search
from .stage import Stage

KEPT = Path(__file__).parent / "kept"
MOVES = 400
"""Of each fresh case: some seconds of processor time in all."""


@pytest.mark.parametrize("seed", range(1, 9))
def test_fresh_cases_find_nothing(seed: int) -> None:
    case = Case.drawn(seed)
    failure = replace(case, steps=case.steps[:MOVES]).play()
    assert failure is None, f"python -m tests.fuzz.core --seed {seed}\n{failure.text}"


@pytest.mark.parametrize(
    "switch", [name for name in configurations.CORE_KEYS if name.startswith("core.defences.")]
)
def test_the_contract_holds_without_any_one_defence(switch: str) -> None:
    seed = 1000 + list(configurations.CORE_KEYS).index(switch)
    case = Case.drawn(seed)
    values = {name: value for name, value in case.values.items() if "defences" not in name}
    failure = replace(case, values={**values, switch: False}, steps=case.steps[:120]).play()
    assert failure is None, failure.text


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.json")), ids=lambda path: path.stem)
def test_a_case_that_failed_once_fails_no_more(path: Path) -> None:
    case = Case.load(path)
    assert case.steps
    failure = case.play(check_every=1)
    assert failure is None, failure.text


def test_the_same_seed_is_the_same_case_and_ends_in_the_same_state(tmp_path: Path) -> None:
    def played(seed: int, folder: Path) -> tuple[object, ...]:
        case = Case.drawn(seed)
        stage = Stage(case.values, case.seed, folder)
        network = Network(stage)
        for name, move_seed in case.steps[:60]:
            network.rng = Random(move_seed)
            ALL_MOVES[name][1](stage, network, network.rng)
        counters = stage.core.counters.as_dict()
        return case, counters, stage.core.own_ids, stage.now

    folders = tmp_path / "one", tmp_path / "other"
    for folder in folders:
        folder.mkdir()
    assert played(3, folders[0]) == played(3, folders[1])


def test_configurations_are_within_their_bounds_and_cover_the_smallest() -> None:
    smallest = 0
    for seed in range(60):
        values = configurations.draw(Random(seed))
        config = configurations.core_config(values)
        assert isinstance(config, CoreConfig)
        smallest += config.table.k == 1 or config.query.max_outstanding == 1
    assert smallest
    with pytest.raises(ValueError, match="out of bounds"):
        configurations.core_config({"core.table.k": 0})


# --- it finds what it is for ----------------------------------------------------------------------


@pytest.mark.parametrize("number", [2, 8, 12])
def test_a_fault_that_is_put_back_is_found(number: int) -> None:
    found = search(number, 300.0)
    assert found.kind is not None, found


@pytest.mark.slow
@pytest.mark.parametrize("number", FINDINGS)
def test_every_fault_that_is_put_back_is_found_within_five_minutes(number: int) -> None:
    found = search(number, 300.0)
    print(number, found)
    assert found.kind is not None, found


def test_a_failure_is_made_smaller_saved_and_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault is planted: the core fails when a static peer is added after a put."""
    puts: list[Core] = []
    put, add = Core.put, Core.add_static_peer

    def noted(self: Core, *args: object, **options: object) -> object:
        puts.append(self)
        return put(self, *args, **options)  # type: ignore[arg-type]

    def failing(self: Core, *args: object) -> None:
        if any(each is self for each in puts):
            raise KeyError("planted")
        add(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Core, "put", noted)
    monkeypatch.setattr(Core, "add_static_peer", failing)
    told: list[str] = []
    tally = hunt(60, 40, tell=told.append, folder=tmp_path, until_found=True, shrink_s=20)
    assert list(tally.kinds) == ["KeyError in tests/fuzz/test_core_fuzz.py, failing"]
    [path] = tmp_path.glob("*.json")
    small = Case.load(path)
    assert len(small.steps) <= 6, small.steps
    assert [name for name, _ in small.steps if name in ("put", "static_peer")][:1] == ["put"]
    assert any(f"--replay {path}" in line for line in told)
    assert main(["--replay", str(path)]) == 1
    assert "KeyError: 'planted'" in capsys.readouterr().out
    monkeypatch.undo()
    assert main(["--replay", str(path)]) == 0


def test_failures_of_one_cause_have_one_kind() -> None:
    assert kind_of(Broken("too many: 5")) == kind_of(Broken("too many: 77")) == "too many"
    failure = Failure("too many", 3, "")
    case = Case(1, {}, (("tick", 1), ("tick", 2), ("tick", 3)))
    assert minimised(case, failure, lambda: False).steps == case.steps, "it does not fail"


def test_a_move_that_never_ends_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: Core, now: float) -> None:
        while True:
            pass

    monkeypatch.setattr("tests.fuzz.case.LONGEST_MOVE_S", 0.5)
    monkeypatch.setattr(Core, "tick", never)
    failure = Case(1, {}, (("tick", 1),)).play()
    assert failure is not None
    assert failure.kind.startswith("one move takes longer")


def test_a_deadline_that_stays_where_it_is_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Core, "next_deadline", lambda self: 0.0)
    failure = Case(1, {}, (("tick", 1),)).play()
    assert failure is not None
    assert failure.kind == "the deadline stays where it is after a tick"


def test_a_table_that_contradicts_itself_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RoutingTable, "__len__", lambda self: 7)
    case = replace(Case.drawn(1), steps=(("tick", 1),))
    failure = case.play(check_every=1)
    assert failure is not None
    assert failure.kind.startswith("inconsistent")


def test_the_runner_of_all_fuzzers_tells_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["0.03", "--only", "core", "--processes", "1", "--seed", "5"]
    assert run_all([*words, "--folder", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "seed 5" in out
    assert "nothing was found" in out
    assert "cases," in out
