"""A running node as a program uses it: opening it, lookups, peers, announcing and publishing. It
may import `transport`, `state` and `join`. Start with `node.py` and `open.py`.
"""
