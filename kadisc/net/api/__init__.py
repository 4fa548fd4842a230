"""A running node as a program uses it: opening it, lookups, peers, announcing and publishing. It
may import the rooms `transport`, `state`, `mapping`, `link` and `join`. Start with `open.py`, then
`node.py`.
"""
