"""What an observer checks and counts: the oracle (which nodes are alive and closest), invariants,
traces, statistics. It may import `model`. Start with `oracle.py` and `invariants.py`.
"""
