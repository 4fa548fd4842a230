"""Fuzzers: programs that look for faults with random input for as long as they are left to run.

``core.py`` plays the rest of the network to one live core in virtual time; ``codec/`` gives foreign
bytes to everything that reads them, guided by coverage; ``scripts/fuzz`` runs all fuzzers on all
cores, and ``docs/explanation/hunt.md`` says how.
"""
