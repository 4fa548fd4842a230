"""Iterative lookups and the operations built on them: find_node, get_peers, announce, get, put,
join. It may import every room before it in the order of `tests/test_layers.py`. Start with
`closest.py` (the algorithm) and `operation.py` (its messages and events).
"""
