"""Nodes with a behaviour of their own: what an attacker would run in the place of ours. They see no
more than their own traffic and each other.
"""
