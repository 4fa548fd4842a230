"""What people and programs see of a node: descriptions of events and clients, snapshots, counters,
traces.
"""
