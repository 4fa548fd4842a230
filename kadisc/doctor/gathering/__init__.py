"""How the facts of a machine are had: each with its own time limit and its own error, all at once.
`machine.py` starts them; each other file has those of one kind. May import the shell, and the
dataclasses of `kadisc/doctor/`.
"""
