"""Data that goes into the core and comes out of it: events, commands, saved state, counters,
identities. It may import the wire format and the nouns of the package, and no other room. Start
with `events.py` (what a caller sees) and `queries.py` (what components return).
"""
