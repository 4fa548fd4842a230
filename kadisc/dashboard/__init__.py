"""The live view in a terminal. Pure functions make lines of text from snapshots and history;
`Screen` alone touches the terminal.
"""
