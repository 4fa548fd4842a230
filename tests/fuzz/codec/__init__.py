"""A fuzzer of everything that reads bytes or text which another node, a router, a file or a program
has written.

::

    python -m tests.fuzz.codec --minutes 10              all targets, one after the other
    python -m tests.fuzz.codec --target messages --minutes 5 --seed 7
    python -m tests.fuzz.codec --target messages --replay FILE

With ``atheris`` (the extra ``fuzz``) the inputs are guided by the coverage of the code; without it
they are random changes of the corpus. Each target (`targets/`) declares an oracle: which errors may
be raised, what accepted input must come back as, and how long one input may take. ``corpus/`` keeps
a few inputs for each target, which `test_codec_targets.py` replays.

Start with `target.py` and `targets/messages.py`.
"""
