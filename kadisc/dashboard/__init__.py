"""The live dashboard in a terminal. Pure functions make lines of text from snapshots and history;
only `Screen` accesses the terminal.
"""
