"""Datagrams, time and tasks: UDP sockets, an in-memory network for tests, clocks, the pump between
ports and the core, the dispatch of events. It imports no other room of `net`. Start with `pump.py`.
"""
