"""The simulated world: hosts, NATs, latency, churn, faults, and the events that happen to them in
virtual time. It imports the options of the simulation and no other room. Start with `world.py`.
"""
