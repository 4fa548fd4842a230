"""Oracles: what must hold in every simulation, one promise a module; a promise that is broken ends
the run with a `Violation`. It may import `model` and `measure`. Start with `oracles.py`.
"""
