"""Inputs without guidance: random changes of seeds and corpus."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from .corpus import first_inputs
from .failures import Failure, failure_of
from .mutation import Mutator
from .target import Target


@dataclass(slots=True)
class Outcome:
    """``failures``: one for each signature."""

    inputs: int = 0
    elapsed_s: float = 0.0
    failures: dict[str, Failure] = field(default_factory=dict)


def run_unguided(
    target: Target,
    seed: int,
    *,
    runs: int | None = None,
    seconds: float = float("inf"),
    progress: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Until so many inputs were tried, or so many seconds have passed. ``progress`` is called about
    once a second.
    """
    rng = Random(f"{seed} {target.name}")
    mutator = Mutator(rng, target.tokens, target.mutate, target.max_bytes)
    pool = first_inputs(target)
    outcome = Outcome()
    began = told_at = time.monotonic()
    while runs is None or outcome.inputs < runs:
        now = time.monotonic()
        outcome.elapsed_s = now - began
        if outcome.elapsed_s >= seconds:
            break
        if now >= told_at + 1.0:
            told_at = now
            progress(outcome)
        data = mutator.mutated(rng.choice(pool), rng.choice(pool))
        found = failure_of(target, data)
        outcome.inputs += 1
        if found is not None:
            outcome.failures.setdefault(found.signature, found)
    return outcome
