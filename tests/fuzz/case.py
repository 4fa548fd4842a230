"""A case: a configuration, a seed and a list of moves, which fail or do not. It is drawn from a
seed, played, made smaller, and saved as a small file that a test replays.
"""

from __future__ import annotations

import json
import re
import signal
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any, Final

from . import configurations
from .answers import Network
from .calls import CALLS
from .moves import MOVES
from .oracles import Broken, require
from .stage import CHECK_EVERY, Stage

ALL_MOVES: Final = {**MOVES, **CALLS}
LENGTHS: Final = (50, 300, 800, 800, 2000)
"""Moves of one case: many short ones, because a start is where much may go wrong."""
LONGEST_MOVE_S: Final = 30
"""A move that takes so many seconds of processor time is taken for an endless one; most take 1 ms.
"""
PATIENCE_S: Final = 3600.0
"""At the end of a case no node answers any more, and every operation ends within so long."""

Step = tuple[str, int]
"""The name of a move, and the seed of its own choices."""


@dataclass(frozen=True)
class Failure:
    """``kind``: what failures of one cause have in common; ``after``: how many moves were made;
    ``text``: the error with its traceback.
    """

    kind: str
    after: int
    text: str


@dataclass(frozen=True)
class Case:
    seed: int
    values: Mapping[str, Any]
    steps: tuple[Step, ...]

    @classmethod
    def drawn(cls, seed: int) -> Case:
        """The same case for the same seed, as long as configuration and moves are the same."""
        rng = Random(seed)
        names, weights = list(ALL_MOVES), [weight for weight, _ in ALL_MOVES.values()]
        # Each case makes some moves more often than others.
        weights = [max(1, round(weight * rng.choice((0.2, 1, 1, 1, 3)))) for weight in weights]
        chosen = rng.choices(names, weights, k=rng.choice(LENGTHS))
        steps = tuple((name, rng.getrandbits(32)) for name in chosen)
        return cls(seed, configurations.draw(rng), steps)

    def save(self, path: Path, failure: Failure | None = None) -> None:
        told = {} if failure is None else {"failure": failure.kind}
        lines = ",\n  ".join(json.dumps(step) for step in self.steps)
        head = json.dumps({**told, "seed": self.seed, "values": dict(self.values)}, indent=1)
        path.write_text(f'{head[:-2]},\n "steps": [\n  {lines}\n ]\n}}\n', encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Case:
        found = json.loads(path.read_text(encoding="utf-8"))
        known = {
            name: value
            for name, value in found["values"].items()
            if name in configurations.CORE_KEYS or "." not in name
        }
        steps = tuple((name, seed) for name, seed in found["steps"] if name in ALL_MOVES)
        return cls(found["seed"], known, steps)

    def play(
        self, check_every: int = CHECK_EVERY, count: Callable[[int], None] = lambda events: None
    ) -> Failure | None:
        """Plays the whole case. The failure, if there is one; nothing is raised. ``count`` is told
        how many datagrams the core received, and how often it was woken.
        """
        made = 0
        stage: Stage | None = None
        with tempfile.TemporaryDirectory() as folder:
            try:
                with _deadline():
                    stage = Stage(self.values, self.seed, Path(folder))
                    network = Network(stage)
                for name, seed in self.steps:
                    made += 1
                    rng = network.rng = Random(seed)
                    with _deadline():
                        ALL_MOVES[name][1](stage, network, rng)
                    if not made % check_every:
                        stage.check()
                with _deadline():
                    stage.check()
                    _let_end(stage)
                    stage.finish()
            except Exception as error:  # noqa: BLE001
                return Failure(kind_of(error), made, traceback.format_exc(limit=-12))
            finally:
                count(stage.events if stage is not None else 0)
        return None


def _let_end(stage: Stage) -> None:
    """No node answers any more: operations end by their own time-outs. Only where the queries of
    all of them can be sent in that time, and the clock has not gone back for longer.
    """
    config = stage.config
    if stage.is_raw_clock or config.query.timeout_s > 20 or config.query.new_address_rate < 1:
        return
    end = stage.now + PATIENCE_S
    for _ in range(20_000):
        if not stage.ends.running():
            return
        deadline = stage.core.next_deadline()
        require(deadline <= end, "an operation waits for nothing", stage.ends.running())
        stage.until(deadline)
        stage.tick()
    stage.ends.all_over("although nothing answers")


def kind_of(error: BaseException) -> str:
    """Failures of one cause have one kind: the place in the package where an exception comes from,
    or the text of an oracle before its first colon.
    """
    if isinstance(error, Broken):
        return str(error).split(":")[0]
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if "/kadisc/" in frame.filename] or frames
    place = inside[-1]
    name = re.sub(r".*/(kadisc|tests)/", r"\1/", place.filename)
    return f"{type(error).__name__} in {name}, {place.name}"


@contextmanager
def _deadline() -> Iterator[None]:
    """Ends an endless loop inside one move, in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise Broken(f"one move takes longer than {LONGEST_MOVE_S} s: ")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_MOVE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


# --- smaller --------------------------------------------------------------------------------------


def minimised(case: Case, failure: Failure, may_go_on: Callable[[], bool]) -> Case:
    """A smaller case that fails in the same way, by delta debugging (Zeller and Hildebrandt 2002):
    of the moves, then of the values of the configuration.
    """

    def fails(tried: Case) -> bool:
        found = tried.play(check_every=1 if len(tried.steps) < 400 else CHECK_EVERY)
        return found is not None and found.kind == failure.kind

    case = replace(case, steps=case.steps[: failure.after])
    steps = _smallest(case.steps, lambda kept: fails(replace(case, steps=tuple(kept))), may_go_on)
    case = replace(case, steps=tuple(steps))
    values = _smallest(
        list(case.values.items()), lambda kept: fails(replace(case, values=dict(kept))), may_go_on
    )
    return replace(case, values=dict(values))


def _smallest(
    parts: Sequence[Any], fails: Callable[[Sequence[Any]], bool], may_go_on: Callable[[], bool]
) -> Sequence[Any]:
    if parts and fails(parts[:0]):
        return parts[:0]
    pieces = 2
    while len(parts) >= 2 and may_go_on():
        size = -(-len(parts) // pieces)
        for at in range(0, len(parts), size):
            rest = [*parts[:at], *parts[at + size :]]
            if not may_go_on():
                return parts
            if fails(rest):
                parts, pieces = rest, max(pieces - 1, 2)
                break
        else:
            if size == 1:
                break
            pieces = min(len(parts), pieces * 2)
    return parts
