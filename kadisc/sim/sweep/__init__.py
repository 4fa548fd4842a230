"""Sweeps: runs of every combination of options and seeds, in processes of this machine or on a
cluster, with results as JSON lines. It may import `run` and everything below it. Start with
`sweep.py`.
"""
