"""The hunt for faults: a seed draws a network, faults, defences and adversaries; after a phase of
safety the faults stop, and a phase of liveness follows. It may import `sweep` and everything below
it. Start with `plan.py`.
"""
