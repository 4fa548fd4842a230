"""The parts of `discover.py`: the world of namespaces and the relay in it (`world.py`,
`relay.py`), the programs that are measured (`sides.py`), and what runs in processes of their own,
which is named after the program that it runs.
"""
