"""What an operator changes while a node runs: bans and static peers by command, and another
configuration. May import the rooms up to the configuration file; start reading with
``administration.py``.
"""
