"""A seed of a hunt as a run of a sweep: it is executed by a worker, and gives a record."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha1
from typing import Any

from ...errors import UsageError
from ...version import __version__
from ..lab import Lab
from ..oracles.saved_state import Reload
from ..oracles.violation import Violation
from ..sweep.sweep import Record
from .plan import LIVENESS_S, WARMUP_S, HuntChoices, drawn
from .trial import Trial

COMMAND = "kadisc sim hunt"


@dataclass(frozen=True, slots=True)
class HuntSeed:
    """``reload``: a function of a module, so that a worker elsewhere finds it."""

    seed: int
    choices: HuntChoices
    reload: Reload | None = None

    @property
    def key(self) -> str:
        words = json.dumps([__version__, "hunt", self.seed, self.choices.words()])
        return sha1(words.encode(), usedforsecurity=False).hexdigest()[:16]

    @property
    def command(self) -> str:
        return " ".join([COMMAND, f"--seed {self.seed}", *self.choices.words()])

    @property
    def weight(self) -> float:
        return 1.0

    def record(
        self,
        told: Callable[[float], None] | None = None,
        *,
        watch: Callable[[Lab], Callable[[], None]] | None = None,
    ) -> Record:
        """Raises UsageError alone. A failure has ``failed``, and of a violation ``oracle``,
        ``node``, ``at_s`` and ``evidence``. ``watch``: as in `run_scenario`.
        """
        plan = drawn(self.seed, self.choices)
        if told is not None:
            watch = partial(_watch, told)
        began_s = time.thread_time()
        found: dict[str, Any]
        try:
            found = {"metrics": Trial(plan, self.reload, watch).run()}
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001  # whatever a core raises is what is looked for
            found = {"failed": f"{type(error).__name__}: {error}".replace("\n", " ")}
            if isinstance(error, Violation):
                found |= {
                    "oracle": error.oracle,
                    "node": error.node,
                    "at_s": error.at_s,
                    "evidence": error.evidence,
                }
            else:
                found |= {"oracle": "exception", "evidence": _last_frames(error)}
        return {
            "scenario": "hunt",
            "seed": self.seed,
            **found,
            "plan": plan.words(),
            "cpu_s": round(time.thread_time() - began_s, 3),
            "settings": {},
            "nodes": plan.options.nodes,
            "varied": {},
            "version": __version__,
            "command": self.command,
            "run": self.key,
        }


def hunted(seeds: Sequence[int], choices: HuntChoices, reload: Reload | None) -> list[HuntSeed]:
    """Raises UsageError."""
    choices.check()
    return [HuntSeed(seed, choices, reload) for seed in seeds]


def _watch(told: Callable[[float], None], lab: Lab) -> Callable[[], None]:
    whole_s = WARMUP_S + 60.0 * lab.options.minutes + LIVENESS_S
    return lambda: told(min(1.0, lab.world.now / whole_s))


def _last_frames(error: BaseException) -> str:
    """Where an exception was raised: the last functions, innermost last."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return " > ".join(frames[-6:])
