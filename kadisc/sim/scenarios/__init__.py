"""The scenarios of `kadisc sim run`, one a module. It may import everything below `run.py`. Start
with `scenario.py`, then `lookup.py` as the shortest example.
"""
