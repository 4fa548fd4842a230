"""What is wrong with a node, and what its operator can do. `gather.py` takes the facts once; each
check, in a file of its group, is a pure function from them to findings; `checks.py` lists all. It
may import the shell; the control socket and the command ``kadisc doctor`` use it.
"""
