"""Decisions that depend on addresses alone: scopes and prefixes, BEP 42 node IDs, the external
address of this node, whether this node is online. It may import `contract`. Start with `policy.py`,
which says which addresses are accepted and how they are grouped.
"""
