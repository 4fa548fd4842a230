"""Lookups of the one-shot commands, in all address families, by a running node or by a temporary
one. It may import the rooms `transport`, `state`, `mapping`, `join` and `api`. Start with
`multi_family.py`.
"""
