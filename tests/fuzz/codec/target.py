"""What a target is, and how one input is judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

FACTOR = 5.0
"""An input fails that takes more than this many times the intended processor time."""
_MEASUREMENTS = 3
"""Another thread, a garbage collection or a cold cache slows one run down, and not three."""


class OracleBroken(AssertionError):
    """An input was accepted that should not have been, or came back as something else."""


class TooSlow(AssertionError):
    """One input took too much processor time."""


Mutate = Callable[[bytes, Random], bytes]
"""Changes the structure of an input rather than single bytes of it."""


def _no_seeds() -> Sequence[bytes]:
    return ()


@dataclass(frozen=True, slots=True)
class Target:
    """One reader of foreign input.

    Args:
        name: The name of the target, and of its folder in ``corpus/``.
        oracle: What holds for every input, in one sentence.
        check: Judges one input: returns, or raises.
        seeds: Makes the inputs to begin with, the same ones each time.
        tokens: Byte strings that have a meaning in such input.
        mutate: Changes the structure of an input; None where there is none.
        max_bytes: The longest input that is tried.
        intended_s: Processor time that one input of that length may take, without instrumentation.
        guided_by: The packages whose coverage guides; to instrument all of them takes a minute.
        quick_runs: The number of inputs that the default test makes up.
    """

    name: str
    oracle: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]] = _no_seeds
    tokens: tuple[bytes, ...] = ()
    mutate: Mutate | None = None
    max_bytes: int = 1024
    intended_s: float = 0.002
    guided_by: tuple[str, ...] = ("kadisc",)
    quick_runs: int = 400


def require(is_so: bool, what: str) -> None:
    """Raises OracleBroken."""
    if not is_so:
        raise OracleBroken(what)


def run_one(target: Target, data: bytes, *, slowdown: float = 1.0) -> None:
    """Raises what the target raises, and TooSlow. ``slowdown``: by how much instrumentation makes
    the code slower.
    """
    limit_s = FACTOR * target.intended_s * slowdown
    fastest = float("inf")
    for _ in range(_MEASUREMENTS):
        began = time.thread_time()
        target.check(data)
        fastest = min(fastest, time.thread_time() - began)
        if fastest <= limit_s:
            return
    raise TooSlow(f"{len(data)} bytes took {fastest:.3f} s of processor time, not {limit_s:.3f} s")
