"""Inputs that are guided by coverage: the process in which atheris runs one target.

::

    python -m tests.fuzz.codec.guided TARGET SEED FOLDER PACKAGES [OPTIONS OF LIBFUZZER] CORPUS

It prints one line of JSON about once a second, with the number of inputs, and one for each failure,
whose input it has written into FOLDER. A failure does not end it; a crash, a hang or too much
memory does, and libFuzzer writes its input into FOLDER as well.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=sys.argv[4].split(",")):
    module = importlib.import_module(f"tests.fuzz.codec.targets.{sys.argv[1].replace('-', '_')}")

from .corpus import first_inputs
from .failures import failure_of, save
from .mutation import Mutator
from .target import Target

SLOWDOWN = 8.0
"""Instrumented code takes so many times as long; measured are 2 to 5."""


def tell(document: dict[str, object]) -> None:
    print(json.dumps(document), flush=True)


def main() -> None:
    name, seed, folder, _, *options = sys.argv[1:]
    [target] = [
        each for each in vars(module).values() if isinstance(each, Target) and each.name == name
    ]
    others = first_inputs(target)
    known: set[str] = set()
    inputs = 0
    told_at = time.monotonic()

    def one(data: bytes) -> None:
        nonlocal inputs, told_at
        inputs += 1
        failure = failure_of(target, data, slowdown=SLOWDOWN)
        if failure is not None and failure.signature not in known:
            known.add(failure.signature)
            path = save(failure, Path(folder))
            tell({"failure": failure.signature, "text": failure.text, "path": str(path)})
        now = time.monotonic()
        if now >= told_at + 1.0:
            told_at = now
            tell({"inputs": inputs})

    def mutated(data: bytes, max_size: int, random_seed: int) -> bytes:
        rng = Random(random_seed)
        if rng.random() < 0.3:
            return bytes(atheris.Mutate(data, max_size))
        mutator = Mutator(rng, target.tokens, target.mutate, max_size)
        return mutator.mutated(data, rng.choice(others))

    arguments = [
        sys.argv[0],
        f"-seed={seed}",
        f"-max_len={target.max_bytes}",
        f"-artifact_prefix={folder}/{target.name}-",
        *options,
    ]
    atheris.Setup(arguments, one, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
