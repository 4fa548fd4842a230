"""Attacking nodes, one behaviour a module. It may import `model` and `measure`. Start with
`adversary.py`.
"""
